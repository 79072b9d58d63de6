"""Every row of the verdict table, from facts to Report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from report.backups import BackupGroup, PbsFacts, SnapshotFlag
from report.facts import Failure
from report.model.guests import Coverage, DiskCover, Protection
from report.model.reasons import ReasonCode
from report.policy import Expectation, Policy, Rule, Scope, Waiver
from report.readings import Reading
from report.verdict import VERDICTS
from tests import builders as a
from tests.report import estates as e
from tests.report.estates import DAY, HOUR, NOW, SAVED, Judged, dailies, group, judge, rows

REFUSED = Failure("forbidden", "/x", "403")
UNREAD: Reading[Any] = Reading(failure=REFUSED)
WAIVED, UNKNOWN, UNPROTECTED = Protection.WAIVED, Protection.UNKNOWN, Protection.UNPROTECTED
AT_RISK, PROTECTED = Protection.AT_RISK, Protection.PROTECTED
OFF = [e.job(enabled=False)]
OLD = group(rows(dailies(5, SAVED - 8 * DAY)))
NOT_READ = e.server(groups={("main", "lab"): UNREAD})


def waiver(until: int = NOW) -> Policy:
    return Policy(waivers=(Waiver(Scope.of_guest("lab", 100), "moving", until, "ana"),))


CASES: dict[str, list[tuple[str, Callable[[], Judged], Protection]]] = {
    "exempt": [
        ("waived as a whole", lambda: judge(policy=waiver()), WAIVED),
        ("the waiver ran out", lambda: judge(policy=waiver(NOW - 1)), UNPROTECTED),
        ("not demanded", lambda: judge(policy=Policy(default=Expectation(demanded=False))), WAIVED),
        ("a template", lambda: judge(guests=[a.guest(100, template=True)]), WAIVED),
    ],
    "nothing_seen": [
        ("its store was not read", lambda: judge(vault=NOT_READ), UNKNOWN),
        ("one store was, another was not", lambda: two_stores_of_which_one_is_unread(), UNKNOWN),
        ("a switched-off storage leads to one that was not", lambda: switched_off_and_unread(), UNKNOWN),
        ("its inventory is too old", lambda: judge(group(), inventory=stale_inventory()), UNKNOWN),
        ("no PBS is configured", lambda: judge(vault=replace(NOT_READ, hosts=(("other.example", 8007),))), UNKNOWN),
    ],
    "nothing_usable": [
        ("never backed up", judge, UNPROTECTED),
        ("though tasks were not read", lambda: judge(tasks={}), UNPROTECTED),
        ("all corrupt", lambda: judge(group(rows(dailies(), SnapshotFlag.VERIFY_FAILED))), UNPROTECTED),
        ("no storage takes backups", lambda: judge(storages=[a.storage_definition(content=frozenset())]), UNPROTECTED),
    ],
    "jobs_unknown": [("the job list is refused", lambda: jobs_refused(), UNKNOWN)],
    "old_or_not_seen": [("older than a week", lambda: judge(vault=partly_read(OLD), jobs=OFF), UNKNOWN)],
    "old_and_no_job": [
        ("older than a week", lambda: judge(OLD, jobs=OFF), UNPROTECTED),
        ("six days old", lambda: judge(group(rows(dailies(5, SAVED - 6 * DAY))), jobs=OFF), AT_RISK),
    ],
    "finding": [
        ("late", lambda: judge(OLD), AT_RISK),
        ("though something was not seen", lambda: judge(group(), jobs=OFF, tasks={}), AT_RISK),
        ("one that was waived lowers nothing", lambda: judge(OLD, policy=of_code("backup_late")), PROTECTED),
    ],
    "doubt": [
        ("tasks were not read", lambda: judge(group(), tasks={}), UNKNOWN),
        ("volumes were not read", lambda: judge(group(), included={}), UNKNOWN),
        (
            "late as far as was seen",
            lambda: judge(vault=partly_read(group(rows(dailies(5, SAVED - 3 * DAY))))),
            UNKNOWN,
        ),
        ("the zone was never read", lambda: judge(group(), zones={}), UNKNOWN),
    ],
    "good": [
        ("saved last night", lambda: judge(group()), PROTECTED),
        ("information lowers nothing", lambda: judge(group(rows(dailies(), 0))), PROTECTED),
        ("enough was seen", lambda: judge(vault=partly_read(group())), PROTECTED),
    ],
}


def partly_read(*groups: BackupGroup) -> PbsFacts:
    """Return the PBS with these groups, of which a namespace could not be listed; the guest's copies may lie there."""
    whole = e.server(*groups)
    return replace(whole, groups={**whole.groups, ("offsite", ""): UNREAD})


