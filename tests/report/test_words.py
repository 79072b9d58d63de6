"""Every word in every language: complete, with the same placeholders, never raising, and right where it was read by a person."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import UTC, date
from enum import StrEnum
from inspect import getsource
from string import Formatter
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report.findings import PARAMETERS, RULES, Area, Finding, FindingCode, Severity
from report.model.groups import GroupMatch, GroupPolicy, GroupReport, RetentionState
from report.model.guests import Coverage, Protection
from report.model.jobs import JobState
from report.model.reasons import Reason, ReasonCode
from report.model.report import Report
from report.model.sources import Issue, IssueCode
from report.readings import Keep
from report.schedules import CalendarEvent
from report.timeline import DayState, Forecast
from report.verdict import VERDICTS
from report.wording.table import Texts
from report.wording.texts import TABLES
from report.words import (
    DAYS_TOLD,
    LANGUAGES,
    clusters_seen,
    count_days,
    describe_coverage,
    describe_datastore_state,
    describe_day,
    describe_finding,
    describe_finding_remedy,
    describe_forecast,
    describe_guest_type,
    describe_issue,
    describe_issue_meaning,
    describe_issue_remedy,
    describe_job_reason,
    describe_job_state,
    describe_keep,
    describe_last_run,
    describe_match,
    describe_pbs_job_type,
    describe_protection,
    describe_pruner,
    describe_pruning,
    describe_reason,
    describe_remedy,
    describe_retention,
    describe_schedule,
    describe_trend,
    describe_versions,
    draw_days,
    enumerate_words,
    format_bytes,
    format_duration,
    format_instant,
    format_instant_with_zone,
    format_long_instant,
    format_ratio,
    front_sentence,
    mark_of_day,
    plural,
    printable,
    schedule_in_words,
    schedule_text,
    word,
)
from tests.builders import (
    NOW,
    backed_up_guest,
    group_report,
    guest,
    guest_report,
    issue,
    pbs_source,
    reason,
    report,
    source_report,
)
from tests.simulator_process import REPOSITORY

PARIS = ZoneInfo("Europe/Paris")
NBSP = "\N{NO-BREAK SPACE}"
TEMPLATE_TABLES = (
    "reasons",
    "job_reasons",
    "remedies",
    "issues",
    "issue_remedies",
    "findings",
    "finding_meanings",
    "finding_remedies",
    "finding_names",
    "words",
)


def placeholders(template: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in Formatter().parse(template) if name is not None)


def declared_params(codes: type[StrEnum]) -> dict[str, frozenset[str]]:
    """Return the parameters that a code's comment in its enumeration declares, by code."""
    rows = re.findall(r'^ +[A-Z_]+ = "([a-z_]+)"(?:  # (.*))?$', getsource(codes), re.MULTILINE)
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
def test_every_finding_has_a_phrase_a_meaning_and_where_something_can_be_done_a_remedy(language: str) -> None:
    nothing_to_do = {
        FindingCode.BACKUP_DUE,
        FindingCode.BACKUP_RUNNING,
        FindingCode.CONFIG_ONLY,
        FindingCode.VOLUME_GROWN,
        FindingCode.SIGNED_ONLY,
        FindingCode.SIZE_JUMPED,
        FindingCode.VERSIONS_SURPLUS,
    }
    table = TABLES[language]
    assert {key.partition(".")[0] for key in table.findings} == set(FindingCode)
    assert set(table.finding_meanings) == set(FindingCode)
    assert set(table.finding_names) == set(FindingCode)
    assert {key.partition(".")[0] for key in table.finding_remedies} == set(FindingCode) - nothing_to_do
    assert set(RULES) == set(FindingCode)
    assert all(f"area.{area}" in table.words for area in Area)
    assert all(f"severity.{severity}" in table.words for severity in Severity)
    assert all(f"verdict.{row.name}" in table.words for row in VERDICTS)


