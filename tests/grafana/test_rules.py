"""The rules are what the rows say, use metrics that exist, and each alert is tested three ways and explained."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from exporter.metrics.own import SELF_METRICS
from exporter.metrics.rows import Metric
from exporter.metrics.table import REPORT_METRICS
from grafana.mixin.records import RECORDS
from grafana.mixin.render import ALERTS, files
from grafana.mixin.settings import FILE, read_settings, seconds
from report.findings import RULES, Area, FindingCode, Severity
from tests.exporter.metric_text import counters
from tests.golden_files import assert_file
from tests.tools import require

FOLDER = FILE.parent
RUNBOOK = FOLDER.parent / "docs" / "runbook.md"
TESTS = sorted((FOLDER / "tests").glob("*.yaml"))
RENDERED = files(read_settings())
ROWS = [row for rows in ALERTS.values() for row in rows]
NAMES = [row.name for row in ROWS]

# what Prometheus itself adds to every series
ADDED = {"job", "instance"}
SELECTOR = re.compile(r"\b((?:\w+:)?vzcover_[a-z0-9_]+(?::\w+)?|up)\b(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!=|!~|=)\s*"([^"]*)"')
GROUPING = re.compile(r"\b(?:by|on|group_left)\s*\(([^)]*)\)")
ABOUT_GUESTS = [code for code in FindingCode if RULES[code].area not in (Area.JOBS, Area.STORES, Area.WAIVERS)]
# findings about jobs and stores that have metrics of their own, which say more
TOLD_BY_STATE = {
    FindingCode.JOB_NEVER_RUNS: 'vzcover_backup_job_state{state="broken"}',
    FindingCode.STORAGE_DRIFT: "vzcover_pve_storage_drift",
}


def rules() -> Iterator[dict[str, Any]]:
    """Every rule as Prometheus reads it."""
    for text in RENDERED.values():
        for group in yaml.safe_load(text)["groups"]:
            yield from group["rules"]


def cases() -> Iterator[dict[str, Any]]:
    """Every case of the promtool tests."""
    for path in TESTS:
        yield from yaml.safe_load(path.read_text())["tests"]


def known_metrics() -> dict[str, tuple[set[str], Mapping[str, tuple[str, ...]]]]:
    """By name of a sample: its labels, and the closed sets of values that some of them have."""
    table: list[Metric[Any, Any]] = [*REPORT_METRICS, *SELF_METRICS]
    found: dict[str, tuple[set[str], Mapping[str, tuple[str, ...]]]] = {
        metric.full_name: (set(metric.labels), {metric.labels[-1]: metric.values} if metric.values else {})
        for metric in table
    }
    live = counters()
    live.know_channel("mail")
    live.know_report("daily")
    for family in text_string_to_metric_families(live.render(openmetrics=False).decode()):
        for sample in family.samples:
            found[sample.name] = (set(sample.labels), {})
    found["up"] = (set(), {})
    # a recorded one has the labels in front of its name
    names = known_labels(found)
    for record in RECORDS:
        prefix = record.name.split(":")[0]
        found[record.name] = ({label for label in names if label in prefix}, {})
    return found


def known_labels(metrics: Mapping[str, tuple[set[str], Mapping[str, tuple[str, ...]]]]) -> set[str]:
    return {label for labels, _ in metrics.values() for label in labels}


KNOWN = known_metrics()


def assert_known(expression: str) -> None:
    """Fail unless each metric of an expression exists with the labels and states that are asked of it."""
    for name, matchers in SELECTOR.findall(expression):
        assert name in KNOWN, f"{name} in {expression}"
        labels, closed = KNOWN[name]
        for label, _, value in MATCHER.findall(matchers):
            assert label in labels | ADDED, f"{name} has no label {label}"
            if label in closed:
                assert set(value.split("|")) <= set(closed[label]), f"{name}: {label} is never {value}"
    for names in GROUPING.findall(expression):
        assert {name.strip() for name in names.split(",")} - {""} <= known_labels(KNOWN), expression


@pytest.mark.parametrize("name", RENDERED)
def test_the_files_are_made_from_the_rows(name: str) -> None:
    assert_file(FOLDER / name, RENDERED[name])


def test_promtool_takes_the_rules() -> None:
    checked = subprocess.run(
        [require("promtool"), "check", "rules", *(FOLDER / name for name in RENDERED)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_promtool_tests_pass(path: Path) -> None:
    tested = subprocess.run(
        [require("promtool"), "test", "rules", path], capture_output=True, text=True, check=False, timeout=300
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_alert_is_tested_firing_silent_and_with_changing_or_missing_data() -> None:
    tested: dict[str, set[str]] = {}
    for case in cases():
        alerts = {check["alertname"] for check in case.get("alert_rule_test", ())}
        for alert in alerts:
            name, kind = case["name"].split(":")[0].split()
            assert name == alert, case["name"]
            expected = [check["exp_alerts"] for check in case["alert_rule_test"]]
            assert any(expected) if kind == "fires" else True, case["name"]
            assert not any(expected) if kind == "silent" else True, case["name"]
            tested.setdefault(name, set()).add("changing" if kind in ("flapping", "missing") else kind)

    assert tested == {name: {"fires", "silent", "changing"} for name in NAMES}


def test_every_record_is_tested() -> None:
    asked = " ".join(check["expr"] for case in cases() for check in case.get("promql_expr_test", ()))
    assert [record.name for record in RECORDS if record.name not in asked] == []


def test_every_metric_and_label_of_a_rule_exists() -> None:
    for rule in rules():
        assert_known(rule["expr"])
        for inner in re.findall(r'printf "((?:[^"\\]|\\.)*)"', rule.get("annotations", {}).get("description", "")):
            assert_known(inner.replace('\\"', '"').replace("%q", '"104"'))


def test_the_series_of_tests_are_such_as_vzcover_writes() -> None:
    """All labels that are not empty, since Prometheus drops empty ones."""
    may_be_empty = {"name", "pool", "node", "namespace", "pve", "vmid", "owner"} | ADDED
    for case in cases():
        for row in case["input_series"]:
            assert_known(row["series"])
            ((name, matchers),) = SELECTOR.findall(row["series"])
            told = {label for label, _, _ in MATCHER.findall(matchers)}
            assert KNOWN[name][0] - told <= may_be_empty, row["series"]


@pytest.mark.parametrize("code", [code for code in ABOUT_GUESTS if RULES[code].severity is not Severity.INFO])
def test_each_finding_that_lowers_a_verdict_is_told_by_one_alert(code: FindingCode) -> None:
    telling = [
        rule["alert"]
        for rule in rules()
        if re.search(rf'max by \(pve, vmid, code\) \(vzcover_guest_finding\{{code=~"[^"]*\b{code}\b', rule["expr"])
    ]
    assert len(telling) == 1, telling


@pytest.mark.parametrize("code", [code for code in FindingCode if code not in ABOUT_GUESTS])
def test_each_finding_about_no_guest_is_told_by_one_alert_unless_it_is_information(code: FindingCode) -> None:
    sign = TOLD_BY_STATE.get(code, f'vzcover_estate_findings{{code="{code}", severity!="info"}}')
    telling = [rule["labels"]["severity"] for rule in rules() if "alert" in rule and sign in rule["expr"]]

    wanted = RULES[code].severity
    assert telling == ([] if wanted is Severity.INFO else [wanted.value])


def test_alerts_name_findings_that_exist() -> None:
    named = {
        code for rule in rules() for codes in re.findall(r'code=~"([^"]*)"', rule["expr"]) for code in codes.split("|")
    }
    assert named <= {code.value for code in ABOUT_GUESTS}


def test_waived_guests_never_page() -> None:
    about_guests = [rule for rule in rules() if rule.get("alert", "").startswith("VzcoverGuest")]
    assert len(about_guests) == len(ALERTS["guests"])
    for rule in about_guests:
        assert 'unless on (pve, vmid) (vzcover_guest_protection{state="waived"} == 1)' in rule["expr"]


def test_every_alert_has_its_texts_and_a_section_of_the_runbook() -> None:
    headings = re.findall(r"^## (Vzcover\w+)$", RUNBOOK.read_text(), re.MULTILINE)
    assert headings == NAMES
    assert max(Counter(NAMES).values()) == 1
    base = read_settings().runbook
    for rule in rules():
        if "alert" in rule:
            assert rule["labels"]["severity"] in ("critical", "warning")
            assert rule["annotations"]["runbook_url"] == f"{base}#{rule['alert'].lower()}"
            assert rule["annotations"]["summary"].endswith(".")
            assert rule["annotations"]["description"].endswith((".", "{{ end }}"))
            assert seconds(rule["for"])


def test_thresholds_have_one_home(tmp_path: Path) -> None:
    mine = tmp_path / "settings.yaml"
    mine.write_text(FILE.read_text().replace("used_warning: 0.85", "used_warning: 0.7").replace("long: 1h", "long: 2h"))
    changed = files(read_settings(mine))

    assert "> 0.7" in changed["alerts/stores.yaml"]
    assert "> 0.85" not in changed["alerts/stores.yaml"]
    assert changed["alerts/guests.yaml"].count("for: 2h") == RENDERED["alerts/guests.yaml"].count("for: 1h")


def test_the_runbook_is_set_in_one_place(tmp_path: Path) -> None:
    mine, site = tmp_path / "settings.yaml", "https://wiki.example.com/backups/runbook"
    mine.write_text(FILE.read_text().replace(f"runbook: {read_settings().runbook}", f"runbook: {site}"))

    urls = re.findall(r"runbook_url: (.*)#", "".join(files(read_settings(mine)).values()))
    assert urls == [site] * len(NAMES)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("used_warning: 0.85", "used_warnin: 0.85", "used_warnin is not known"),
        ("  long: 1h", "", "patience.long is missing"),
        ("  long: 1h", "  long: soon", "soon is no duration"),
    ],
)
def test_settings_that_do_not_fit_are_refused(old: str, new: str, complaint: str, tmp_path: Path) -> None:
    mine = tmp_path / "settings.yaml"
    mine.write_text(FILE.read_text().replace(old, new))
    with pytest.raises(ValueError, match=complaint):
        read_settings(mine)


def test_one_command_writes_all_of_it_where_you_want(tmp_path: Path) -> None:
    written = subprocess.run(
        [sys.executable, "-m", "grafana", "--output", tmp_path],
        cwd=FOLDER.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert written.stdout.splitlines() == [str(tmp_path / name) for name in RENDERED]
    assert {name: (tmp_path / name).read_text() for name in RENDERED} == RENDERED


def test_a_trial_divides_every_wait_and_range_and_no_threshold() -> None:
    faster = files(read_settings(), faster=60)

    assert "offset 1560s" in faster["alerts/guests.yaml"]
    assert "keep_firing_for: 10s" in faster["alerts/guests.yaml"]
    assert "[15s]" in faster["alerts/exporter.yaml"]
    assert "> 43200" in faster["alerts/stores.yaml"]