def two_stores_of_which_one_is_unread() -> Judged:
    storages = [e.entry(), e.entry("off", datastore="offsite", namespace=None)]
    return judge(vault=partly_read(), storages=storages)


def switched_off_and_unread() -> Judged:
    storages = [e.entry(), e.entry("off", datastore="offsite", namespace=None, disabled=True)]
    return judge(vault=partly_read(), storages=storages)


def stale_inventory() -> Reading[Any]:
    held = e.cluster().inventory
    return replace(held, fetched_at=NOW - DAY)


def jobs_refused() -> Judged:
    return judge(group(), clusters=(replace(e.cluster(), jobs=UNREAD),))


def of_code(code: str) -> Policy:
    return Policy(waivers=(Waiver(Scope.of_guest("lab", 100), "known", NOW, code=code),))


@pytest.mark.parametrize(
    ("name", "case"),
    [pytest.param(name, case, id=f"{name}: {case[0]}") for name, cases in CASES.items() for case in cases],
)
def test_a_row_of_the_table(name: str, case: tuple[str, Callable[[], Judged], Protection]) -> None:
    _, judged, protection = case
    assert judged().guest().protection is protection


def test_every_row_has_a_case_with_its_verdict() -> None:
    verdicts = {name: cases[0][2] for name, cases in CASES.items()}
    assert verdicts == {row.name: row.verdict for row in VERDICTS}


def test_an_unknown_verdict_says_why() -> None:
    for name, cases in CASES.items():
        for why, judged, protection in cases:
            if protection is UNKNOWN:
                guest = judged().guest()
                assert [reason for reason in guest.reasons if reason.code is not ReasonCode.IN_ACTIVE_JOB], (name, why)


def test_what_speaks_for_a_good_guest_is_told_beside_its_verdict() -> None:
    guest = judge(group()).guest()
    assert (guest.coverage, guest.disks) == (Coverage.PLANNED, DiskCover.FULL)
    assert (guest.newest_backup_at, guest.due_at, guest.limit_seconds) == (
        SAVED,
        SAVED - 60 + DAY,
        DAY + HOUR - 60 + 600,
    )
    assert guest.usable is not None
    assert guest.usable.volume == "pbs:backup/vm/100/2026-10-21T02:01:00Z"
    assert guest.restore_command == "qmrestore pbs:backup/vm/100/2026-10-21T02:01:00Z 100 --storage local-lvm"


# --- notes that may waive and were not read yet


NOTES = Policy(waive_in_notes=True)


@pytest.mark.parametrize(
    ("judged", "protection"),
    [
        pytest.param(lambda: judge(policy=NOTES, configs={}), UNKNOWN, id="without a backup"),
        pytest.param(lambda: judge(OLD, policy=NOTES, configs={}), UNKNOWN, id="late"),
        pytest.param(lambda: judge(OLD, jobs=OFF, policy=NOTES, configs={}), UNKNOWN, id="old and unscheduled"),
        pytest.param(lambda: judge(group(), policy=NOTES, configs={}), PROTECTED, id="nothing to waive"),
        pytest.param(lambda: judge(policy=NOTES), UNPROTECTED, id="the notes were read"),
        pytest.param(lambda: judge(configs={}), UNPROTECTED, id="notes may not waive"),
    ],
)
def test_a_guest_whose_notes_may_waive_it_is_unknown_until_they_are_read(
    judged: Callable[[], Judged], protection: Protection
) -> None:
    guest = judged().guest()
    assert guest.protection is protection
    if protection is UNKNOWN:
        assert ReasonCode.NOTES_NOT_READ in {reason.code for reason in guest.reasons}


def test_the_first_rule_that_matches_decides_and_is_named() -> None:
    strict = Rule("gold", Scope(vmids=((100, 100),)), Expectation(max_age_seconds=HOUR))
    judged = judge(group(), policy=Policy(rules=(strict,)))
    assert (judged.guest().rule, judged.guest().protection) == ("gold", AT_RISK)
    assert judged.guest().limit_seconds == HOUR
