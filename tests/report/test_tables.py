"""JSON and CSV: the contract of schema version 1, golden files, and nothing that breaks a reader."""

from __future__ import annotations

import ast
import csv
import io
import json
import tomllib
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from report.findings import PARAMETERS, FindingCode
from report.model.groups import GroupMatch, RetentionState
from report.model.guests import Coverage, DiskCover, Protection
from report.model.jobs import JobState
from report.model.reasons import ReasonCode
from report.model.report import ChangeKind, Report
from report.model.sources import IssueCode
from report.policy import Scope, Waiver
from report.tables.csv_report import groups_csv, guests_csv
from report.tables.findings_document import findings_document
from report.tables.json_report import report_document, to_json
from report.tables.schema import report_schema, schema_text
from report.verdict import VERDICTS
from report.version import VERSION
from report.words import LANGUAGES
from tests.builders import NOW, group_report, guest_report, job_report, report
from tests.golden_files import assert_file, assert_golden
from tests.specimen import specimen, specimen_with_backups
from tests.strategies import reports

ROOT = Path(__file__).resolve().parents[2]
PARIS = ZoneInfo("Europe/Paris")
VALIDATOR = Draft202012Validator(report_schema())
SPECIMENS = {"": specimen(), "backups_": specimen_with_backups()}


def rows(given_report: Report, language: str = "en") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(guests_csv(given_report, language, PARIS), newline=""), strict=True))


# --- the schema ---


def test_the_committed_schema_is_the_code_s() -> None:
    assert_file(ROOT / "docs" / "report.schema.json", schema_text())
    Draft202012Validator.check_schema(report_schema())


def test_the_schema_allows_nothing_that_it_does_not_name() -> None:
    open_maps = {"params", "keep"}

    def closed(schema: Any, name: str = "") -> bool:
        if isinstance(schema, list):
            return all(closed(each) for each in schema)
        if not isinstance(schema, dict):
            return True
        if "properties" in schema and schema.get("additionalProperties") is not False:
            return False
        if schema.get("type") == "object" and "properties" not in schema and name not in open_maps:
            return False
        return all(closed(value, key) for key, value in schema.items())

    assert closed(report_schema())


def test_the_schema_lists_every_code() -> None:
    definitions = report_schema()["$defs"]
    assert definitions["reason"]["properties"]["code"]["enum"] == [str(code) for code in ReasonCode]
    assert definitions["issue"]["properties"]["code"]["enum"] == [str(code) for code in IssueCode]
    guest = definitions["guest"]["properties"]
    assert guest["coverage"]["enum"] == ["sauvegarde_planifiee", "non_sauvegardee", "indetermine"]
    assert guest["protection"]["enum"] == [str(state) for state in Protection]
    assert definitions["job"]["properties"]["state"]["enum"] == [str(state) for state in JobState]
    assert definitions["group"]["properties"]["match"]["enum"] == [str(match) for match in GroupMatch]
    assert definitions["group"]["properties"]["state"]["enum"] == [str(state) for state in RetentionState]
    assert definitions["finding"]["properties"]["code"]["enum"] == [str(code) for code in FindingCode]
    assert definitions["finding"]["properties"]["severity"]["enum"] == ["critical", "warning", "info"]
    assert guest["disks"]["enum"] == [str(cover) for cover in DiskCover]
    assert definitions["change"]["properties"]["kind"]["enum"] == [str(kind) for kind in ChangeKind]


@settings(deadline=None, max_examples=60)
@given(reports(), st.sampled_from(LANGUAGES))
def test_any_report_is_valid_json_of_the_schema(given_report: Report, language: str) -> None:
    text = to_json(given_report, language)
    assert text.endswith("}\n")
    document = json.loads(text.encode())
    VALIDATOR.validate(document)
    assert document == json.loads(json.dumps(report_document(given_report, language)))


# --- the contract of issue 2 ---


