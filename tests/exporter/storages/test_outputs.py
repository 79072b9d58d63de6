"""Whole outputs: a plan in each format, as golden files; what checks and tables say."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporter.client.probe import Probe, ProbedCertificate, ProbeFailure
from exporter.client.tls import Certificate
from exporter.config.storages_file import load_storages
from exporter.storages.checks import Grade, Shelves, look, nodes_view
from exporter.storages.entries import wanted
from exporter.storages.formats import FORMATS
from exporter.storages.importing import storages_file
from exporter.storages.plan import Plan, make_plan
from exporter.storages.tables import plan_section
from report.facts import StorageDefinition, StorageState
from tests.exporter.storages.entry_files import FINGERPRINT, OTHER_FINGERPRINT, cluster, definition, desired, job
from tests.exporter.storages.test_plan import definitions
from tests.golden_files import assert_golden


def plan() -> Plan:
    """One of each kind of change, and a shared namespace."""
    lab = cluster(
        definition("changed", port=8008, nodes=frozenset({"pve1"}), disabled=True),
        definition("moved", server="old.example", fingerprint=OTHER_FINGERPRINT),
        definition("same"),
        jobs=(job("nightly", "changed"), job("weekly", "moved")),
        encrypted=frozenset({"moved"}),
    )
    entries = [
        desired(
            "new",
            namespace="a",
            keep=(("keep-daily", 7), ("keep-last", 3)),
            nodes=frozenset({"pve2", "pve1"}),
            port=8010,
        ),
        desired("changed", keep=()),
        desired("moved"),
        desired("same"),
        desired("unread", "gone", username="root@pam", namespace="b"),
        desired("other", "site", namespace="a", port=8010),
    ]
    return make_plan(entries, {"lab": lab, "site": cluster(name="site")})


@pytest.mark.parametrize("form", list(FORMATS))
def test_a_plan_for_another_tool(form: str) -> None:
    assert_golden(f"storages_plan.{form}.txt", FORMATS[form](plan()))


def test_the_plan_as_json_is_json_and_as_ansible_is_yaml() -> None:
    assert json.loads(FORMATS["json"](plan()))["in_line"] is False
    (lab, site) = yaml.safe_load(FORMATS["ansible"](plan()))
    assert [task["ansible.builtin.uri"]["method"] for task in lab["tasks"] + site["tasks"]] == ["POST", "PUT", "POST"]


def test_the_commands_for_pvesm_are_a_shell_script() -> None:
    shell = shutil.which("sh")
    assert shell
    assert subprocess.run([shell, "-n"], input=FORMATS["pvesm"](plan()), text=True, check=False).returncode == 0


def test_every_row_of_the_plan_says_what_and_what_to_do() -> None:
    section = plan_section(plan())

    assert [row.cells[2] for row in section.rows] == [
        "CRITICAL",
        "create",
        "update",
        "manual",
        "unknown",
        "create",
        "advice",
    ]
    assert section.sentences == ("2 to create, 1 to update, 1 to do by hand, 1 unknown, 1 in line",)


@pytest.mark.parametrize("failure", list(ProbeFailure))
def test_every_way_a_probe_fails_has_words_and_a_remedy(failure: ProbeFailure) -> None:
    (check,) = look(
        [desired()], lambda host, port: Probe(host, port, failure=failure, detail="why"), lambda *_: None, 0
    )

    assert check.grade in (Grade.BAD, Grade.UNREACHABLE)
    assert "(why)" in check.message
    assert check.remedy


def test_each_address_is_probed_once_and_a_pbs_that_cannot_be_asked_is_unknown() -> None:
    asked: list[tuple[str, int]] = []

    def probe(host: str, port: int) -> Probe:
        asked.append((host, port))
        return Probe(host, port, failure=ProbeFailure.REFUSED)

    checks = look(
        [desired(), desired("again"), desired("vault", "site")], probe, lambda *_: Shelves("pbs one", {}, "401"), 0
    )

    assert asked == [("pbs.example", 8007)]
    assert [(check.entry, check.clusters) for check in checks[::2]] == [("vault", ("lab", "site")), ("again", ("lab",))]
    assert [check.grade for check in checks[1::2]] == [Grade.UNKNOWN, Grade.UNKNOWN]


DAY = 86_400
NOW = 1_795_233_600
GOOD_CERTIFICATE = ProbedCertificate(
    Certificate(FINGERPRINT, NOW + 100 * DAY, ("pbs.example",)), NOW - DAY, "CN=pbs", "CN=authority", False
)


def found(distrust: str = "", **certificate: int) -> Probe:
    """A server that answered."""
    changed = replace(
        GOOD_CERTIFICATE,
        shown=replace(GOOD_CERTIFICATE.shown, not_after=certificate.get("not_after", NOW + 100 * DAY)),
        not_before=certificate.get("not_before", NOW - DAY),
    )
    return Probe("pbs.example", 8007, ("192.0.2.7",), "192.0.2.7", "TLSv1.3", changed, distrust)


CERTIFICATES: tuple[tuple[Probe, dict[str, Any], str, Grade], ...] = (
    (found(), {}, "certificate", Grade.GOOD),
    (found("self-signed certificate"), {"fingerprint": FINGERPRINT.lower()}, "certificate", Grade.GOOD),
    (found(), {"fingerprint": OTHER_FINGERPRINT}, "certificate", Grade.BAD),
    (found(), {"fingerprint": None}, "certificate", Grade.GOOD),
    (found("self-signed certificate"), {"fingerprint": None}, "certificate", Grade.BAD),
    (found(not_after=NOW - 1), {}, "expiry", Grade.BAD),
    (found(not_after=NOW + 13 * DAY), {}, "expiry", Grade.WARNING),
    (found(not_after=NOW + 15 * DAY), {}, "expiry", Grade.GOOD),
    (found(not_before=NOW + 1), {}, "expiry", Grade.BAD),
)


@pytest.mark.parametrize(("seen", "entry", "what", "grade"), CERTIFICATES)
def test_a_certificate_is_judged_by_the_fingerprint_and_its_dates(
    seen: Probe, entry: dict[str, Any], what: str, grade: Grade
) -> None:
    checks = look([desired(**entry)], lambda *_: seen, lambda *_: None, NOW)

    assert [check.grade for check in checks if check.what == what] == [grade]
    assert all(check.remedy for check in checks if check.grade is not Grade.GOOD)


SHELVES: tuple[tuple[dict[str, tuple[str, ...] | str], Grade], ...] = (
    ({"main": ("", "prod")}, Grade.GOOD),
    ({"main": ("",)}, Grade.BAD),
    ({"copy": ("prod",)}, Grade.BAD),
    ({"main": "its disk is away"}, Grade.UNKNOWN),
)


@pytest.mark.parametrize(("namespaces", "grade"), SHELVES)
def test_datastore_and_namespace_are_judged_by_what_the_pbs_shows(
    namespaces: dict[str, tuple[str, ...] | str], grade: Grade
) -> None:
    checks = look([desired(namespace="prod")], lambda *_: found(), lambda *_: Shelves("pbs one", namespaces), NOW)

    assert checks[-1].grade is grade


STATES: tuple[tuple[tuple[bool, ...], bool, bool, Grade], ...] = (
    ((True, True), True, False, Grade.GOOD),
    ((True, False), True, False, Grade.BAD),
    ((False, False), False, False, Grade.UNKNOWN),
    ((False, False), False, True, Grade.GOOD),
    ((), True, False, Grade.UNKNOWN),
)


@pytest.mark.parametrize(("active", "enabled", "disabled", "grade"), STATES)
def test_the_nodes_view_is_bad_where_a_node_does_not_reach_it(
    active: tuple[bool, ...], enabled: bool, disabled: bool, grade: Grade
) -> None:
    states = tuple(
        StorageState("vault", f"pve{number}", "pbs", enabled, one, True) for number, one in enumerate(active, 1)
    )
    (check,) = nodes_view([desired(disabled=disabled)], {"lab": cluster(definition(), states=states)})

    assert check.grade is grade


PBS_ENTRIES = st.lists(
    definitions().filter(lambda entry: entry.storage_type == "pbs"), unique_by=lambda one: one.storage
)


@given(here=PBS_ENTRIES, there=PBS_ENTRIES)
def test_an_imported_file_loads_and_leaves_nothing_to_do(
    tmp_path_factory: pytest.TempPathFactory, here: list[StorageDefinition], there: list[StorageDefinition]
) -> None:
    clusters = [cluster(*here), cluster(*there, name="site")]
    path = Path(tmp_path_factory.mktemp("import"), "storages.yaml")
    path.write_text(storages_file(clusters))

    loaded = wanted(load_storages(path, ["lab", "site"]))
    assert len(loaded) == len(here) + len(there)
    assert make_plan(loaded, {one.cluster: one for one in clusters}).in_line
