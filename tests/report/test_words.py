"""Every word in every language: complete, with the same placeholders, never raising, and right where it was read by a person."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import UTC
from pathlib import Path
from string import Formatter
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report import model
from report.model import Coverage, Issue, IssueCode, JobState, Protection, Reason, ReasonCode, Report
from report.schedules import CalendarEvent
from report.wording.table import Texts
from report.wording.texts import TABLES
from report.words import (
    LANGUAGES,
    describe_coverage,
    describe_finding,
    describe_guest_type,
    describe_issue,
    describe_issue_remedy,
    describe_job_reason,
    describe_job_state,
    describe_protection,
    describe_reason,
    describe_remedy,
    describe_schedule,
    enumerate_words,
    format_bytes,
    format_duration,
    format_instant,
    format_instant_with_zone,
    format_long_instant,
    format_ratio,
    front_sentence,
    plural,
    printable,
    schedule_in_words,
    schedule_text,
    word,
)
from tests.builders import NOW, guest, guest_report, issue, reason, report, source_report

PARIS = ZoneInfo("Europe/Paris")
NBSP = "\N{NO-BREAK SPACE}"
TEMPLATE_TABLES = ("reasons", "job_reasons", "remedies", "issues", "issue_remedies", "words")


def placeholders(template: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in Formatter().parse(template) if name is not None)


def declared_params(enum_name: str) -> dict[str, frozenset[str]]:
    """Return the parameters that a code's comment in report/model.py declares, by code."""
    source = Path(str(model.__file__)).read_text()
    body = source.split(f"class {enum_name}(StrEnum)")[1].split("\n\n\n")[0]
    rows = re.findall(r'^ +[A-Z_]+ = "([a-z_]+)"(?:  # (.*))?$', body, re.MULTILINE)
    without_remarks = {code: re.sub(r"\([^)]*\)|:.*", "", comment) for code, comment in rows}
    return {code: frozenset(re.findall(r"[a-z_]+", comment)) for code, comment in without_remarks.items()}


# --- the tables ---


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", ReasonCode)
def test_every_reason_has_words(language: str, code: ReasonCode) -> None:
    assert TABLES[language].reasons[code]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", IssueCode)
def test_every_issue_has_a_meaning_and_a_remedy(language: str, code: IssueCode) -> None:
    assert TABLES[language].issues[code]
    assert TABLES[language].issue_remedies[code]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_has_a_word(language: str) -> None:
    assert all(describe_coverage(state, language) for state in Coverage)
    assert all(describe_protection(state, language) for state in Protection)
    assert all(describe_job_state(state, language) for state in JobState)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_that_something_can_be_done_about_has_a_remedy(language: str) -> None:
    about_a_job = {
        ReasonCode.SELECTS_NO_GUEST,
        ReasonCode.SELECTS_UNKNOWN_IDS,
        ReasonCode.EXCLUDE_IGNORED,
        ReasonCode.SCHEDULE_TRAP,
    }
    fine = {ReasonCode.IN_ACTIVE_JOB, ReasonCode.NOT_DEMANDED, ReasonCode.BACKUPS_NOT_READ}
    assert set(TABLES[language].remedies) == set(ReasonCode) - about_a_job - fine


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("table", TEMPLATE_TABLES)
def test_every_language_has_the_same_keys_and_placeholders(language: str, table: str) -> None:
    expected = {key: placeholders(text) for key, text in getattr(TABLES["en"], table).items()}
    assert {key: placeholders(text) for key, text in getattr(TABLES[language], table).items()} == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_plurals(language: str) -> None:
    def shape(texts: Texts) -> dict[str, tuple[frozenset[str], ...]]:
        return {key: tuple(map(placeholders, forms)) for key, forms in texts.plurals.items()}

    assert shape(TABLES[language]) == shape(TABLES["en"])
    assert len(TABLES[language].byte_units) == len(TABLES["en"].byte_units)


def test_no_table_is_forgotten_by_these_tests() -> None:
    others = {"plurals", "byte_units", "second", "minute", "hour", "day", "instant_pattern", "long_date_pattern"}
    assert {field.name for field in fields(Texts)} == set(TEMPLATE_TABLES) | others