def test_the_document_holds_what_the_contract_names() -> None:
    document = report_document(specimen(), "en")
    assert document["schema_version"] == 1
    assert document["generated_at"] == NOW
    assert document["vzcover_version"] == VERSION
    named = {
        "guests": "pve vmid guest_type name node pool tags template coverage protection reasons jobs",
        "jobs": "pve id state reasons guests unknown_ids schedule next_run storage",
        "sources": "name kind up version fetched_at error missing_privileges",
        "issues": "source subject code text guests",
    }
    for part, keys in named.items():
        for row in document[part]:
            assert set(keys.split()) <= set(row)
    assert set(document["guests"][3]["jobs"][0]) == {"id", "state", "reason"}
    assert set(document["guests"][3]["reasons"][0]) == {"code", "params", "text"}


def test_the_summary_counts_all_guests_and_the_demanded_ones() -> None:
    summary = report_document(specimen(), "en")["summary"]
    assert summary["guests"] == 8
    assert summary["coverage"] == {"sauvegarde_planifiee": 3, "non_sauvegardee": 4, "indetermine": 1}
    assert summary["demanded"] == 7
    assert summary["demanded_coverage"] == {"sauvegarde_planifiee": 3, "non_sauvegardee": 3, "indetermine": 1}
    assert summary["protection"]["waived"] == 1
    assert summary["backups_read"] is False


def test_the_document_holds_what_the_contract_of_issue_3_names() -> None:
    document = report_document(specimen_with_backups(), "en")
    assert document["schema_version"] == 1
    assert document["summary"]["backups_read"] is True
    assert {source["kind"] for source in document["sources"]} == {"pve", "pbs"}
    named = {
        "groups": "server datastore namespace backup_type backup_id pve vmid owner snapshots unfinished protected newest oldest policy "
        "nominal expected actual delta state match low high missing surplus encrypted verified verify_failed inherited renamed "
        "incomplete read_at newest_size_bytes comment",
        "guests": "newest_backup newest_verified due",
        "datastores": "server datastore state total_bytes used_bytes estimated_full deduplication_ratio garbage_collection orphans",
        "pbs_jobs": "server job_type id datastore namespace schedule next_run last_run keep",
    }
    for part, keys in named.items():
        assert document[part]
        for row in document[part]:
            assert set(keys.split()) <= set(row)
    assert document["groups"][1]["policy"] == {
        "pruned_by": ["prune job p-main"],
        "keep": {"keep-daily": 7},
        "zone": "Europe/Paris",
        "next_prune": NOW + 17 * 3600,
        "next_prune_removes": 1,
    }
    assert document["groups"][-1]["policy"]["keep"] is None


def test_the_document_holds_what_the_contract_of_issue_4_names() -> None:
    document = report_document(specimen_with_backups(), "en")
    named = {
        "guests": "protection findings waived waiver rule limit_seconds newest_usable copies disks last_failure last_duration_seconds "
        "proof restore_command",
        "findings": "source code severity subject params text since",
        "changes": "kind pve vmid name before after causes findings",
        "jobs": "missed_runs",
    }
    for part, keys in named.items():
        assert document[part]
        for row in document[part]:
            assert set(keys.split()) <= set(row)
    assert document["compared_with"] == NOW - 300
    assert set(document["policy"]) >= {"demand_templates", "default", "rules", "waivers", "stores"}
    guests = {guest["vmid"]: guest for guest in document["guests"]}
    assert guests[102]["findings"][0] == {
        "code": "backup_late",
        "severity": "warning",
        "subject": "",
        "params": {"newest": NOW - 55 * 3600, "due": NOW - 31 * 3600, "limit_seconds": 91_800, "jobs": "nightly"},
        "text": "last good backup 2\u00a0d\u00a07\u00a0h ago, limit 25\u00a0h\u00a030\u00a0min "
        "(job nightly, due 20\xa0Oct\xa02026, 02:00\xa0UTC)",
        "since": NOW - 2 * 86_400,
    }
    assert guests[101]["waived"][0]["waiver"]["reason"] == "mp0 is a cache"
    assert guests[113]["waiver"]["until"] == NOW + 60 * 86_400
    assert guests[115]["waiver"]["until"] is None


def test_every_finding_is_in_the_specimen() -> None:
    judged = specimen_with_backups()
    told = {finding.code for guest in judged.guests for finding in guest.findings}
    assert told | {found.finding.code for found in judged.findings} == set(FindingCode)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SPECIMENS)
