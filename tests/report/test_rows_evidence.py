"""What the rows say of time and of evidence: how long it has been so, usage by day, missed runs, rules, keys, storages to restore from."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest

from report.findings import Finding, FindingCode
from report.model.guests import Coverage, GuestReport, Protection
from report.model.sources import IssueCode
from report.policy import Expectation, Policy, Rule, Scope
from report.rows.usage import curve_of
from report.sections import Section
from report.timeline import Forecast
from report.value import changed
from report.words import describe_finding, describe_issue_meaning
from tests.builders import (
    NOW,
    TERABYTE,
    backed_up_guest,
    datastore_report,
    group_report,
    guest_report,
    issue,
    job_report,
    pbs_source,
    report,
    source_report,
    storage_definition,
    storage_report,
)
from tests.report import estates as e
from tests.report.test_rows import DAY, UNCOVERED, column, paper, sections, usage_of

# --- usage by day ---


@pytest.mark.parametrize(
    ("forecast", "line", "days"),
    [
        # 1 % of 8 TB a day: 40 days on it is full
        (Forecast("history", NOW + 40 * DAY, TERABYTE * 8 // 100, 40, 39), ((39, 0.6), (79, 1.0)), 79),
        # it would be full in a year, drawn for half of it
        (Forecast("history", NOW + 360 * DAY, TERABYTE * 8 // 1000, 40, 39), ((39, 0.64), (219, 0.82)), 219),
        (Forecast("history", None, -TERABYTE * 8 // 100, 40, 39), ((39, 0.74375), (69, 0.44375)), 69),
        (Forecast("history", NOW, TERABYTE, 40, 39), ((39, 1.0), (39, 1.0)), 39),
    ],
)
def test_the_forecast_goes_on_to_where_the_datastore_is_full(
    forecast: Forecast, line: tuple[tuple[float, float], tuple[float, float]], days: int
) -> None:
    curve = curve_of(datastore_report(forecast=forecast, usage=usage_of(40)), NOW)
    assert curve.points[0] == (0, 0.5)
    assert curve.points[-1] == (39, 0.74375)
    assert len(curve.points) == 39
    assert curve.line is not None
    assert [each for end in curve.line for each in end] == pytest.approx([each for end in line for each in end])
    assert curve.days == days


def test_only_datastores_with_a_forecast_of_our_own_are_drawn() -> None:
    ours = Forecast("history", NOW + 40 * DAY, TERABYTE // 20, 40, 39)
    stores = [
        datastore_report("ours", forecast=ours, usage=usage_of(40)),
        datastore_report("theirs", forecast=Forecast("server", NOW + DAY), usage=usage_of(3)),
        datastore_report("young", usage=usage_of(3)),
    ]
    made = sections(paper(report(sources=[pbs_source()], datastores=stores, backups_read=True)))
    (row,) = made["usage"].rows
    assert row.cells[:3] == ("ours", "74% on 21\xa0Oct\xa02026", "+50\N{NO-BREAK SPACE}GB")
    assert (
        row.cells[4]
        == "50% on 12\xa0Sep\xa02026; 74% on 21\xa0Oct\xa02026; full about 30\xa0Nov\xa02026, by 40 days of usage"
    )
    assert row.link == "datastore-pbs1-ours"
    assert "usage" not in sections(paper(report(sources=[pbs_source()], datastores=stores[1:], backups_read=True)))


# --- how long it has been so ---


def warned(vmid: int, since: int | None, **fields: Any) -> GuestReport:
    """Return a guest at risk by a warning that is open since then."""
    late = changed(Finding.of(FindingCode.BACKUP_LATE, newest=1, due=2, limit_seconds=3, jobs="nightly"), since=since)
    return backed_up_guest(vmid, protection=Protection.AT_RISK, findings=(late,), **fields)


def test_what_is_still_open_is_counted_with_the_oldest() -> None:
    guests = [warned(100, NOW - 2 * DAY), warned(101, NOW - 9 * DAY), warned(102, NOW), backed_up_guest(103)]
    made = sections(paper(report(guests, backups_read=True, compared_with=NOW - DAY)))
    assert made["changes"].sentences == (
        "Still open from before: 2 guests, for longest lab/101 guest-101, since 12\xa0Oct\xa02026 (9\N{NO-BREAK SPACE}d).",
    )
    assert column(made["worst"], "State") == [
        "at risk, open for 2\N{NO-BREAK SPACE}d",
        "at risk, open for 9\N{NO-BREAK SPACE}d",
        "at risk",
    ]
    fresh = sections(paper(report(guests[2:], backups_read=True, compared_with=NOW - DAY)))
    assert fresh["changes"].sentences == ()


def test_an_age_that_is_not_known_is_not_told() -> None:
    made = sections(paper(report([warned(100, None)], backups_read=True, compared_with=NOW - DAY)))
    assert made["changes"].sentences == ()
    assert column(made["worst"], "State") == ["at risk"]


def test_worst_first_names_each_list_that_its_guests_are_in() -> None:
    def told(*coverages: Coverage) -> tuple[str, str]:
        guests = [warned(100 + place, None, coverage=coverage) for place, coverage in enumerate(coverages * 9)]
        worst = sections(paper(report(guests, backups_read=True)))["worst"]
        return worst.sentences[-1].partition("all are in ")[2], worst.more

    planned, undecided = Coverage.PLANNED, Coverage.UNDECIDED
    assert told(planned) == ("“Guests in a job, yet not protected”.", "guests_at_risk")
    assert told(UNCOVERED, planned) == (
        "“Guests without backup” and “Guests in a job, yet not protected”.",
        "guests_without_backup",
    )
    assert told(undecided, planned)[1] == "guests_undecided"


@pytest.mark.parametrize(
    ("language", "told"), [("en", "50 more in the JSON report."), ("fr", "50 de plus dans le rapport JSON.")]
)
def test_of_what_is_worth_knowing_two_hundred_are_shown_and_the_rest_counted(language: str, told: str) -> None:
    known = (Finding.of(FindingCode.LEFTOVER_SNAPSHOT, snapshot="vzdump").as_information(),)
    guests = [backed_up_guest(100 + number, findings=known) for number in range(250)]

    def shown(count: int) -> Section:
        return sections(paper(report(guests[:count], backups_read=True), language))["worth_knowing"]

    assert (len(shown(250).rows), shown(250).sentences) == (200, (told,))
    assert (len(shown(200).rows), shown(200).sentences) == (200, ())


# --- jobs, rules, keys, storages ---


@pytest.mark.parametrize(
    ("missed", "told"),
    [
        (None, "not known"),
        (0, "not known"),
        (1, "not known; 1 run missed in the last 7 days"),
        (3, "not known; 3 runs missed in the last 7 days"),
    ],
)
def test_runs_that_never_happened_are_told_with_the_last_one(missed: int | None, told: str) -> None:
    made = sections(paper(report(jobs=[job_report(missed_runs=missed)])))["jobs"]
    assert column(made, "Last run") == [told]


def test_each_guest_names_its_rule_and_each_rule_counts_its_guests() -> None:
    gold = Rule("gold", Scope(tags=("gold",)), Expectation(max_age_seconds=DAY))
    guests = [
        backed_up_guest(100, rule="gold"),
        backed_up_guest(101, rule="gold", newest_backup_at=None),
        backed_up_guest(102),
    ]
    made = sections(paper(report(guests, backups_read=True, policy=Policy(rules=(gold,)))))
    assert [cell.partition("rule ")[2] for cell in column(made["guests"], "Last good backup (age / limit)")] == [
        "gold",
        "gold",
        "",
    ]
    rules = {row.cells[0]: row.cells[1] for row in made["method_rules"].rows}
    assert rules["Rule gold"].startswith("Guests with the tag gold: ")
    assert rules["Rule gold"].endswith(" Applies to 2 guests.")
    assert rules["Default policy"].endswith(" Applies to 1 guest.")


def test_the_keys_in_use_in_a_place_are_told_by_their_first_bytes() -> None:
    keys = ["1a:2b:3c:4d:5e:6f:70:81:" + "00:" * 23 + "00", "ff:" * 31 + "ff"]
    groups = [group_report(100, key_fingerprints=tuple(reversed(keys))), group_report(101, key_fingerprints=(keys[0],))]
    made = sections(paper(report([backed_up_guest()], groups=groups, sources=[pbs_source()], backups_read=True)))
    assert column(made["checks"], "Keys in use") == ["1a:2b:3c:4d:5e:6f:70:81, ff:ff:ff:ff:ff:ff:ff:ff"]


@pytest.mark.parametrize("key", ["volumes", "checks", "copies"])
def test_nothing_is_said_of_all_guests_where_none_is_visible(key: str) -> None:
    blind = report(
        [], sources=[source_report(), pbs_source()], issues=[issue(IssueCode.NO_GUEST_VISIBLE)], backups_read=True
    )
    assert "known" in sections(paper(blind))[key].empty
    assert "not everything could be seen" in sections(paper(blind))[key].empty


def test_numbers_are_written_as_the_language_writes_them() -> None:
    guests = [backed_up_guest(number) for number in range(2000)]
    guests += [guest_report(number, demanded=True, protection=Protection.WAIVED) for number in range(2000, 2002)]
    notes = " ".join(paper(report(guests, backups_read=True)).front.notes)
    assert "counted for protection: 2,000" in notes
    told = issue(IssueCode.CONFLICTING_POLICIES, storage="nas", policies="a", count=1234)
    assert "(1,234)" in describe_issue_meaning(told, "en")
    orphaned = Finding.of(FindingCode.ORPHANED_BACKUPS, "main", groups=1, versions=12_345)
    assert "(versions: 12,345;" in describe_finding(orphaned, "en", UTC, NOW)


def test_the_keys_of_a_group_are_those_of_its_snapshots() -> None:
    judged = e.judge(e.keyed(e.group(), [1] * 10, "12:34", "ab:cd")).report
    assert [group.key_fingerprints for group in judged.groups] == [("12:34", "ab:cd")]


def test_the_runbook_brings_storages_on_backup_servers_back_without_a_secret() -> None:
    fields = {"server": "PBS.example.", "datastore": "main store", "namespace": "a/b", "username": "backup@pbs!lab"}
    options = {
        "nodes": frozenset({"pve1"}),
        "disabled": True,
        "encryption_key": "12:34",
        "fingerprint": "ab:cd",
        "port": 8010,
    }
    whole = storage_definition("vault", storage_type="pbs", **fields, **options)
    listed = [storage_report("vault", storage_type="pbs", definition=whole), storage_report("nas")]
    made = sections(paper(report([backed_up_guest()], storages=listed, backups_read=True)))["runbook_storages"]
    (row,) = made.rows
    assert row.cells == (
        "vault",
        "PBS.example.:8010",
        "main store",
        "a/b",
        "AB:CD",
        "pvesm add pbs vault --server pbs.example --datastore 'main store' --namespace a/b --port 8010 "
        "--username 'backup@pbs!lab' --fingerprint AB:CD --content backup --encryption-key FILE --password",
        "12:34",
    )
    without = sections(paper(report([backed_up_guest()], storages=listed[1:], backups_read=True)))
    assert "runbook_storages" not in without
