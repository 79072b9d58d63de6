"""The report as rows of text: golden papers, and sentences that stay true whatever could not be seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import zip_longest
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from report.findings import Finding, FindingCode
from report.model.groups import GroupMatch, GroupPolicy, RetentionState
from report.model.guests import Coverage, Protection
from report.model.jobs import GuestJob, JobState
from report.model.reasons import ReasonCode
from report.model.report import Change, ChangeKind, EstateFinding, Report
from report.model.sources import IssueCode
from report.policy import Expectation, Policy
from report.rows.paper import build_paper, status_rows
from report.sections import Bullet, Gauge, Paper, Section, Strip
from report.timeline import Counts, DayState, Forecast, TrendDay, Usage, day_number
from report.value import changed
from report.version import VERSION
from report.words import LANGUAGES
from tests.builders import (
    NOW,
    TERABYTE,
    backed_up_guest,
    datastore_report,
    group_report,
    guest_report,
    issue,
    job_report,
    pbs_job_report,
    pbs_source,
    reason,
    report,
    source_report,
    storage_definition,
    storage_report,
    storage_state,
)
from tests.golden_files import assert_golden
from tests.paper_text import paper_text, section_text
from tests.specimen import specimen, specimen_with_backups
from tests.strategies import reports

PARIS = ZoneInfo("Europe/Paris")
DAY = 86_400
UNCOVERED = Coverage.NOT_PLANNED


def paper(given_report: Report, language: str = "en") -> Paper:
    return build_paper(given_report, language, PARIS)


def sections(of: Paper) -> dict[str, Section]:
    return {section.key: section for section in (*of.front.sections, *of.sections)}


def column(section: Section, heading: str) -> list[str]:
    place = [column.heading for column in section.columns].index(heading)
    return [row.cells[place] for row in section.rows]


def remembered(given_report: Report) -> Report:
    """Return a report with what a history adds to it: days, trend and forecasts."""
    cycle = (DayState.BACKUP, DayState.BACKUP, DayState.MISSED, DayState.NONE_EXPECTED, DayState.FAILED)
    guests = tuple(
        changed(guest, days=((DayState.GONE,) * 9 + cycle * 4)[place % 2 : place % 2 + 28])
        for place, guest in enumerate(given_report.guests)
    )
    forecasts = (
        Forecast("history", NOW + 133 * DAY, 10**10, 41, 38),
        Forecast("server", NOW + 9 * DAY),
        Forecast("history", None, -(10**9), 90, 88),
    )
    stores = tuple(
        replace(store, forecast=forecast, usage=usage_of(40) if forecast and forecast.points else ())
        for store, forecast in zip_longest(given_report.datastores, forecasts)
    )
    return replace(given_report, guests=guests, trend=trend_of(30), datastores=stores)


def usage_of(days: int) -> tuple[Usage, ...]:
    """Return how full a datastore of 8 TB was on so many days up to today, without the third: from 4 TB on, 50 GB more each day."""
    today = day_number(NOW, PARIS)
    return tuple(
        Usage(today - days + 1 + day, 4 * TERABYTE + day * TERABYTE // 20, 8 * TERABYTE)
        for day in range(days)
        if day != 2
    )


def trend_of(days: int) -> tuple[TrendDay, ...]:
    """Return the trend of so many days, without the third."""
    first = date(2026, 10, 22) - timedelta(days=days)
    return tuple(
        TrendDay(
            first + timedelta(days=day),
            Counts(
                guests=12, demanded=11, planned=11, protected=4 + day % 6, at_risk=6 - day % 6, unprotected=1, waived=1
            ),
        )
        for day in range(days)
        if day != 2
    )


SPECIMENS = {"": specimen(), "backups_": remembered(specimen_with_backups())}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SPECIMENS)
def test_the_paper_of_the_specimen(name: str, language: str) -> None:
    made = build_paper(SPECIMENS[name], language, PARIS, site="Rue de la Paix", data_sha256="0f" * 32)
    # the version is the only line that a release changes
    assert_golden(f"{name}paper.{language}.txt", paper_text(made).replace(VERSION, "VERSION"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SPECIMENS)
def test_the_status_table_of_the_specimen(name: str, language: str) -> None:
    made = status_rows(SPECIMENS[name], language, PARIS)
    assert_golden(f"{name}status.{language}.txt", section_text(made) + "\n")


def test_the_same_report_gives_the_same_paper() -> None:
    assert paper(specimen()) == paper(specimen())
    assert paper(specimen_with_backups()) == paper(specimen_with_backups())


# --- page one ---


def test_worst_first_shows_at_most_eight_and_says_where_the_others_are() -> None:
    many = report([guest_report(100 + number, coverage=UNCOVERED) for number in range(11)])
    worst = sections(paper(many))["worst"]
    assert len(worst.rows) == 8
    assert worst.sentences == ("8 of 11 shown; all are in “Guests without backup”.",)


def test_page_one_shows_four_changes_the_losses_first_and_says_where_all_are() -> None:
    def changed(count: int) -> dict[str, Section]:
        kinds = (ChangeKind.BETTER, ChangeKind.LOST)
        changes = [
            Change(kinds[number % 2], "lab", 100 + number, "web", None, Protection.AT_RISK) for number in range(count)
        ]
        return sections(paper(report([guest_report(100)], changes=changes, compared_with=NOW - DAY)))

    shown = changed(7)
    assert [row.link for row in shown["changes"].rows] == [f"guest-lab-{vmid}" for vmid in (101, 103, 105, 100)]
    assert shown["changes"].sentences[-1] == "4 of 7 shown; all are in “What changed: all”."
    assert shown["changes"].more == "changes_all"
    assert len(shown["changes_all"].rows) == 7
    few = changed(4)
    assert (len(few["changes"].rows), few["changes"].more, "changes_all" in few) == (4, "", False)


def test_warnings_about_jobs_that_page_one_has_no_room_for_have_a_section_of_their_own() -> None:
    empty = [EstateFinding("lab", Finding.of(FindingCode.JOB_SELECTS_NOTHING, f"job-{number}")) for number in range(9)]
    more, few = (sections(paper(report([guest_report(100)], findings=found))) for found in (empty, empty[:8]))
    assert (len(more["estate"].rows), more["estate"].more, len(more["estate_all"].rows)) == (8, "estate_all", 9)
    assert (len(few["estate"].rows), few["estate"].more, "estate_all" in few) == (8, "", False)


def test_guests_without_backup_come_before_undecided_ones() -> None:
    mixed = report([guest_report(100, coverage=Coverage.UNDECIDED), guest_report(101, coverage=UNCOVERED)])
    assert [row.link for row in sections(paper(mixed))["worst"].rows] == ["guest-lab-101", "guest-lab-100"]


def test_the_denominator_is_printed() -> None:
    guests = [guest_report(100), guest_report(9000, template=True, demanded=False)]
    assert paper(report(guests)).front.notes[0] == "Counted: 1 of 2 guests; templates need not be in a backup job."
    every = report([guest_report(100)], policy=Policy(Expectation(templates=True)))
    assert paper(every).front.notes[0] == "Counted: all 1 guest, templates included."


def test_the_bar_counts_demanded_guests_and_the_others_apart() -> None:
    guests = [guest_report(100), guest_report(101, coverage=UNCOVERED)]
    template = guest_report(9000, template=True, demanded=False, coverage=UNCOVERED)
    assert [(piece.state, piece.count) for piece in paper(report([*guests, template])).front.bar] == [
        ("sauvegarde_planifiee", 1),
        ("non_sauvegardee", 1),
        ("indetermine", 0),
        ("waived", 1),
    ]


def test_no_visible_guest_never_looks_green() -> None:
    hidden = report(sources=[source_report(inventory_known=False)], issues=[issue(IssueCode.NO_GUEST_VISIBLE)])
    made = paper(hidden)
    assert made.front.sentence.startswith("No guest is visible")
    assert made.front.bar == ()
    found = sections(made)
    assert found["worst"].empty == "No guest is visible, so none can be judged."
    assert found["guests_without_backup"].empty == "No guest is visible, so none can be judged."
    assert found["guests"].empty == "No guest is visible."
    assert found["jobs"].empty == "No backup job is visible; not everything could be seen."


@pytest.mark.parametrize(
    ("given_report", "empty"),
    [
        (report([guest_report()]), "Every demanded guest is in an active backup job."),
        (
            report([guest_report(), guest_report(101, coverage=Coverage.UNDECIDED)]),
            "No guest is known to be without an active backup job, but some cannot be decided.",
        ),
        (
            report([guest_report()], issues=[issue(IssueCode.PARTIAL_VIEW)]),
            "No guest is known to be without an active backup job, but not everything could be seen.",
        ),
        (
            report([guest_report()], sources=[source_report(), source_report("paris", up=False)]),
            "No guest is known to be without an active backup job, but not everything could be seen.",
        ),
        (report([guest_report(template=True, demanded=False)]), "Policy demands a backup of no guest."),
        (report(), "No guest is visible, so none can be judged."),
        (report(sources=[]), "No guest is visible, so none can be judged."),
    ],
)
def test_an_empty_list_of_guests_without_backup_says_what_is_true(given_report: Report, empty: str) -> None:
    assert sections(paper(given_report))["guests_without_backup"].empty == empty


@pytest.mark.parametrize(
    ("sources", "empty"),
    [
        ([source_report()], "Everything asked for was seen, and PVE’s own evaluation agrees wherever it was asked."),
        (
            [source_report(coverage_disagreements=None)],
            "Everything asked for was seen; PVE’s own evaluation was not compared everywhere.",
        ),
        ([source_report(up=False)], "Not everything was seen."),
        ([], "Not everything was seen."),
    ],
)
def test_nothing_unseen_is_said_only_when_it_is_so(sources: list, empty: str) -> None:  # type: ignore[type-arg]
    assert sections(paper(report([guest_report()], sources=sources)))["unseen"].empty == empty


def test_more_than_eight_issues_are_all_in_the_method() -> None:
    issues = [issue(IssueCode.NODE_OFFLINE, node=f"pve{number}") for number in range(12)]
    found = sections(paper(report([guest_report()], issues=issues)))
    assert len(found["unseen"].rows) == 8
    assert found["unseen"].sentences[0].startswith("8 of 12 shown")
    assert len(found["method_issues"].rows) == 12


def test_what_hides_whole_sources_comes_before_single_privileges() -> None:
    issues = [issue(code) for code in reversed(IssueCode)]
    shown = [row.cells[1] for row in sections(paper(report([guest_report()], issues=issues)))["unseen"].rows]
    assert shown[0].startswith("Source lab could not be read")
    assert shown[1].startswith("No guest is visible")


def test_a_long_list_of_touched_guests_is_counted() -> None:
    touched = issue(IssueCode.NODE_OFFLINE, guests=tuple(range(100, 130)), node="pve1")
    made = sections(paper(report([guest_report()], issues=[touched])))["unseen"]
    assert column(made, "Guests touched") == ["100, 101, 102, 103, 104, 105, 106, 107 and 22 more"]


# --- guests ---


def test_guests_are_grouped_by_cluster_and_pool_with_the_poolless_last() -> None:
    guests = [
        guest_report(100, pve="b"),
        guest_report(100, pve="a"),
        guest_report(101, pve="a", pool="z"),
        guest_report(102, pve="a", pool="c"),
    ]
    rows = sections(paper(report(guests)))["guests"].rows
    assert [row.group for row in rows] == ["a › pool c", "a › pool z", "a › no pool", "b › no pool"]


def test_undecided_guests_have_a_table_of_their_own() -> None:
    found = sections(paper(report([guest_report(coverage=Coverage.UNDECIDED)])))
    assert column(found["guests_undecided"], "Why") == ["The list of backup jobs cannot be seen"]
    assert column(found["guests"], "Jobs") == ["not known"]


def test_a_guest_that_is_not_demanded_is_marked_so_but_its_coverage_is_true() -> None:
    template = guest_report(template=True, demanded=False, coverage=UNCOVERED)
    row = sections(paper(report([template])))["guests"].rows[0]
    assert row.state == "waived"
    assert row.cells[4:6] == ("no backup planned", "waived")


def test_jobs_of_a_guest_name_the_active_first_and_count_the_rest() -> None:
    jobs = [GuestJob("off", JobState.PAUSED), *(GuestJob(f"job-{number}", JobState.ACTIVE) for number in range(4))]
    made = sections(paper(report([guest_report(jobs=tuple(jobs))])))["guests"]
    assert column(made, "Jobs") == ["job-0, job-1, job-2 and 2 more"]


def test_there_is_a_column_for_notes_only_if_a_guest_has_any() -> None:
    assert "Notes" not in [each.heading for each in sections(paper(report([guest_report()])))["guests"].columns]
    noted = sections(paper(report([guest_report(lock="backup", notes="\n\nfirst\nsecond")])))["guests"]
    assert column(noted, "Notes") == ["locked: backup; first"]


def test_reasons_of_protection_are_not_repeated_as_reasons_of_coverage() -> None:
    both = (reason(ReasonCode.IN_NO_JOB), reason(ReasonCode.BACKUPS_NOT_READ))
    made = sections(paper(report([guest_report(coverage=UNCOVERED, reasons=both)])))
    assert column(made["guests_without_backup"], "Why") == ["In no backup job"]


# --- jobs and storages ---


@pytest.mark.parametrize(
    ("job_keep", "storage_keep", "shown"),
    [
        ((("keep-last", 3), ("keep-daily", 7)), (("keep-all", 1),), "keep-last=3, keep-daily=7"),
        ((("keep-last", 0),), None, "keeps all"),
        ((("keep-all", 1),), None, "keeps all"),
        (None, (("keep-weekly", 4),), "keep-weekly=4 (from the storage)"),
        (None, None, "as the node’s vzdump.conf says, else keeps all"),
    ],
)
def test_retention_is_the_job_s_else_the_storage_s_else_the_node_s(
    job_keep: tuple[tuple[str, int], ...] | None, storage_keep: tuple[tuple[str, int], ...] | None, shown: str
) -> None:
    storage = storage_report(definition=storage_definition(keep=storage_keep))
    made = sections(paper(report([guest_report()], jobs=[job_report(keep=job_keep)], storages=[storage])))
    assert column(made["jobs"], "Retention") == [shown]


def test_a_paused_job_has_no_next_run() -> None:
    made = sections(paper(report(jobs=[job_report(state=JobState.PAUSED, enabled=False)])))["jobs"]
    assert column(made, "Next run") == ["–"]


def test_a_shared_storage_is_one_row_with_the_word_of_a_node_that_sees_it() -> None:
    states = (storage_state(active=False, total_bytes=None, used_bytes=None), storage_state(node="pve2"))
    made = sections(paper(report(storages=[storage_report(states=states)])))["storages"]
    assert [row.cells[2:4] for row in made.rows] == [("all (shared)", "active")]
    assert column(made, "Usage") == ["25%"]


def test_a_storage_that_no_node_sees_has_no_usage() -> None:
    states = (storage_state(active=False, total_bytes=0, used_bytes=0, shared=False),)
    made = sections(paper(report(storages=[storage_report(states=states)])))["storages"]
    assert [made.rows[0].cells[place] for place in (3, 5, 6, 7)] == ["inactive", "not known", "not known", "not known"]


# --- protection ---


def test_page_one_counts_protection_where_backups_were_read() -> None:
    guests = [backed_up_guest(), backed_up_guest(101, protection=Protection.AT_RISK)]
    template = guest_report(9000, template=True, demanded=False)
    front = paper(report([*guests, template], backups_read=True)).front
    assert [(piece.state, piece.count) for piece in front.bar] == [
        ("protected", 1),
        ("at_risk", 1),
        ("unprotected", 0),
        ("unknown", 0),
        ("waived", 1),
    ]
    assert front.notes[1].startswith("Protected: a usable backup within its limit, and no warning found against it")


def test_the_unprotected_come_first_then_those_at_risk_then_the_unplanned_then_the_unknown() -> None:
    guests = [
        backed_up_guest(100, coverage=UNCOVERED),
        backed_up_guest(101, protection=Protection.UNKNOWN),
        backed_up_guest(102, protection=Protection.AT_RISK),
        backed_up_guest(103, protection=Protection.UNPROTECTED),
        backed_up_guest(104),
    ]
    given = report(guests, backups_read=True)
    for worst in (sections(paper(given))["worst"], status_rows(given, "en", PARIS)):
        assert [row.state for row in worst.rows] == ["unprotected", "at_risk", "non_sauvegardee", "unknown"]


def test_the_status_does_not_say_twice_that_no_guest_is_visible() -> None:
    section = status_rows(report(), "en", PARIS)
    assert section.empty == ""
    assert section.sentences[0].startswith("No guest is visible")


def test_a_late_guest_shows_the_age_of_its_backup_against_the_limit() -> None:
    newest = NOW - 31 * 3600
    found = Finding.of(
        FindingCode.BACKUP_LATE, newest=newest, due=newest + 86_400, limit_seconds=93_600, jobs="nightly"
    )
    late = backed_up_guest(
        protection=Protection.AT_RISK,
        newest_backup_at=newest,
        limit_seconds=93_600,
        reasons=(reason(ReasonCode.IN_ACTIVE_JOB, jobs="nightly"),),
        findings=(found,),
    )
    made = sections(paper(report([late], backups_read=True)))
    assert [cell.replace("\N{NO-BREAK SPACE}", " ") for cell in column(made["worst"], "Age / limit")] == ["31 h / 26 h"]
    assert [cell.replace("\N{NO-BREAK SPACE}", " ") for cell in column(made["worst"], "Why")] == [
        "Last good backup 31 h ago, limit 26 h (job nightly, due 21 Oct 2026, 04:00 CEST)"
    ]


@pytest.mark.parametrize(
    ("fields", "empty"),
    [
        ({}, "Every demanded guest is protected and in an active backup job."),
        (
            {"sources": [source_report(), pbs_source(up=False)]},
            "No guest is known to be unprotected or at risk, but not everything could be seen.",
        ),
        (
            {"issues": [issue(IssueCode.DATASTORE_UNREADABLE, "pbs1", datastore="main")]},
            "No guest is known to be unprotected or at risk, but not everything could be seen.",
        ),
    ],
)
def test_that_every_guest_is_protected_is_said_only_when_all_was_seen(fields: dict[str, Any], empty: str) -> None:
    assert sections(paper(report([backed_up_guest()], backups_read=True, **fields)))["worst"].empty == empty


def test_each_guest_shows_its_versions_in_each_place() -> None:
    short = group_report(namespace="copies", actual=4, delta=-3, missing=3, state=RetentionState.SHORT)
    made = sections(paper(report([backed_up_guest()], groups=[group_report(), short], backups_read=True)))["guests"]
    assert column(made, "Versions (there / expected)") == ["main\xa07/7, main/copies\xa04/7 (−3)"]
    assert [row.state for row in made.rows] == ["protected"]
    one = sections(paper(report([backed_up_guest()], groups=[group_report()], backups_read=True)))["guests"]
    assert column(one, "Versions (there / expected)") == ["7/7"]


def test_a_guest_of_which_no_backup_is_known_has_none_and_one_not_seen_is_not_known() -> None:
    guests = [
        guest_report(100, protection=Protection.UNPROTECTED),
        guest_report(101, protection=Protection.UNKNOWN),
    ]
    made = sections(paper(report(guests, backups_read=True)))["guests"]
    assert column(made, "Last good backup (age / limit)") == ["–", "not known"]
    assert column(made, "Versions (there / expected)") == ["–", "not known"]


# --- retention, datastores, jobs of a PBS ---


def test_sections_on_backup_servers_are_left_out_while_none_is_configured() -> None:
    assert not {"retention", "orphans", "datastores", "pbs_jobs", "capacity"} & set(
        sections(paper(report([guest_report()])))
    )
    files = sections(paper(report([backed_up_guest()], groups=[group_report(server="lab")], backups_read=True)))
    assert {"retention", "retention_groups", "orphans"} <= set(files)
    assert not {"datastores", "pbs_jobs", "capacity"} & set(files)


def test_a_backup_server_that_could_not_be_read_leaves_no_green_sentence() -> None:
    made = sections(paper(report([guest_report()], sources=[source_report(), pbs_source(up=False)])))
    assert made["retention"].empty == "No backup group is visible; not everything could be seen."
    assert made["retention_groups"].empty == "No group could be compared."
    assert made["orphans"].empty == "No backup is known to be without its guest, but not everything could be seen."
    assert made["datastores"].empty == "No datastore is visible; not everything could be seen."
    assert made["capacity"].empty == "No datastore is visible; not everything could be seen."
    assert made["pbs_jobs"].empty == "No job of a backup server is visible; not everything could be seen."


def test_a_place_sums_only_what_can_be_compared_and_says_who_prunes() -> None:
    unlimited = group_report(
        101, expected=None, delta=None, actual=12, snapshots=12, policy=GroupPolicy(), state=RetentionState.UNBOUNDED
    )
    short = group_report(102, actual=4, snapshots=4, delta=-3, missing=3, state=RetentionState.SHORT)
    made = sections(paper(report(groups=[group_report(), unlimited, short], backups_read=True)))["retention"]
    assert [row.cells for row in made.rows] == [
        (
            "main",
            "pruned by prune job p-main (keep-daily=7), next 22\xa0Oct\xa02026,\xa004:00, will remove 2; pruned by nothing",
            *("3", "23", "2", "14", "14", "11", "11 / 14 / 14", "−3", "1", "0"),
        )
    ]


def test_what_a_prune_removes_is_a_floor_where_some_groups_do_not_tell() -> None:
    policy = GroupPolicy(("prune job p1",), None, None, None, None)
    groups = [
        group_report(policy=policy),
        group_report(101, policy=GroupPolicy(("prune job p1",), None, None, None, 4)),
    ]
    made = sections(paper(report(groups=groups, backups_read=True)))["retention"]
    assert column(made, "Who prunes") == ["pruned by prune job p1, will remove at least 4"]
    none_told = sections(paper(report(groups=groups[:1], backups_read=True)))["retention"]
    assert column(none_told, "Who prunes") == ["pruned by prune job p1"]


def test_groups_with_too_few_versions_come_first_the_largest_gap_on_top() -> None:
    def off(vmid: int, state: RetentionState, by: int) -> Any:
        gap = "missing" if state is RetentionState.SHORT else "surplus"
        return group_report(vmid, state=state, **{gap: by})

    groups = [
        off(100, RetentionState.EXCESS, 9),
        off(101, RetentionState.SHORT, 1),
        off(102, RetentionState.SHORT, 5),
        group_report(103),
    ]
    made = sections(paper(report([backed_up_guest(102)], groups=groups, backups_read=True)))["retention_groups"]
    assert column(made, "Group") == ["lab/102 guest-102", "vm/101 (a guest’s)", "vm/100 (a guest’s)"]
    assert [row.link for row in made.rows] == ["guest-lab-102", "", ""]


def test_orphans_are_counted_by_place_with_their_newest_backup() -> None:
    groups = [
        group_report(666, match=GroupMatch.ORPHAN, newest_at=NOW - 86_400),
        group_report(667, match=GroupMatch.ORPHAN, snapshots=2),
        group_report(668, match=GroupMatch.ORPHAN, namespace="old"),
        group_report(100),
    ]
    made = sections(paper(report(groups=groups, backups_read=True)))["orphans"]
    assert [row.cells for row in made.rows] == [
        ("main", "2", "9", "21\xa0Oct\xa02026,\xa004:00", "vm/667, vm/666"),
        ("main/old", "1", "7", "21\xa0Oct\xa02026,\xa004:00", "vm/668"),
    ]


def test_capacity_is_a_line_a_datastore_with_the_fullest_first_after_those_without_figures() -> None:
    stores = [
        datastore_report("half", forecast=Forecast("server", NOW + 200 * DAY)),
        datastore_report("nearly", used_bytes=7 * TERABYTE, forecast=Forecast("history", NOW + 9 * DAY, 10, 41, 38)),
        datastore_report("hidden", total_bytes=0, used_bytes=0, estimated_full_at=None),
    ]
    made = sections(paper(report(sources=[pbs_source()], datastores=stores, backups_read=True)))["capacity"]
    assert [tuple(cell.replace("\N{NO-BREAK SPACE}", " ") for cell in row.cells) for row in made.rows] == [
        ("pbs1 › hidden", "Not known", "not known", "Less than 7 days recorded"),
        ("pbs1 › nearly", "7 TB of 8 TB", "87%", "Full about 30 Oct 2026, by 41 days of usage"),
        ("pbs1 › half", "4 TB of 8 TB", "50%", "Full about 9 May 2027, by the server’s estimate"),
    ]
    assert [row.drawings for row in made.rows] == [(), ((2, Gauge(0.875)),), ((2, Gauge(0.5)),)]


def test_more_than_eight_datastores_are_all_in_their_section() -> None:
    stores = [datastore_report(f"store-{number}") for number in range(10)]
    made = sections(paper(report(sources=[pbs_source()], datastores=stores)))
    assert len(made["capacity"].rows) == 8
    assert made["capacity"].sentences == ("8 of 10 shown; all are in “Datastores”.",)
    assert len(made["datastores"].rows) == 10


def test_a_datastore_whose_total_is_not_told_is_not_full() -> None:
    made = sections(paper(report(sources=[pbs_source()], datastores=[datastore_report(total_bytes=0, used_bytes=0)])))
    row = made["datastores"].rows[0].cells
    assert row[2:5] == ("not known", "not known", "not known")


@pytest.mark.parametrize(
    ("job", "does", "where"),
    [
        (pbs_job_report(), "keep-daily=7", "main"),
        (pbs_job_report(keep=()), "keeps all", "main"),
        (pbs_job_report("verify", "v", ignore_verified=False), "every time", "main"),
        (pbs_job_report("verify", "v", outdated_after_days=1), "again after 1 day", "main"),
        (pbs_job_report("verify", "v", namespace="a", max_depth=0), "each once", "main/a, this namespace only"),
        (pbs_job_report("sync", "s", remote_store="b", max_depth=1), "from this server › b", "main, 1 level deep"),
        (
            pbs_job_report("sync", "s", remote="far", remote_store="b", direction="push", remove_vanished=True),
            "to far › b; removes what vanished there",
            "main",
        ),
        (pbs_job_report("gc", "main"), "–", "main"),
        (pbs_job_report("tape-backup", "t"), "–", "main"),
    ],
)
def test_a_job_of_a_backup_server_says_what_it_does_and_where(job: Any, does: str, where: str) -> None:
    made = sections(paper(report(sources=[pbs_source()], pbs_jobs=[job])))["pbs_jobs"]
    assert (column(made, "What it does"), column(made, "Datastore")) == ([does], [where])


def test_a_backup_server_has_no_disagreements_with_pve_and_keeps_no_others_from_being_none() -> None:
    made = sections(paper(report([guest_report()], sources=[source_report(), pbs_source()])))
    assert column(made["method_sources"], "Disagreements with PVE") == ["0", "–"]
    assert made["unseen"].empty.endswith("PVE’s own evaluation agrees wherever it was asked.")


def test_what_is_drawn_has_a_text_that_says_the_same() -> None:
    days = (DayState.GONE,) * 25 + (DayState.FAILED, DayState.MISSED, DayState.BACKUP)
    made = sections(paper(report([backed_up_guest(days=days)], groups=[group_report(nominal=9)], backups_read=True)))
    guests, places = made["guests"], made["retention"]
    assert column(guests, "Last 28 days") == ["·" * 25 + "×!■"]
    assert [(entry.mark, entry.word) for entry in guests.legend] == [
        ("■", "backup"),
        ("×", "failed"),
        ("!", "missed"),
        ("·", "not known"),
        ("–", "none due"),
    ]
    place = [heading.heading for heading in guests.columns].index("Last 28 days")
    assert guests.rows[0].drawings == ((place, Strip(days, "backup 1, failed 1, missed 1, not known 25")),)
    assert column(places, "There, expected, promised") == ["7 / 7 / 9"]
    assert [drawing for _, drawing in places.rows[0].drawings] == [Bullet(7, 7, 9)]


def test_without_days_there_is_no_strip_and_no_legend() -> None:
    guests = sections(paper(report([guest_report()])))["guests"]
    assert "Last 28 days" not in [heading.heading for heading in guests.columns]
    assert guests.legend == ()


def test_the_trend_is_drawn_from_seven_days_on_and_before_that_it_is_said_since_when_it_is_recorded() -> None:
    short = paper(replace(report([backed_up_guest()], backups_read=True), trend=trend_of(7)))
    assert "trend" not in sections(short)
    assert short.front.notes[-1] == "The trend is recorded since 15\xa0Oct\xa02026; it is drawn once 7 days are."
    long = paper(replace(report([backed_up_guest()], backups_read=True), trend=trend_of(8)))
    chart = sections(long)["trend"].chart
    assert chart is not None
    assert chart.days == 8
    assert len(chart.columns) == 7
    assert chart.columns[0] == (0, (4, 0, 6, 1))
    assert (
        " ".join(sections(long)["trend"].sentences) == f"{chart.told} A column a day; a day without one was not judged."
    )


def test_the_trend_of_coverage_is_a_line_across_that_of_protection() -> None:
    both = sections(paper(replace(report([backed_up_guest()], backups_read=True), trend=trend_of(30))))["trend"]
    assert both.chart is not None
    assert both.chart.line == tuple((day, 11) for day in range(30) if day != 2)
    assert both.legend[-1].state == "line"
    assert both.sentences[1].startswith(
        "In an active backup job on 22\xa0Sep\xa02026: 11 of 11; on 21\xa0Oct\xa02026: 11 of 11;"
    )
    coverage = sections(paper(replace(report([guest_report()]), trend=trend_of(30))))["trend"]
    assert coverage.chart is not None
    assert coverage.chart.line == ()
    assert "line" not in [entry.state for entry in coverage.legend]


def test_a_line_above_all_columns_is_what_the_height_stands_for() -> None:
    waived = tuple(TrendDay(each.day, Counts(guests=30, demanded=30, planned=30, protected=4)) for each in trend_of(9))
    chart = sections(paper(replace(report([backed_up_guest()], backups_read=True), trend=waived)))["trend"].chart
    assert chart is not None
    assert (chart.highest, chart.most) == (30, "30")


# --- laws ---


@settings(deadline=None, max_examples=60)
@given(reports(), st.sampled_from(LANGUAGES))
def test_any_report_gives_a_paper_whose_rows_fit_and_whose_texts_print(given_report: Report, language: str) -> None:
    made = paper(given_report, language)
    anchors = {row.anchor for section in made.sections for row in section.rows}
    for section in (*made.front.sections, *made.sections):
        assert section.rows or section.empty or section.chart
        for row in section.rows:
            assert len(row.cells) == len(section.columns)
            for cell in (*row.cells, row.group):
                assert not any(character < " " for character in cell)
                cell.encode()
            if row.link:
                assert row.link in anchors


@settings(deadline=None, max_examples=60)
@given(reports(), st.sampled_from(LANGUAGES))
def test_the_status_table_lists_exactly_the_demanded_guests_that_are_not_fine(
    given_report: Report, language: str
) -> None:
    section = status_rows(given_report, language, PARIS)
    demanded = [each for each in given_report.guests if each.demanded]
    unplanned = {id(each) for each in demanded if each.coverage is not Coverage.PLANNED}
    if given_report.summary.backups_read:
        waived = {id(each) for each in demanded if each.protection is Protection.WAIVED}
        unprotected = {id(each) for each in demanded if each.protection is not Protection.PROTECTED}
        assert len(section.rows) == len((unplanned | unprotected) - waived)
    else:
        assert len(section.rows) == len(unplanned)
    assert section.sentences[0] == paper(given_report, language).front.sentence
    elsewhere = [each for each in given_report.issues if each.code is IssueCode.PBS_NOT_CONFIGURED]
    assert len(section.sentences) == 1 + len(elsewhere)
    worst_first = [row.state for row in section.rows]
    order = ["unprotected", "at_risk", "non_sauvegardee", "indetermine", "unknown"]
    assert worst_first == sorted(worst_first, key=order.index)