def test_findings_use_only_parameters_that_their_code_declares() -> None:
    for table in (TABLES["en"].findings, TABLES["en"].finding_remedies):
        for key, text in table.items():
            known = {*PARAMETERS.get(FindingCode(key.partition(".")[0]), ()), "subject", "vmid"}
            if key == FindingCode.SCHEDULE_READS_OTHERWISE:
                known.add("meant")  # made of the schedule
            for name in placeholders(text):
                spellings = {name, name.removesuffix("_age"), f"{name}_seconds", f"{name}_bytes"}
                assert spellings & known, (key, name)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_has_a_word(language: str) -> None:
    assert all(describe_coverage(state, language) for state in Coverage)
    assert all(describe_protection(state, language) for state in Protection)
    assert all(describe_job_state(state, language) for state in JobState)
    assert all(describe_day(state, language) for state in DayState)
    assert all(describe_match(match, language) for match in GroupMatch)
    assert all(describe_retention(group_report(state=state), language) for state in RetentionState)
    assert all(describe_last_run(state, language) for state in ("ok", "warning", "error", "never", "running", None))
    assert all(
        describe_datastore_state(state, None, language) for state in ("online", "maintenance", "unmounted", "error")
    )
    for job_type in ("prune", "verify", "sync", "gc"):
        assert TABLES[language].words[f"pbs_job.{job_type}"] == describe_pbs_job_type(job_type, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_that_something_can_be_done_about_has_a_remedy(language: str) -> None:
    about_a_job = {
        ReasonCode.SELECTS_NO_GUEST,
        ReasonCode.SELECTS_UNKNOWN_IDS,
        ReasonCode.EXCLUDE_IGNORED,
        ReasonCode.SCHEDULE_TRAP,
    }
    fine = {
        ReasonCode.IN_ACTIVE_JOB,
        ReasonCode.NOT_DEMANDED,
        ReasonCode.BACKUPS_NOT_READ,
        ReasonCode.HAS_BACKUPS,
        ReasonCode.WAIVED,
        ReasonCode.PBS_NOT_CONFIGURED,  # an issue tells what to do
        ReasonCode.BACKUPS_UNATTRIBUTED,
    }
    fine |= {  # they tell what changed; the finding beside them has the remedy
        ReasonCode.JOB_GONE,
        ReasonCode.JOB_DROPPED_GUEST,
        ReasonCode.GUEST_MOVED,
        ReasonCode.VOLUMES_LEFT_OUT,
        ReasonCode.RETENTION_REDUCED,
    }
    assert {key.removesuffix(".all") for key in TABLES[language].remedies} == set(ReasonCode) - about_a_job - fine


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


def test_every_key_that_is_asked_for_by_name_is_in_a_table() -> None:
    for package in ("report", "exporter"):
        for file in (REPOSITORY / package).rglob("*.py"):
            asked = re.findall(r'\b(word|plural)\(\s*"([^"{}]+)"', file.read_text(encoding="utf-8"))
            tables = {"word": TABLES["en"].words, "plural": TABLES["en"].plurals}
            assert [key for table, key in asked if key not in tables[table]] == [], file.name


def test_no_table_is_forgotten_by_these_tests() -> None:
    others = {"plurals", "byte_units", "second", "minute", "hour", "day", "first_of_month"}
    others |= {"date_pattern", "instant_pattern", "long_date_pattern"}
    assert {field.name for field in fields(Texts)} == set(TEMPLATE_TABLES) | others


def test_reasons_use_only_parameters_that_the_model_declares() -> None:
    declared = declared_params(ReasonCode)
    assert set(declared) == set(ReasonCode)
    for table in (TABLES["en"].reasons, TABLES["en"].job_reasons):
        for key, template in table.items():
            assert placeholders(template) <= declared[key.split(".")[0]], key
    for key, template in TABLES["en"].remedies.items():
        assert placeholders(template) <= declared[key.removesuffix(".all")] | {"vmid"}, key


def test_a_message_that_asks_is_not_ended_twice() -> None:
    asking = issue(IssueCode.SOURCE_DOWN, message="connection refused; is it up?")
    assert "refused; is it up? To do: Check" in describe_issue(asking, "en")
    assert "refused. To do: Check" in describe_issue(issue(IssueCode.SOURCE_DOWN, message="connection refused."), "en")


def test_issues_use_only_parameters_that_the_model_declares() -> None:
    declared = declared_params(IssueCode)
    assert set(declared) == set(IssueCode)
    for key, template in TABLES["en"].issues.items():
        code = key.removesuffix(".all").removesuffix(".subject")
        assert placeholders(template) <= declared[code] | {"source", "subject", "job", "message"}, key
    for key, template in TABLES["en"].issue_remedies.items():
        assert placeholders(template) <= declared[key.removesuffix(".pbs")] | {"token", "role"}, key


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
            "the list of guests is too old to rely on: last read: 21\xa0Oct\xa02026, 09:00\xa0UTC",
            f"la liste des invités est trop ancienne pour s’y fier{NBSP}: dernière lecture{NBSP}: 21\xa0oct.\xa02026, 09:00\xa0UTC",
        ),
        (
            reason(ReasonCode.INVENTORY_STALE, fetched_at=0),
            "the list of guests is too old to rely on: last read: not known",
            f"la liste des invités est trop ancienne pour s’y fier{NBSP}: dernière lecture{NBSP}: inconnu",
        ),
        (
            reason(ReasonCode.WAIVED, reason="being replaced", until=NOW, owner="ada"),
            "waived until 21\xa0Oct\xa02026, 09:00\xa0UTC: being replaced (owner ada)",
            f"dispensé jusqu’au 21\xa0oct.\xa02026, 09:00\xa0UTC{NBSP}: being replaced (responsable ada)",
        ),
        (
            reason(ReasonCode.WAIVED, reason="being replaced", until=NOW, owner=""),
            "waived until 21\xa0Oct\xa02026, 09:00\xa0UTC: being replaced",
            f"dispensé jusqu’au 21\xa0oct.\xa02026, 09:00\xa0UTC{NBSP}: being replaced",
        ),
        (
            reason(ReasonCode.STORE_NOT_READ, storage="nas"),
            "backups on storage nas could not be read",
            "les sauvegardes du stockage nas n’ont pas pu être lues",
        ),
        (
            reason(ReasonCode.STORE_NOT_READ, storage="*"),
            "backups may lie on storages that the token cannot see",
            "des sauvegardes peuvent se trouver sur des stockages que le jeton ne voit pas",
        ),
        (
            reason(ReasonCode.GROUP_AMBIGUOUS, server="pbs1", datastore="main", namespace="a/b"),
            "backups under its id in main/a/b on pbs1 may be another guest’s",
            "les sauvegardes sous son numéro dans main/a/b sur pbs1 sont peut-être celles d’un autre invité",
        ),
        (
            reason(ReasonCode.GROUP_INCOMPLETE, server="pbs1", datastore="main", namespace=""),
            "the list of its backups in main on pbs1 came incomplete",
            "la liste de ses sauvegardes dans main sur pbs1 est arrivée incomplète",
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


@pytest.mark.parametrize("language", LANGUAGES)
@given(code=st.sampled_from(FindingCode), params=ANY_PARAMS, subject=ANY_TEXT)
def test_no_parameters_make_a_finding_raise_or_unprintable(
    language: str, code: FindingCode, params: tuple[tuple[str, str | int], ...], subject: str
) -> None:
    found = Finding(code, RULES[code].severity, params, subject)
    for text in (describe_finding(found, language, UTC, NOW), describe_finding_remedy(found, language, 100)):
        assert "\x00" not in text
        text.encode()


@pytest.mark.parametrize(
    ("found", "english"),
    [
        (
            Finding.of(FindingCode.NO_USABLE_BACKUP, failed=3, inherited=2),
            "no usable backup (failed verification: 3; of a former guest with its id: 2)",
        ),
        (
            Finding.of(FindingCode.NO_USABLE_BACKUP, failed=3, inherited=0),
            "no usable backup: all failed verification (3)",
        ),
        (
            Finding.of(FindingCode.NO_USABLE_BACKUP, failed=0, inherited=2),
            "no usable backup: all are of a former guest with its id (2)",
        ),
        (
            Finding.of(FindingCode.ORPHANED_BACKUPS, "nas", groups=1, versions=3, newest_bytes=0),
            "backup groups on nas that belong to no guest: 1 (versions: 3)",
        ),
    ],
)
def test_a_finding_says_nothing_about_what_there_is_none_of(found: Finding, english: str) -> None:
    assert describe_finding(found, "en", UTC, NOW) == english
    assert "0" not in describe_finding(found, "fr", UTC, NOW)


@pytest.mark.parametrize(
    ("storage", "able", "english", "remedy"),
    [
        ("nas", "daily", "storage nas is not active on pve3; jobs that can run: daily", "pvesm status --storage nas"),
        ("nas", "", "storage nas is not active on pve3", "pvesm status --storage nas"),
        ("", "", "node pve3 is offline", "Bring pve3 back"),
    ],
)
def test_what_blocks_the_next_backup_is_named_with_what_to_do_there(
    storage: str, able: str, english: str, remedy: str
) -> None:
    found = Finding.of(
        *(FindingCode.NEXT_BACKUP_BLOCKED, storage), at=NOW, jobs="weekly", node="pve3", storage=storage, able=able
    )
    begins = "the backup due 21\xa0Oct\xa02026, 09:00\xa0UTC (job weekly) cannot be made while "
    assert describe_finding(found, "en", UTC, NOW) == begins + english
    assert remedy in describe_finding_remedy(found, "en", 100)
    assert "?" not in describe_finding(found, "fr", UTC, NOW) + describe_finding_remedy(found, "fr", 100)


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


@pytest.mark.parametrize(
    ("privilege", "path", "command"),
    [
        ("Datastore.Audit", "/datastore", "proxmox-backup-manager acl update /datastore DatastoreAudit --auth-id"),
        ("Sys.Audit", "/system/tasks", "proxmox-backup-manager acl update /system/tasks Audit --auth-id"),
        ("Remote.Audit", "/remote", "proxmox-backup-manager acl update /remote RemoteAudit --auth-id"),
        ("Sys.Audit", "/", "pveum acl modify / --tokens"),
    ],
)
def test_a_privilege_missing_on_a_backup_server_is_granted_there(privilege: str, path: str, command: str) -> None:
    missing = issue(IssueCode.PERMISSION_MISSING, "pbs1", privilege=privilege, path=path, token="mon@pbs!vz")
    assert describe_issue_remedy(missing, "en").startswith(f"{command} 'mon@pbs!vz' ")


def test_a_store_that_was_not_read_names_the_privilege_of_pve_and_of_pbs() -> None:
    remedy = describe_remedy(reason(ReasonCode.STORE_NOT_READ, storage="nas"), "en", 100)
    assert "Datastore.Audit on /storage/nas" in remedy
    assert "DatastoreAudit" in remedy
    hidden = describe_remedy(reason(ReasonCode.STORE_NOT_READ, storage="*"), "en", 100)
    assert hidden == "Let the token see all storages: Datastore.Audit on /storage"


def test_what_to_do_about_a_backup_server_that_is_not_configured_is_said_once() -> None:
    server = "pbs; reboot"
    assert describe_remedy(reason(ReasonCode.PBS_NOT_CONFIGURED, storage="off", server=server), "en", 100) == ""
    found = issue(IssueCode.PBS_NOT_CONFIGURED, subject="off", storage="off", server=server)
    remedy = describe_issue_remedy(found, "en")
    assert "under pbs:" in remedy
    assert "host 'pbs; reboot'" in remedy


def test_no_visible_guest_says_so_first() -> None:
    hidden = issue(IssueCode.NO_GUEST_VISIBLE)
    assert describe_issue(hidden, "en").startswith("No guest is visible: ")
    assert describe_issue(hidden, "fr").startswith(f"Aucun invité n’est visible{NBSP}: ")


def test_what_hides_and_collectors_are_said_in_words_and_unknown_ones_as_they_are() -> None:
    failed = issue(IssueCode.COLLECTOR_FAILED, subject="pve2", collector="tasks", message="timed out.")
    assert describe_issue_meaning(failed, "en") == "the task history of lab (pve2) could not be read: timed out"
    novel = issue(IssueCode.COLLECTOR_FAILED, collector="moon_phase", message="")
    assert describe_issue_meaning(novel, "en") == "moon_phase of lab could not be read: not known"


def test_a_disagreement_names_both_sides() -> None:
    about_job = issue(IssueCode.COVERAGE_DISAGREEMENT, job="weekly", ours="", theirs="104, 105")
    assert describe_issue_meaning(about_job, "en") == (
        "PVE selects other guests for job weekly (only ours: none; only PVE’s: 104, 105)"
    )
    about_all = issue(IssueCode.COVERAGE_DISAGREEMENT, job="", ours="104", theirs="")
    assert describe_issue_meaning(about_all, "en") == (
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
        (1_790_841_600, "1\xa0Oct\xa02026,\xa010:00", "1er\xa0oct.\xa02026,\xa010:00"),
        (NOW, "21\xa0Oct\xa02026,\xa011:00", "21\xa0oct.\xa02026,\xa011:00"),
        (1_792_888_200, "25\xa0Oct\xa02026,\xa002:30\xa0(CEST)", "25\xa0oct.\xa02026,\xa002:30\xa0(CEST)"),
        (1_792_891_800, "25\xa0Oct\xa02026,\xa002:30\xa0(CET)", "25\xa0oct.\xa02026,\xa002:30\xa0(CET)"),
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
    assert format_long_instant(NOW, PARIS, "en") == "Wednesday 21\xa0October\xa02026, 11:00\xa0CEST"
    assert format_long_instant(NOW, PARIS, "fr") == "mercredi 21\xa0octobre\xa02026, 11:00\xa0CEST"
    assert format_instant_with_zone(NOW, UTC, "en") == "21\xa0Oct\xa02026, 09:00\xa0UTC"


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
            IssueCode.CONFLICTING_POLICIES,
            IssueCode.AMBIGUOUS_GROUPS,
            IssueCode.DATASTORE_UNREADABLE,  # hides backups, no guest
            IssueCode.PBS_NOT_CONFIGURED,
            IssueCode.FOLDER_NOT_LISTED,
            IssueCode.NOTES_NOT_READ,
            IssueCode.STORAGES_FILE_UNREADABLE,  # hides nothing of backups
            IssueCode.DRILLS_UNREADABLE,
            IssueCode.HISTORY_UNAVAILABLE,
        }


# --- the sentence, where backups were read ---


def protected(
    protected: int, unprotected: int = 0, at_risk: int = 0, unknown: int = 0, waived: int = 0, **fields: Any
) -> Report:
    states = {
        Protection.PROTECTED: protected,
        Protection.UNPROTECTED: unprotected,
        Protection.AT_RISK: at_risk,
        Protection.UNKNOWN: unknown,
    }
    each = [state for state, count in states.items() for _ in range(count)]
    guests = [backed_up_guest(100 + number, protection=state) for number, state in enumerate(each)]
    guests += [guest_report(9000 + number, template=True, demanded=False) for number in range(waived)]
    return report(guests, backups_read=True, **fields)


@pytest.mark.parametrize(
    ("given_report", "sentence"),
    [
        (
            protected(47, 2, 1, 1, waived=1),
            "47 of 51 guests are protected; 2 unprotected, 1 at risk, 1 unknown; 1 more is waived."
            " All 51 are in an active backup job.",
        ),
        (protected(3), "All 3 guests are protected. All 3 are in an active backup job."),
        (protected(1, 0, 1), "1 of 2 guests is protected; 1 at risk. All 2 are in an active backup job."),
        (protected(0, 2), "None of the 2 guests is protected; 2 unprotected. All 2 are in an active backup job."),
        (
            protected(0, 1, 0, 1),
            "None of the 2 guests is known to be protected; 1 unprotected, 1 unknown. All 2 are in an active backup job.",
        ),
        (
            protected(0, 0, 0, 2),
            "Whether any of the 2 guests is protected is not known. All 2 are in an active backup job.",
        ),
        (
            protected(1, waived=2),
            "The only guest is protected; 2 more are waived. The only guest is in an active backup job.",
        ),
        (protected(0, 1), "The only guest is unprotected. The only guest is in an active backup job."),
        (protected(0, 0, 1), "The only guest is at risk. The only guest is in an active backup job."),
        (
            protected(0, 0, 0, 1),
            "Whether the only guest is protected is not known. The only guest is in an active backup job.",
        ),
        (protected(0, waived=2), "Policy demands no backup of any guest (2 guests)."),
        (
            protected(
                2, sources=[source_report(), pbs_source(up=False)], issues=[issue(IssueCode.SOURCE_DOWN, "pbs1")]
            ),
            "All 2 guests are protected. All 2 are in an active backup job."
            " Not everything could be seen: 1 source could not be read.",
        ),
        (
            protected(2, issues=[issue(IssueCode.PARTIAL_VIEW)]),
            "All 2 visible guests are protected. All 2 are in an active backup job."
            " Not everything could be seen: guests may be hidden in lab.",
        ),
    ],
)
def test_the_sentence_says_what_is_protected_then_what_is_planned(given_report: Report, sentence: str) -> None:
    assert front_sentence(given_report, "en") == sentence


def test_the_sentence_on_protection_in_french() -> None:
    assert front_sentence(protected(47, 2, 1, 1, waived=1), "fr") == (
        f"47 des 51 invités sont protégés{NBSP}; 2 non protégés, 1 à risque, 1 inconnu{NBSP}; 1 de plus est dispensé. "
        "Les 51 figurent dans une tâche de sauvegarde active."
    )


def test_the_second_sentence_says_what_is_not_planned() -> None:
    guests = [backed_up_guest(), backed_up_guest(101), guest_report(102, coverage=Coverage.NOT_PLANNED)]
    assert front_sentence(report(guests, backups_read=True), "en").endswith(
        "2 of 3 are in an active backup job; 1 is not."
    )


@given(*[st.integers(0, 3)] * 5, st.sampled_from(LANGUAGES), st.sampled_from([None, *IssueCode]))
def test_no_report_with_something_unseen_lacks_a_word_about_it(
    good: int, bad: int, late: int, unknown: int, waived: int, language: str, code: IssueCode | None
) -> None:
    issues = () if code is None else (issue(code),)
    sentence = front_sentence(protected(good, bad, late, unknown, waived, issues=issues), language)
    assert "?" not in sentence
    assert "{" not in sentence
    seen = {
        IssueCode.CONFLICTING_POLICIES,
        IssueCode.AMBIGUOUS_GROUPS,
        IssueCode.STORAGES_FILE_UNREADABLE,
        IssueCode.DRILLS_UNREADABLE,
        IssueCode.HISTORY_UNAVAILABLE,
    }
    told = ("Not everything could be seen", "Tout n’a pas pu être vu", "PVE’s own evaluation", "L’évaluation de PVE")
    if code is not None and code not in seen and good + bad + late + unknown + waived:
        assert any(words in sentence for words in told)


def test_a_backup_server_that_is_down_hides_no_guest() -> None:
    down = issue(IssueCode.SOURCE_DOWN, "pbs1", message="no route")
    assert clusters_seen(report(sources=[source_report(), pbs_source(up=False)], issues=[down]))
    assert not clusters_seen(report(sources=[pbs_source()]))
    both = [source_report("one"), pbs_source("one")]
    assert not clusters_seen(report(sources=both, issues=[issue(IssueCode.SOURCE_DOWN, "one")]))


# --- backups that exist ---


@pytest.mark.parametrize(
    ("fields", "english", "short"),
    [
        ({}, "7 versions, 7 expected", "7/7"),
        (
            {"actual": 4, "delta": -3, "missing": 3, "state": RetentionState.SHORT},
            "4 versions, 7 expected: 3 missing",
            "4/7 (−3)",
        ),
        (
            {"actual": 19, "high": 14, "delta": 12, "surplus": 5, "state": RetentionState.EXCESS},
            "19 versions, 7 to 14 expected: 5 too many",
            "19/7–14 (+5)",
        ),
        ({"actual": 12, "high": 14, "delta": 5}, "12 versions, 7 to 14 expected", "12/7–14"),
        (
            {"actual": 1, "expected": 1, "low": 1, "high": 1, "state": RetentionState.YOUNG},
            "1 version, 1 expected, growing to 7",
            "1/1",
        ),
        (
            {"actual": 12, "expected": None, "low": None, "high": None, "state": RetentionState.UNBOUNDED},
            "12 versions, nothing limits them",
            "12/∞",
        ),
        (
            {"actual": 3, "expected": None, "low": None, "high": None, "state": RetentionState.NOT_APPLICABLE},
            "3 versions, no active job makes more here",
            "3/–",
        ),
        (
            {"actual": 3, "expected": None, "low": None, "high": None, "state": RetentionState.UNKNOWN},
            "3 versions, how many there should be is not known",
            "3/?",
        ),
        (
            {"incomplete": True, "expected": None, "low": None, "high": None, "state": RetentionState.UNKNOWN},
            "versions not known, how many there should be is not known",
            "?/?",
        ),
    ],
)
def test_versions_are_compared_in_words_and_in_short(fields: dict[str, Any], english: str, short: str) -> None:
    group: GroupReport = group_report(**fields)
    assert describe_retention(group, "en") == english
    assert describe_versions(group, "en") == short


def test_versions_are_compared_in_french() -> None:
    short = group_report(actual=4, delta=-3, missing=3, state=RetentionState.SHORT)
    assert describe_retention(short, "fr") == f"4 versions (attendues{NBSP}: 7), manquantes{NBSP}: 3"


@pytest.mark.parametrize(
    ("policy", "english"),
    [
        (
            GroupPolicy(("prune job p-main",), (("keep-daily", 14),), "UTC", NOW, 3),
            "pruned by prune job p-main (keep-daily=14), next 21\xa0Oct\xa02026,\xa011:00, will remove 3",
        ),
        (
            GroupPolicy(("job nightly", "prune job p1"), None, None, None, 0),
            "pruned by job nightly and prune job p1, will remove none",
        ),
        (GroupPolicy(("something new\n",)), "pruned by something new\\n"),
        (GroupPolicy(), "pruned by nothing"),
    ],
)
def test_who_prunes_when_and_how_many(policy: GroupPolicy, english: str) -> None:
    assert describe_pruning(policy, "en", PARIS) == english


@pytest.mark.parametrize(
    ("keep", "english"),
    [
        (
            (("keep-daily", 14), ("keep-monthly", 12), ("keep-weekly", 8)),
            "keep-daily=14, keep-weekly=8, keep-monthly=12",
        ),
        ((("weekly", 4), ("last", 3), ("daily", 0)), "keep-last=3, keep-weekly=4"),
        ((("keep-odd", 2), ("keep-yearly", 1)), "keep-yearly=1, keep-odd=2"),
        ((("keep-all", 1),), "keeps all"),
        ((), "keeps all"),
    ],
)
def test_prune_options_stand_in_the_order_in_which_they_are_worked_off(keep: Keep, english: str) -> None:
    assert describe_keep(keep, "en") == english


def test_what_prunes_is_named_in_the_language() -> None:
    assert describe_pruner("prune job p1", "fr") == "la tâche d’élagage p1"
    assert describe_pruner("job nightly", "fr") == "la tâche nightly"
    assert describe_pruning(GroupPolicy(), "en", PARIS, known=False) == "what prunes them is not known"


@pytest.mark.parametrize(
    ("forecast", "english", "french"),
    [
        (None, "less than 7 days recorded", "moins de 7 jours enregistrés"),
        (
            Forecast("history", NOW + 86_400, 10, 41, 38),
            "full about 22\xa0Oct\xa02026, by 41 days of usage",
            "plein vers le 22\xa0oct.\xa02026, d’après 41 jours d’usage",
        ),
        (
            Forecast("history", None, 10, 7, 7),
            "not full within ten years, by 7 days of usage",
            "pas plein avant dix ans, d’après 7 jours d’usage",
        ),
        (
            Forecast("history", NOW + 86_400, 10, 41, 38, date(2026, 9, 20)),
            "full about 22\xa0Oct\xa02026, by 41 days of usage; newest figure of 20\xa0Sep\xa02026",
            "plein vers le 22\xa0oct.\xa02026, d’après 41 jours d’usage ; dernier chiffre du 20\xa0sept.\xa02026",
        ),
        (
            Forecast("history", None, -10, 7, 7),
            "not filling up, by 7 days of usage",
            "ne se remplit pas, d’après 7 jours d’usage",
        ),
        (
            Forecast("server", NOW + 86_400),
            "full about 22\xa0Oct\xa02026, by the server’s estimate",
            "plein vers le 22\xa0oct.\xa02026, selon l’estimation du serveur",
        ),
        (
            Forecast("server", None),
            "not filling up, by the server’s estimate",
            "ne se remplit pas, selon l’estimation du serveur",
        ),
    ],
)
def test_a_forecast_says_who_tells_it_and_by_how_many_days(
    forecast: Forecast | None, english: str, french: str
) -> None:
    assert describe_forecast(forecast, PARIS, "en") == english
    assert describe_forecast(forecast, PARIS, "fr") == french


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_state_of_a_day_has_one_character_of_its_own(language: str) -> None:
    marks = [mark_of_day(state, language) for state in DayState]
    assert sorted(DAYS_TOLD) == sorted(DayState)
    assert all(len(mark) == 1 for mark in marks)
    assert len(set(marks)) == len(DayState)
    assert draw_days(tuple(DayState), language) == "".join(marks)


def test_days_are_counted_in_words_and_those_without_a_day_left_out() -> None:
    days = (DayState.BACKUP, DayState.GONE, DayState.BACKUP, DayState.FAILED)
    assert count_days(days, "en") == "backup 2, failed 1, not known 1"


def test_the_trend_is_told_by_its_first_last_and_lowest_day() -> None:
    counted = [(date(2026, 8, 1), 20, 28), (date(2026, 8, 2), 18, 28), (date(2026, 10, 21), 26, 27)]
    assert describe_trend(counted, backups_read=True, language="en") == (
        "Protected on 1\xa0Aug\xa02026: 20 of 28; on 21\xa0Oct\xa02026: 26 of 27; fewest on 2\xa0Aug\xa02026: 18 of 28."
    )
    assert describe_trend(counted, backups_read=False, language="fr").startswith(
        f"Dans une tâche de sauvegarde active le 1er\xa0août\xa02026{NBSP}: 20 sur 28"
    )
