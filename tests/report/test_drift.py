"""Where PVE is not what the file of storages says (J1), and two clusters in one namespace (D14), as the Report tells them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from report.drift import Drift, drift_of
from report.facts import StorageDefinition
from report.findings import FindingCode, Severity
from report.model.report import Report
from report.model.sources import IssueCode
from report.policy import DeclaredStorage, Policy
from report.readings import Permissions
from report.rows.jobs import all_storages, drift
from report.rows.shared import Reader
from report.tables.json_report import report_document
from report.words import describe_finding
from tests import builders as a
from tests.report import estates as e

READER = Reader("en", UTC)
HIDDEN = Permissions({"/": {"VM.Audit": True, "Sys.Audit": True}, "/storage/pbs": {"Datastore.Audit": True}})


def declared(*entries: StorageDefinition, cluster: str = "lab") -> tuple[DeclaredStorage, ...]:
    return tuple(DeclaredStorage(cluster, entry) for entry in entries)


def judged(*entries: StorageDefinition, cluster: str = "lab", **facts: Any) -> Report:
    """Judge the ordinary estate against a file with these entries."""
    return e.judge(e.group(), policy=Policy(declared=declared(*entries, cluster=cluster)), **facts).report


def drifting(report: Report) -> dict[str, tuple[Drift, ...] | None]:
    return {storage.storage: storage.drift for storage in report.storages}


def told(report: Report, code: FindingCode) -> list[str]:
    found = [each.finding for each in report.findings if each.finding.code is code]
    return [describe_finding(finding, "en", UTC, e.NOW) for finding in found]


DIFFERENCES: tuple[tuple[dict[str, Any], tuple[tuple[str, str, str], ...]], ...] = (
    ({}, ()),
    ({"port": 8007, "server": "PBS.Example."}, ()),
    ({"port": 8008}, (("port", "8008", ""),)),
    ({"disabled": True}, (("disable", "1", ""),)),
    ({"namespace": None}, (("namespace", "", "lab"),)),
    ({"username": None}, (("username", "root@pam", e.TOKEN),)),
    ({"keep": ()}, (("prune-backups", "keep-all=1", ""),)),
    (
        {"server": "pbs2.example", "datastore": "copy"},
        (("server", "pbs2.example", "pbs.example"), ("datastore", "copy", "main")),
    ),
)


@pytest.mark.parametrize(("changed", "expected"), DIFFERENCES, ids=str)
def test_each_option_that_differs_is_named_with_both_values(
    changed: dict[str, Any], expected: tuple[tuple[str, str, str], ...]
) -> None:
    (entry,) = declared(e.entry(**changed))

    assert drift_of(entry, e.entry()) == tuple(Drift("pbs", "lab", *row) for row in expected)


def test_an_entry_that_is_missing_and_one_of_another_type() -> None:
    gone, directory = declared(e.entry("gone"), e.entry("iso"))

    assert drift_of(gone, None) == (Drift("gone", "lab", "missing"),)
    assert drift_of(directory, StorageDefinition("iso", "dir", frozenset({"iso"}))) == (
        Drift("iso", "lab", "type", "pbs", "dir"),
    )


def test_an_entry_in_line_has_no_drift_and_one_that_the_file_does_not_name_is_not_compared() -> None:
    report = judged(e.entry(), storages=(e.entry(), e.entry("other", namespace="x")))

    assert drifting(report) == {"other": None, "pbs": ()}
    assert told(report, FindingCode.STORAGE_DRIFT) == []


def test_drift_is_a_warning_for_each_option() -> None:
    report = judged(e.entry(port=8008, disabled=True), e.entry("gone"))

    assert told(report, FindingCode.STORAGE_DRIFT) == [
        "storage gone is in the file and not in PVE",
        "storage pbs: port is not set, the file says 8008",
        "storage pbs: disable is not set, the file says 1",
    ]
    assert {each.finding.severity for each in report.findings} == {Severity.WARNING}
    assert {each.source for each in report.findings} == {"lab"}


def test_without_a_file_nothing_is_compared() -> None:
    report = e.judge(e.group()).report

    assert drifting(report) == {"pbs": None}
    assert list(drift(report, READER)) == []


@pytest.mark.parametrize(
    "facts",
    [{"permissions": a.reading(HIDDEN)}, {"permissions": a.reading(None)}, {"storages_unread": True}],
    ids=["some may be hidden", "rights not known", "not read"],
)
def test_where_not_every_storage_is_visible_drift_is_not_known(facts: dict[str, Any]) -> None:
    cluster = e.cluster(**{key: value for key, value in facts.items() if key != "storages_unread"})
    if "storages_unread" in facts:
        cluster = replace(cluster, storages=a.reading(None))
    report = judged(e.entry(port=8008), e.entry("gone"), clusters=(cluster,))

    assert not any(storage.drift for storage in report.storages)
    assert told(report, FindingCode.STORAGE_DRIFT) == []
    (section,) = drift(report, READER)
    assert section.rows == ()
    assert section.sentences == ("Not compared, because not everything could be seen: lab/pbs and lab/gone.",)


def test_the_report_shows_the_differences_under_the_storages() -> None:
    report = judged(e.entry(port=8008), e.entry("gone"))
    (section,) = drift(report, READER)

    assert [row.cells for row in section.rows] == [
        ("gone", "–", "yes", "the entry is missing"),
        ("pbs", "port", "8008", "not set"),
    ]
    states = {row.cells[0]: row.cells[3] for row in all_storages(report, READER).rows}
    assert states["gone"] == "not in PVE"


def test_what_the_file_says_of_an_entry_for_people_is_shown() -> None:
    policy = Policy(declared=(DeclaredStorage("lab", e.entry(), "Primary"),))
    report = e.judge(e.group(), policy=policy).report

    assert [row.cells[0] for row in all_storages(report, READER).rows] == ["pbs: Primary"]
    assert [row["description"] for row in report_document(report, "en")["storages"]] == ["Primary"]


def test_where_all_is_in_line_the_report_says_so() -> None:
    (section,) = drift(judged(e.entry()), READER)

    assert (section.rows, section.sentences) == ((), ())
    assert section.empty == "Every entry of the file is in PVE as the file says."


def test_json_tells_the_differences_of_each_storage() -> None:
    rows = report_document(judged(e.entry(port=8008), e.entry("gone")), "en")["storages"]

    assert {row["storage"]: row["drift"] for row in rows} == {
        "gone": [{"field": "missing", "wanted": "", "found": ""}],
        "pbs": [{"field": "port", "wanted": "8008", "found": ""}],
    }


def test_a_file_that_cannot_be_used_is_an_issue_and_what_it_said_before_is_compared() -> None:
    policy = Policy(declared=declared(e.entry(port=8008)), declared_problem="storages.yaml:3: no such setting")
    report = e.judge(e.group(), policy=policy).report

    (issue,) = (issue for issue in report.issues if issue.code is IssueCode.STORAGES_FILE_UNREADABLE)
    assert issue.params == (("message", "storages.yaml:3: no such setting"),)
    assert told(report, FindingCode.STORAGE_DRIFT) == ["storage pbs: port is not set, the file says 8008"]


# --- D14


SHOP = "backup@pbs!shop"


def sharing(storage: StorageDefinition, **facts: Any) -> list[tuple[str, str, str]]:
    """What is said where a second cluster has this entry: source, subject, entries."""
    shop = e.cluster(name="shop", storages=[storage])
    report = e.judge(e.group(), clusters=(e.cluster(), shop), **facts).report
    return [
        (each.source, each.finding.subject, str(dict(each.finding.params)["entries"]))
        for each in report.findings
        if each.finding.code is FindingCode.NAMESPACE_SHARED
    ]


def test_a_namespace_of_two_clusters_is_critical_without_any_file() -> None:
    assert sharing(e.entry(username=SHOP)) == [("vault", "vault/main/lab", "lab/pbs, shop/pbs")]
    assert sharing(e.entry(username=SHOP, namespace="shop")) == []
    assert sharing(e.entry(username=SHOP, disabled=True)) == []


def test_the_report_tells_it_above_the_storages() -> None:
    shop = e.cluster(name="shop", storages=[e.entry(username=SHOP)])
    report = e.judge(e.group(), clusters=(e.cluster(), shop)).report

    assert all_storages(report, READER).sentences == (
        "Several clusters write to one namespace, vault/main/lab: lab/pbs, shop/pbs. "
        "To do: Give each cluster a namespace of its own: pvesm set STORAGE --namespace NAME",
    )
    assert all_storages(e.judge(e.group()).report, READER).sentences == ()


def test_a_configured_pbs_is_one_server_by_whatever_name_an_entry_calls_it() -> None:
    by_address = e.entry(username=SHOP, server="192.0.2.7")
    vault = e.server(e.group())

    assert sharing(by_address) == []
    hosts = (("pbs.example", 8007), ("192.0.2.7", 8007))
    (found,) = sharing(by_address, vault=replace(vault, hosts=hosts))
    assert found[2] == "lab/pbs, shop/pbs"


def test_what_the_file_says_is_no_writer_until_pve_has_it() -> None:
    policy = Policy(declared=declared(e.entry("twin", username=SHOP), cluster="shop"))

    assert sharing(e.entry(username=SHOP, namespace="shop"), policy=policy) == []