def test_reasons_use_only_parameters_that_the_model_declares() -> None:
    declared = declared_params("ReasonCode")
    assert set(declared) == set(ReasonCode)
    for table in (TABLES["en"].reasons, TABLES["en"].job_reasons):
        for key, template in table.items():
            assert placeholders(template) <= declared[key.removesuffix(".many")], key
    for key, template in TABLES["en"].remedies.items():
        assert placeholders(template) <= declared[key] | {"vmid"}, key


def test_issues_use_only_parameters_that_the_model_declares() -> None:
    declared = declared_params("IssueCode")
    assert set(declared) == set(IssueCode)
    for key, template in TABLES["en"].issues.items():
        code = key.removesuffix(".all").removesuffix(".subject")
        assert placeholders(template) <= declared[code] | {"source", "subject", "job", "message"}, key
    for key, template in TABLES["en"].issue_remedies.items():
        assert placeholders(template) <= declared[key] | {"token", "role"}, key


def test_french_punctuation_never_starts_a_line() -> None:
    texts = TABLES["fr"]
    for table in TEMPLATE_TABLES:
        for key, text in getattr(texts, table).items():
            assert not re.search("« | [:;»?!]", text), key


def test_an_unknown_language_is_named() -> None:
    with pytest.raises(ValueError, match="language 'de' is not known; known are en, fr"):
        word("title", "de")


# --- reasons ---


@pytest.mark.parametrize(
    ("given_reason", "english", "french"),
    [
        (reason(ReasonCode.IN_NO_JOB), "in no backup job", "dans aucune tâche de sauvegarde"),
        (
            reason(ReasonCode.IN_ACTIVE_JOB, jobs="nightly"),
            "in active backup job nightly",
            "dans la tâche de sauvegarde active nightly",
        ),
        (
            reason(ReasonCode.IN_ACTIVE_JOB, jobs="a, b"),
            "in active backup jobs a, b",
            "dans les tâches de sauvegarde actives a, b",
        ),
        (
            reason(ReasonCode.JOB_DISABLED, job="backup-3a"),
            "job backup-3a selects it but is disabled",
            "la tâche backup-3a le sélectionne, mais elle est désactivée",
        ),
        (
            reason(ReasonCode.STORAGE_NOT_ON_NODE, job="nightly", storage="nas", node="pve2"),
            "storage nas of job nightly is not available on node pve2",
            "le stockage nas de la tâche nightly n’est pas disponible sur le nœud pve2",
        ),
        (
            reason(ReasonCode.INVENTORY_STALE, fetched_at=NOW),
            "the list of guests is too old to rely on: last read: 21 Oct 2026, 09:00 UTC",
            f"la liste des invités est trop ancienne pour s’y fier{NBSP}: dernière lecture{NBSP}: 21 oct. 2026, 09:00 UTC",
        ),
        (
            reason(ReasonCode.INVENTORY_STALE, fetched_at=0),
            "the list of guests is too old to rely on: last read: not known",
            f"la liste des invités est trop ancienne pour s’y fier{NBSP}: dernière lecture{NBSP}: inconnu",
        ),
    ],
)
def test_a_reason_reads_well(given_reason: Reason, english: str, french: str) -> None:
    assert describe_reason(given_reason, "en") == english
    assert describe_reason(given_reason, "fr") == french


def test_a_job_s_own_row_speaks_of_the_job() -> None:
    disabled = reason(ReasonCode.JOB_DISABLED, job="nightly")
    assert describe_job_reason(disabled, "en") == "switched off"
    ignored = reason(ReasonCode.EXCLUDE_IGNORED, job="nightly")
    assert (
        describe_job_reason(ignored, "en")
        == "the exclude list has no effect: PVE heeds it only in jobs over all guests"
    )


def test_a_schedule_trap_says_what_the_schedule_does() -> None:
    trap = reason(ReasonCode.SCHEDULE_TRAP, job="weekly", schedule="mon..fri 22")
    assert "every hour at :22" in describe_reason(trap, "en")
    assert "every hour at :22" in describe_job_reason(trap, "en")
    assert "toutes les heures" in describe_job_reason(trap, "fr")