def test_the_json_of_the_specimen(name: str, language: str) -> None:
    assert_golden(f"{name}report.{language}.json", to_json(SPECIMENS[name], language, version="VERSION"))


def test_names_are_exact_in_json() -> None:
    odd = report([guest_report(name="a\nb\x1b → 数据库")])
    text = to_json(odd, "en")
    assert "→ 数据库" in text
    assert json.loads(text)["guests"][0]["name"] == "a\nb\x1b → 数据库"


def test_half_a_character_does_not_break_the_encoding() -> None:
    text = to_json(report([guest_report(name="half \ud83d")]), "en")
    assert json.loads(text.encode("utf-8"))["guests"][0]["name"] == "half \ud83d"


def test_a_schedule_that_is_none_has_no_words() -> None:
    document = report_document(report(jobs=[job_report(schedule="mon-fri 22:00")]), "en")
    assert document["jobs"][0]["schedule"] == "mon-fri 22:00"
    assert document["jobs"][0]["schedule_text"] is None


# --- the list of findings ---


def test_the_committed_list_of_findings_is_the_code_s() -> None:
    assert_file(ROOT / "docs" / "findings.md", findings_document())


def test_every_code_and_every_row_of_the_verdict_is_listed_once() -> None:
    text = findings_document()
    for code in FindingCode:
        assert text.count(f"\n| `{code}` |") == 1
    for row in VERDICTS:
        assert text.count(f"\n| `{row.name}` |") == 1


def test_the_listed_parameters_are_those_that_judgements_give() -> None:
    """Read off the calls that name the code and the parameters themselves."""
    given_names: dict[str, set[tuple[str, ...]]] = {}
    for path in (ROOT / "report").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            match call:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name("Finding"), attr="of"),
                    args=[ast.Attribute(value=ast.Name("FindingCode"), attr=code), *_],
                    keywords=keywords,
                ) if all(keyword.arg for keyword in keywords):
                    given_names.setdefault(code, set()).add(tuple(keyword.arg or "" for keyword in keywords))
    assert len(given_names) > 30
    for code, names in given_names.items():
        assert names == {PARAMETERS.get(FindingCode[code], ())}, code


# --- CSV ---


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SPECIMENS)
def test_the_csv_of_the_specimen(name: str, language: str) -> None:
    assert_golden(f"{name}guests.{language}.csv", guests_csv(SPECIMENS[name], language, PARIS))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_csv_of_the_specimen_s_groups(language: str) -> None:
    assert_golden(f"groups.{language}.csv", groups_csv(specimen_with_backups(), language, PARIS))


def test_columns_are_only_added_at_the_end() -> None:
    header = guests_csv(report(), "en", PARIS).strip().split(",")
    assert header[:3] == ["pve", "vmid", "guest_type"]
    issue_3 = header.index("due") + 1
    assert header[issue_3 - 6 : issue_3] == [
        *("excluded_volumes", "created_at", "notes", "newest_backup", "newest_verified", "due")
    ]
    assert header[issue_3:] == [
        *("rule", "limit_seconds", "finding_codes", "waived_codes", "waiver", "newest_usable", "newest_usable_place"),
        *("newest_usable_verified", "newest_usable_encrypted", "copies", "offsite_copies", "disks", "last_failure"),
        *("restore_proven", "restore_command", "restore_reported", "newest_usable_verified_elsewhere"),
    ]


def test_a_guest_s_row_tells_what_was_found_and_what_could_be_restored() -> None:
    table = {row["vmid"]: row for row in rows(specimen_with_backups())}
    sound, on_files, late, unread = (table[vmid] for vmid in ("100", "101", "102", "106"))
    assert late["finding_codes"] == "backup_late;backup_failed"
    assert (sound["copies"], sound["offsite_copies"], sound["newest_usable_verified"]) == ("2", "1", "true")
    assert sound["newest_usable"] == "2026-10-21T04:00:00+02:00"
    assert sound["newest_usable_place"] == "pbs1/main"
    assert (on_files["waived_codes"], on_files["newest_usable_verified"]) == ("volumes_excluded", "")
    assert (unread["copies"], unread["offsite_copies"], unread["newest_usable"]) == ("", "", "")


