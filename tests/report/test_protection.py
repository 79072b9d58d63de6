"""Never backed up, late, or there (rulebook F11), and what was not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from report.analyse import analyse
from report.backups import BackupGroup, PbsFacts, SnapshotFlag, Snapshots
from report.coverage import GuestCoverage
from report.facts import BackupJob, Permissions, Reading
from report.matching import MatchedGroup
from report.model import Coverage, GroupMatch, GuestReport, Protection, Reason, ReasonCode
from report.policy import Policy
from report.protection import GuestBackups, judge_protection
from tests import builders as a

NOW = a.NOW
HOUR, DAY = 3600, 86400
BERLIN = ZoneInfo("Europe/Berlin")
PLANNED = GuestCoverage(Coverage.PLANNED, ())
UNSEEN = (Reason.of(ReasonCode.STORE_NOT_READ, storage="nas"),)


def epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp())


def matched(*times: int, flags: int = 0, inherited: Sequence[int] = (), **fields: Any) -> MatchedGroup:
    snapshots = Snapshots.of([(time, 1, flags, 0) for time in times])
    group = BackupGroup("vault", "main", "lab", "vm", "100", snapshots, NOW, **fields)
    return MatchedGroup(group, GroupMatch.GUEST, "lab", 100, frozenset(inherited))


def verdict(
    backups: GuestBackups,
    now: int,
    schedule: str | None = "mon..fri 22:00",
    usual: int = 0,
    coverage: GuestCoverage = PLANNED,
) -> tuple[Protection, list[ReasonCode]]:
    jobs = [BackupJob("nightly", schedule=schedule)] if schedule else []
    found = judge_protection(backups, coverage, jobs, BERLIN, usual, now)
    return found.protection, [reason.code for reason in found.reasons]


FRIDAY = epoch("2026-06-05T22:05")


@pytest.mark.parametrize(
    ("now", "protection"),
    [
        pytest.param("2026-06-07T12:00", Protection.PROTECTED, id="case 66: Sunday noon, nothing was due"),
        pytest.param("2026-06-08T22:30", Protection.PROTECTED, id="case 66: Monday within grace"),
        pytest.param("2026-06-08T23:30", Protection.AT_RISK, id="case 66: Monday past grace"),
    ],
)
def test_late_means_that_a_due_event_passed_with_its_grace(now: str, protection: Protection) -> None:
    assert verdict(GuestBackups((matched(FRIDAY),), any_read=True), epoch(now))[0] is protection


def test_case_65_a_time_that_the_clock_change_skips_is_not_due() -> None:
    backups = GuestBackups((matched(epoch("2026-03-28T02:31")),), any_read=True)
    assert verdict(backups, epoch("2026-03-29T12:00"), "2:30")[0] is Protection.PROTECTED
    assert verdict(backups, epoch("2026-03-30T04:00"), "2:30")[0] is Protection.AT_RISK


def test_the_usual_duration_of_the_job_is_added_to_the_grace() -> None:
    backups = GuestBackups((matched(FRIDAY),), any_read=True)
    assert verdict(backups, epoch("2026-06-08T23:30"), usual=2 * HOUR)[0] is Protection.PROTECTED


@pytest.mark.parametrize(
    ("backups", "protection", "codes"),
    [
        pytest.param(
            GuestBackups(any_read=True),
            Protection.UNPROTECTED,
            ["never_backed_up"],
            id="every store was read, none holds one",
        ),
        pytest.param(GuestBackups(), Protection.UNKNOWN, ["backups_not_read"], id="no store was read"),
        pytest.param(
            GuestBackups(any_read=True, unread=UNSEEN), Protection.UNKNOWN, ["store_not_read"], id="one may hold one"
        ),
        pytest.param(
            GuestBackups(any_read=True, ambiguous=(matched(FRIDAY),)),
            Protection.UNKNOWN,
            ["group_ambiguous"],
            id="one may be its own",
        ),
        pytest.param(
            GuestBackups((matched(FRIDAY, flags=SnapshotFlag.UNFINISHED),), any_read=True),
            Protection.UNPROTECTED,
            ["never_backed_up"],
            id="case 32: an unfinished one is none",
        ),
        pytest.param(
            GuestBackups((matched(FRIDAY, flags=SnapshotFlag.RENAMED),), any_read=True),
            Protection.UNPROTECTED,
            ["never_backed_up"],
            id="cases 30 and 31: a renamed one is no version",
        ),
        pytest.param(
            GuestBackups((matched(FRIDAY, flags=SnapshotFlag.VERIFY_FAILED),), any_read=True),
            Protection.UNPROTECTED,
            ["never_backed_up"],
            id="case 72: a corrupt one is none, even if newest",
        ),
        pytest.param(
            GuestBackups((matched(FRIDAY, inherited=[0]),), any_read=True),
            Protection.UNPROTECTED,
            ["never_backed_up"],
            id="case 35: a predecessor's is none",
        ),
        pytest.param(
            GuestBackups((matched(FRIDAY, incomplete=True),), any_read=True),
            Protection.PROTECTED,
            ["has_backups"],
            id="enough is known",
        ),
    ],
)
def test_whether_backups_exist(backups: GuestBackups, protection: Protection, codes: list[str]) -> None:
    assert verdict(backups, FRIDAY + HOUR) == (protection, codes)


def test_late_by_what_was_seen_is_unknown_while_something_was_not() -> None:
    late = epoch("2026-06-09T23:30")
    backups = GuestBackups((matched(FRIDAY),), unread=UNSEEN, any_read=True)
    assert verdict(backups, late) == (Protection.UNKNOWN, [ReasonCode.BACKUP_LATE, ReasonCode.STORE_NOT_READ])
    incomplete = GuestBackups((matched(FRIDAY, incomplete=True),), any_read=True)
    assert verdict(incomplete, late)[0] is Protection.UNKNOWN


def test_backups_without_an_active_job_are_at_risk_and_undecided_jobs_leave_it_open() -> None:
    backups = GuestBackups((matched(FRIDAY),), any_read=True)
    assert verdict(backups, FRIDAY, None) == (Protection.AT_RISK, [ReasonCode.BACKUPS_UNSCHEDULED])
    undecided = GuestCoverage(Coverage.UNDECIDED, ())
    assert verdict(backups, FRIDAY, None, coverage=undecided) == (Protection.UNKNOWN, [ReasonCode.HAS_BACKUPS])


AUDITOR = a.reading(Permissions({"/": dict.fromkeys(("VM.Audit", "Datastore.Audit", "Sys.Audit", "Pool.Audit"), True)}))
ENTRY = a.storage_definition("pbs", storage_type="pbs", server="pbs.example", datastore="main", namespace="lab")


def judged(server: PbsFacts | None, **fields: Any) -> GuestReport:
    facts = a.cluster(
        guests=[a.guest(100)], jobs=[a.backup_job(storage="pbs")], storages=[ENTRY], permissions=AUDITOR, **fields
    )
    whole = replace(a.facts(facts), servers=(server,) if server else ())
    return analyse(whole, Policy(), NOW).guests[0]


def pbs(groups: Reading[Any]) -> PbsFacts:
    return PbsFacts("vault", NOW, True, (("pbs.example", 8007),), groups={("main", "lab"): groups})


def test_a_pbs_that_is_not_configured_makes_its_guests_unknown_and_says_which() -> None:
    elsewhere = PbsFacts("vault", NOW, True, (("other.example", 8007),))
    guest = judged(elsewhere)
    assert guest.protection is Protection.UNKNOWN
    assert judged(None).protection is Protection.UNKNOWN


def test_a_namespace_that_was_read_and_is_empty_is_no_backup_and_one_that_was_not_is_unknown() -> None:
    assert judged(pbs(a.reading(()))).protection is Protection.UNPROTECTED
    assert judged(pbs(Reading())).protection is Protection.UNKNOWN
    assert judged(pbs(a.reading((), NOW - 901))).protection is Protection.UNKNOWN


def test_the_newest_version_counts_over_all_targets() -> None:
    group = matched(NOW - 5 * HOUR).group
    found = judged(pbs(a.reading((replace(group, owner=None),))))
    assert (found.protection, found.newest_backup_at) == (Protection.PROTECTED, NOW - 5 * HOUR)
    assert found.due_at is not None
    assert found.due_at > NOW