def test_a_remedy_quotes_names_for_a_shell() -> None:
    evil = reason(ReasonCode.JOB_DISABLED, job="x; rm -rf /")
    assert describe_remedy(evil, "en", 100) == "pvesh set /cluster/backup/'x; rm -rf /' --enabled 1"
    assert describe_remedy(reason(ReasonCode.IN_NO_JOB), "en", 100) == "Add guest 100 to a job (Datacenter → Backup)"
    assert describe_remedy(reason(ReasonCode.BACKUPS_NOT_READ), "en", 100) == ""


ANY_TEXT = st.text(max_size=20) | st.sampled_from(["{job}", "{0.__class__}", "\ud800", "%s", "\x00", ", "])
ANY_PARAMS = st.lists(
    st.tuples(
        st.sampled_from(
            ["job", "jobs", "storage", "node", "schedule", "fetched_at", "odd", "message", "ours", "token"]
        ),
        ANY_TEXT | st.integers(),
    ),
    unique_by=lambda pair: pair[0],
    max_size=8,
).map(tuple)


@given(st.sampled_from(ReasonCode), ANY_PARAMS, st.sampled_from(LANGUAGES), st.integers())
def test_no_parameters_make_a_reason_raise_or_unprintable(
    code: ReasonCode, params: tuple[tuple[str, str | int], ...], language: str, vmid: int
) -> None:
    odd = Reason(code, params)
    for text in (
        describe_reason(odd, language),
        describe_job_reason(odd, language),
        describe_remedy(odd, language, vmid),
    ):
        assert "\x00" not in text
        text.encode()


@given(st.sampled_from(IssueCode), ANY_TEXT, ANY_TEXT, ANY_PARAMS, st.sampled_from(LANGUAGES))
def test_no_parameters_make_an_issue_raise_or_unprintable(
    code: IssueCode, source: str, subject: str, params: tuple[tuple[str, str | int], ...], language: str
) -> None:
    text = describe_issue(Issue(source, subject, code, params), language)
    assert "\x00" not in text
    text.encode()


# --- issues ---


def test_a_missing_privilege_comes_with_the_command_that_grants_it() -> None:
    missing = issue(
        IssueCode.PERMISSION_MISSING,
        privilege="Datastore.Audit",
        path="/storage",
        hides="storages",
        token="mon@pve!vzcover",
    )
    assert describe_issue(missing, "en") == (
        "The token of lab lacks Datastore.Audit on /storage or below it, which hides storages. "
        "To do: pveum acl modify /storage --tokens 'mon@pve!vzcover' --roles PVEAuditor (the token’s user needs it too)"
    )
    assert "--tokens 'USER@REALM!TOKEN'" in describe_issue_remedy(issue(IssueCode.NO_GUEST_VISIBLE), "en")


def test_no_visible_guest_says_so_first() -> None:
    hidden = issue(IssueCode.NO_GUEST_VISIBLE)
    assert describe_issue(hidden, "en").startswith("No guest is visible: ")
    assert describe_issue(hidden, "fr").startswith(f"Aucun invité n’est visible{NBSP}: ")


def test_what_hides_and_collectors_are_said_in_words_and_unknown_ones_as_they_are() -> None:
    failed = issue(IssueCode.COLLECTOR_FAILED, subject="pve2", collector="tasks", message="timed out.")
    assert describe_finding(failed, "en") == "the task history of a node of lab (pve2) could not be read: timed out"
    novel = issue(IssueCode.COLLECTOR_FAILED, collector="moon_phase", message="")
    assert describe_finding(novel, "en") == "moon_phase of lab could not be read: not known"


def test_a_disagreement_names_both_sides() -> None:
    about_job = issue(IssueCode.COVERAGE_DISAGREEMENT, job="weekly", ours="", theirs="104, 105")
    assert describe_finding(about_job, "en") == (
        "PVE selects other guests for job weekly (only ours: none; only PVE’s: 104, 105)"
    )
    about_all = issue(IssueCode.COVERAGE_DISAGREEMENT, job="", ours="104", theirs="")
    assert describe_finding(about_all, "en") == (
        "PVE’s own list of guests in no job differs (only ours: 104; only PVE’s: none)"
    )