def test_a_reason_of_a_waiver_is_never_a_formula() -> None:
    waiver = Waiver(Scope.of_guest("lab", 100), "=1+1", NOW, owner="ops")
    (row,) = rows(report([guest_report(100, waiver=waiver)]))
    assert row["waiver"] == "'=1+1"


def test_there_is_a_row_for_each_group() -> None:
    given_report = report(groups=[group_report(comment="=1+1"), group_report(101, expected=None, delta=-3)])
    table = list(csv.DictReader(io.StringIO(groups_csv(given_report, "en", PARIS), newline=""), strict=True))
    assert [row["vmid"] for row in table] == ["100", "101"]
    assert [row["expected"] for row in table] == ["7", ""]
    assert [row["delta"] for row in table] == ["0", "-3"]
    assert table[0]["keep"] == "keep-daily=7"
    assert table[0]["newest"] == "2026-10-21T04:00:00+02:00"
    assert table[0]["comment"] == "'=1+1"
    assert table[0]["versions"] == "7 versions, 7 expected"


def test_there_is_a_row_for_each_guest() -> None:
    table = rows(specimen())
    assert [(row["pve"], row["vmid"]) for row in table] == [
        (guest.pve, str(guest.guest.vmid)) for guest in specimen().guests
    ]
    assert table[0]["next_backup"] == "2026-10-22T04:00:00+02:00"
    assert table[3]["active_jobs"] == ""
    assert table[3]["other_jobs"] == "backup-3a1b2c3d-4e5f"


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "' =1"),
        ("\r=1", "' =1"),
        ("  =1", "'  =1"),
        ("\x00=1", "'=1"),
        ("hello;=HYPERLINK(1)", "hello;'=HYPERLINK(1)"),
        ('a; "=1+1"', 'a;\' "=1+1"'),
        ("=1;+1;b;-1", "'=1;'+1;b;'-1"),
        ("＝1", "'＝1"),
        ("a;＋1;－1;＠1", "a;'＋1;'－1;'＠1"),
        ("a;b-1=2", "a;b-1=2"),
        ("web-1", "web-1"),
        ("a\nb", "a b"),
        ('say "hi", twice', 'say "hi", twice'),
        ("\ud800x", "x"),
        ("\u202egnp.exe", "gnp.exe"),
        (None, ""),
    ],
)
def test_a_cell_is_never_a_formula_nor_breaks_a_line(name: str | None, cell: str) -> None:
    assert rows(report([guest_report(name=name)]))[0]["name"] == cell


@settings(deadline=None, max_examples=60)
@given(reports(), st.sampled_from(LANGUAGES))
def test_any_report_gives_a_readable_table(given_report: Report, language: str) -> None:
    text = guests_csv(given_report, language, PARIS)
    text.encode()
    table = rows(given_report, language)
    assert len(table) == len(given_report.guests)
    assert all(row["coverage"] in set(Coverage) for row in table)
    for row in table:
        for cell in row.values():
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
            assert not any(character < " " for character in cell)


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet='=+-@;", \t\nａ＝＠a1', max_size=12), st.sampled_from(",;"))
def test_no_cell_is_a_formula_for_a_spreadsheet_that_splits_at_commas_or_semicolons(name: str, separator: str) -> None:
    text = guests_csv(report([guest_report(name=name, notes=name)]), "en", PARIS)
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
        assert not [cell for cell in row if cell.strip().startswith(("=", "+", "@", "＝", "＠"))]


@settings(deadline=None, max_examples=60)
@given(reports(), st.sampled_from(LANGUAGES))
def test_any_report_gives_a_readable_table_of_groups(given_report: Report, language: str) -> None:
    text = groups_csv(given_report, language, PARIS)
    text.encode()
    table = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    assert len(table) == len(given_report.groups)
    for row in table:
        assert not any(character < " " for cell in row.values() for character in cell)
        assert not row["comment"].startswith(("=", "+", "-", "@"))


def test_the_version_is_that_of_the_package() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION
