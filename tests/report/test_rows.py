"""The report as rows of text: golden papers, and sentences that stay true whatever could not be seen."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from report.model import Coverage, GuestJob, IssueCode, JobState, ReasonCode, Report
from report.policy import Policy
from report.rows.paper import build_paper, status_rows
from report.sections import Paper, Section
from report.version import VERSION
from report.words import LANGUAGES
from tests.builders import (
    guest_report,
    issue,
    job_report,
    reason,
    report,
    source_report,
    storage_definition,
    storage_report,
    storage_state,
)
from tests.golden_files import assert_golden
from tests.paper_text import paper_text, section_text
from tests.specimen import specimen
from tests.strategies import reports

PARIS = ZoneInfo("Europe/Paris")
UNCOVERED = Coverage.NOT_PLANNED


def paper(given_report: Report, language: str = "en") -> Paper:
    return build_paper(given_report, language, PARIS)


def sections(of: Paper) -> dict[str, Section]:
    return {section.key: section for section in (*of.front.sections, *of.sections)}


def column(section: Section, heading: str) -> list[str]:
    place = [column.heading for column in section.columns].index(heading)
    return [row.cells[place] for row in section.rows]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_paper_of_the_specimen(language: str) -> None:
    made = build_paper(specimen(), language, PARIS, site="Rue de la Paix", data_sha256="0f" * 32)
    # the version is the only line that a release changes
    assert_golden(f"paper.{language}.txt", paper_text(made).replace(VERSION, "VERSION"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_status_table_of_the_specimen(language: str) -> None:
    assert_golden(f"status.{language}.txt", section_text(status_rows(specimen(), language, PARIS)) + "\n")


def test_the_same_report_gives_the_same_paper() -> None:
    assert paper(specimen()) == paper(specimen())


# --- page one ---


def test_worst_first_shows_at_most_eight_and_says_where_the_others_are() -> None:
    many = report([guest_report(100 + number, coverage=UNCOVERED) for number in range(11)])
    worst = sections(paper(many))["worst"]
    assert len(worst.rows) == 8
    assert worst.sentences == ("8 of 11 shown; all are in “Guests without backup”.",)


def test_guests_without_backup_come_before_undecided_ones() -> None:
    mixed = report([guest_report(100, coverage=Coverage.UNDECIDED), guest_report(101, coverage=UNCOVERED)])
    assert [row.link for row in sections(paper(mixed))["worst"].rows] == ["guest-lab-101", "guest-lab-100"]


def test_the_denominator_is_printed() -> None:
    guests = [guest_report(100), guest_report(9000, template=True, demanded=False)]
    assert paper(report(guests)).front.notes[0] == "Counted: 1 of 2 guests; templates need not be in a backup job."
    every = report([guest_report(100)], policy=Policy(demand_templates=True))
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
    assert row.cells[4:6] == ("no backup planned", "not demanded")


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


# --- laws ---


@settings(deadline=None, max_examples=60)
@given(reports(), st.sampled_from(LANGUAGES))
def test_any_report_gives_a_paper_whose_rows_fit_and_whose_texts_print(given_report: Report, language: str) -> None:
    made = paper(given_report, language)
    anchors = {row.anchor for section in made.sections for row in section.rows}
    for section in (*made.front.sections, *made.sections):
        assert section.rows or section.empty
        for row in section.rows:
            assert len(row.cells) == len(section.columns)
            for cell in (*row.cells, row.group):
                assert not any(character < " " for character in cell)
                cell.encode()
            if row.link.startswith("guest-"):
                assert row.link in anchors


@settings(deadline=None, max_examples=60)
@given(reports(), st.sampled_from(LANGUAGES))
def test_the_status_table_lists_exactly_the_demanded_guests_that_are_not_planned(
    given_report: Report, language: str
) -> None:
    section = status_rows(given_report, language, PARIS)
    open_guests = [each for each in given_report.guests if each.demanded and each.coverage is not Coverage.PLANNED]
    assert len(section.rows) == len(open_guests)
    assert section.sentences == (paper(given_report, language).front.sentence,)
    worst_first = [row.state for row in section.rows]
    assert worst_first == sorted(worst_first, key=["non_sauvegardee", "indetermine"].index)