# --- texts from outside ---


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("web-1", "web-1"),
        ("émilie → 数据库", "émilie → 数据库"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\ud800", "\\ud800"),
        ("line\u2028end", "line\\u2028end"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("a\u00a0b", "a\u00a0b"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_what_does_not_print_is_made_visible(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_printable_is_idempotent_and_leaves_no_control_characters(text: str) -> None:
    shown = printable(text)
    assert printable(shown) == shown
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", shown)


# --- numbers, instants ---


@pytest.mark.parametrize(
    ("epoch", "english", "french"),
    [
        (NOW, "21 Oct 2026, 11:00", "21 oct. 2026, 11:00"),
        (1_792_888_200, "25 Oct 2026, 02:30 (CEST)", "25 oct. 2026, 02:30 (CEST)"),
        (1_792_891_800, "25 Oct 2026, 02:30 (CET)", "25 oct. 2026, 02:30 (CET)"),
        (None, "not known", "inconnu"),
        (10**20, str(10**20), str(10**20)),
    ],
)
def test_instants_are_in_the_reader_s_zone_and_the_double_hour_is_told_apart(
    epoch: int | None, english: str, french: str
) -> None:
    assert format_instant(epoch, PARIS, "en") == english
    assert format_instant(epoch, PARIS, "fr") == french


def test_long_instants_name_weekday_and_zone() -> None:
    assert format_long_instant(NOW, PARIS, "en") == "Wednesday 21 October 2026, 11:00 CEST"
    assert format_long_instant(NOW, PARIS, "fr") == "mercredi 21 octobre 2026, 11:00 CEST"
    assert format_instant_with_zone(NOW, UTC, "en") == "21 Oct 2026, 09:00 UTC"


@given(st.integers(), st.sampled_from(LANGUAGES))
def test_no_instant_raises(epoch: int, language: str) -> None:
    assert format_instant(epoch, PARIS, language)
    assert format_long_instant(epoch, PARIS, language)


@pytest.mark.parametrize(
    ("seconds", "english", "french"),
    [
        (0, "0 s", "0 s"),
        (59, "59 s", "59 s"),
        (720, "12 min", "12 min"),
        (7_300, "2 h 1 min", "2 h 1 min"),
        (31 * 3600, "31 h", "31 h"),
        (76 * 3600, "3 d 4 h", "3 j 4 h"),
        (-5, "−5 s", "−5 s"),
        (None, "not known", "inconnu"),
    ],
)
def test_durations_have_at_most_two_units(seconds: int | None, english: str, french: str) -> None:
    assert format_duration(seconds, "en").replace(NBSP, " ") == english
    assert format_duration(seconds, "fr").replace(NBSP, " ") == french


@pytest.mark.parametrize(
    ("count", "english", "french"),
    [
        (0, "0 B", "0 o"),
        (999, "999 B", "999 o"),
        (999_999, "1 MB", "1 Mo"),
        (1_234_567, "1.23 MB", "1,23 Mo"),
        (12_340_000_000, "12.3 GB", "12,3 Go"),
        (4 * 10**12, "4 TB", "4 To"),
        (None, "not known", "inconnu"),
    ],
)
def test_bytes_have_three_digits(count: int | None, english: str, french: str) -> None:
    assert format_bytes(count, "en").replace(NBSP, " ") == english
    assert format_bytes(count, "fr").replace(NBSP, " ") == french


def test_a_hundred_per_cent_means_all() -> None:
    assert format_ratio(0.9999, "en") == "99%"
    assert format_ratio(1.0, "fr") == f"100{NBSP}%"


def test_plurals_follow_the_language() -> None:
    assert [plural("guests", count, "en") for count in (0, 1, 2)] == ["0 guests", "1 guest", "2 guests"]
    assert [plural("guests", count, "fr") for count in (0, 1, 2)] == ["0 invité", "1 invité", "2 invités"]
    assert enumerate_words(["a", "b", "c"], "en") == "a, b and c"


def test_schedules_are_said_in_words() -> None:
    assert schedule_in_words("02:00", "en") == f"{describe_schedule(CalendarEvent.parse('02:00'), 'en')} (02:00)"
    assert schedule_in_words("mon-fri 22:00", "en") == "mon-fri 22:00"
    assert schedule_in_words(None, "en") == "no schedule"
    assert schedule_text("mon-fri 22:00", "en") is None


def test_a_template_is_named_as_one() -> None:
    assert describe_guest_type(guest(template=True), "en") == "VM template"
    assert describe_guest_type(guest(template=None, guest_type="lxc"), "fr") == "CT"
    assert describe_guest_type(guest(guest_type="wasm\n"), "en") == "wasm\\n"


# --- the sentence ---


def several(planned: int, missing: int = 0, undecided: int = 0, templates: int = 0, **fields: Any) -> Report:
    states = [Coverage.PLANNED] * planned + [Coverage.NOT_PLANNED] * missing + [Coverage.UNDECIDED] * undecided
    guests = [guest_report(100 + number, coverage=state) for number, state in enumerate(states)]
    guests += [guest_report(9000 + number, template=True, demanded=False) for number in range(templates)]
    return report(guests, **fields)


NOT_READ = "; whether backups exist has not been looked at."


@pytest.mark.parametrize(
    ("given_report", "sentence"),
    [
        (
            several(49, 2, 1, templates=3),
            f"49 of 52 guests are in an active backup job; 2 are not, 1 cannot be decided{NOT_READ}"
            " 3 more (templates) are not demanded.",
        ),
        (several(3), f"All 3 guests are in an active backup job{NOT_READ}"),
        (several(1, 1), f"1 of 2 guests is in an active backup job; 1 is not{NOT_READ}"),
        (several(0, 3), f"None of the 3 guests is in an active backup job{NOT_READ}"),
        (
            several(0, 2, 1),
            "None of the 3 guests is known to be in an active backup job; 2 are not, 1 cannot be decided" + NOT_READ,
        ),
        (
            several(0, 0, 3),
            f"Whether any of the 3 guests is in an active backup job cannot be decided{NOT_READ}",
        ),
        (several(1), f"The only guest is in an active backup job{NOT_READ}"),
        (several(0, 1), f"The only guest is not in an active backup job{NOT_READ}"),
        (several(0, templates=2), f"Policy demands no backup of any guest (2 guests){NOT_READ}"),
        (
            several(2, issues=(issue(IssueCode.PARTIAL_VIEW),)),
            f"All 2 visible guests are in an active backup job{NOT_READ}"
            " Not everything could be seen: guests may be hidden in lab.",
        ),
        (
            several(2, issues=(issue(IssueCode.COVERAGE_DISAGREEMENT, job="a", ours="", theirs="1"),)),
            f"All 2 guests are in an active backup job{NOT_READ} PVE’s own evaluation differs from this one: see below.",
        ),
        (
            several(0, issues=(issue(IssueCode.NO_GUEST_VISIBLE),)),
            "No guest is visible: either there is none, or it may not be seen. Nothing is said about backups."
            " Not everything could be seen: no guest is visible in lab.",
        ),
        (
            several(0, sources=(source_report(up=False),), issues=(issue(IssueCode.SOURCE_DOWN, message="no route"),)),
            "No guest is visible: either there is none, or it may not be seen. Nothing is said about backups."
            " Not everything could be seen: 1 source could not be read.",
        ),
    ],
)
def test_the_sentence_says_what_is_known_and_no_more(given_report: Report, sentence: str) -> None:
    assert front_sentence(given_report, "en") == sentence


def test_the_sentence_in_french() -> None:
    assert front_sentence(several(49, 2, 1, templates=3), "fr") == (
        f"49 des 52 invités figurent dans une tâche de sauvegarde active{NBSP}; 2 n’y figurent pas, 1 est indéterminé{NBSP}; "
        "l’existence de sauvegardes n’a pas été examinée. 3 de plus (des modèles) ne sont pas exigés."
    )


@given(*[st.integers(0, 3)] * 4, st.sampled_from(LANGUAGES), st.sampled_from([None, *IssueCode]))
def test_all_is_only_said_when_everything_was_seen(
    planned: int, missing: int, undecided: int, templates: int, language: str, code: IssueCode | None
) -> None:
    issues = () if code is None else (issue(code),)
    sentence = front_sentence(several(planned, missing, undecided, templates, issues=issues), language)
    assert "?" not in sentence
    assert "{" not in sentence
    if sentence.startswith(("All ", "Les ")) and "visible" not in sentence:
        assert missing == undecided == 0
        assert code is None or code in {
            IssueCode.NODE_OFFLINE,
            IssueCode.COVERAGE_DISAGREEMENT,
            IssueCode.ORACLE_REFUSED,
            IssueCode.ORACLE_SILENT,
        }
