"""A sync copies the manifest, and with it the verification of its source: what counts as verified where it lies (rulebook H7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from report.analyse import analyse
from report.backups import BackupGroup, PbsFacts, PbsJob, SnapshotFlag
from report.facts import Facts
from report.findings import Finding, FindingCode, Severity
from report.model.groups import GroupReport
from report.model.guests import Protection
from report.model.reasons import ReasonCode
from report.policy import Expectation, Policy
from report.readings import Failure, Reading
from report.rows.protection import checks
from report.rows.shared import Reader
from report.tables.json_backups import group_json
from report.tables.json_guests import guest_json
from report.words import describe_finding, describe_finding_remedy
from tests import builders as a
from tests.report import estates as e
from tests.report.estates import DAY, HOUR, NOW, OK, SAVED, Judged, dailies, judge, rows

BROUGHT = OK | SnapshotFlag.VERIFIED_ELSEWHERE
CORRUPT = SnapshotFlag.VERIFY_FAILED
PULL = e.sync_job(remote="origin", remote_store="main")
PUSH = PbsJob("sync", "p1", "data", "x", direction="push", remote="copies", remote_store="offsite")
UNREAD: Reading[Any] = Reading(failure=Failure("forbidden", "/admin/sync", "403"))
WEEK = Policy(default=Expectation(verified_within_seconds=7 * DAY))


def brought(snapshots: list[tuple[int, int, int, int]] | None = None, **fields: Any) -> BackupGroup:
    """Return a copy of which every version carries the verification of another node."""
    return e.copy(snapshots or rows(dailies(), BROUGHT), **({"verified_elsewhere": "pbs9/main"} | fields))


def judged(*groups: BackupGroup, syncs: Any = (PULL,), policy: Policy | None = None, **of_vault: Any) -> Judged:
    """Judge guest 100 with these groups: its job writes where none of them lies, unless `main` is among them."""
    reading = syncs if isinstance(syncs, Reading) else a.reading(syncs)
    storages = [e.entry(), e.entry("off", datastore="offsite", namespace=None, username=None)]
    return judge(vault=e.server(*groups, sync_jobs=reading, **of_vault), policy=policy, storages=storages)


def copied(found: Judged) -> GroupReport:
    return next(group for group in found.report.groups if group.datastore == "offsite")


def other(*jobs: PbsJob) -> PbsFacts:
    return replace(e.server(sync_jobs=a.reading(jobs)), name="second", hosts=(("second.example", 8007),))


def text(finding: Finding) -> str:
    return describe_finding(finding, "en", UTC, NOW).replace("\xa0", " ")


@pytest.mark.parametrize(
    ("group", "jobs", "here"),
    [
        pytest.param(brought(), (PULL,), False, id="a job pulls it"),
        pytest.param(e.copy(), (PULL,), True, id="it was verified here"),
        pytest.param(brought(), (), True, id="no sync writes there: the server was renamed"),
        pytest.param(brought(), (replace(PULL, datastore="main"),), True, id="the job pulls to another store"),
        pytest.param(brought(namespace="a"), (replace(PULL, max_depth=0),), True, id="H10: below its reach"),
        pytest.param(brought(), (replace(PULL, group_filter=("type:ct",)),), True, id="H10: left out"),
        pytest.param(brought(owner="b@pbs"), (PULL,), True, id="H15: of an owner under whom no job writes"),
        pytest.param(brought(), (e.sync_job(remote_store="main"),), False, id="a job pulls it from the same server"),
        pytest.param(brought(), (replace(PULL, disabled=True, schedule=None),), False, id="a job that is run by hand"),
    ],
)
def test_h7_what_a_sync_brought_counts_as_verified_once_it_was_verified_where_it_lies(
    group: BackupGroup, jobs: tuple[PbsJob, ...], here: bool
) -> None:
    found = judged(group, syncs=jobs)
    report = copied(found)
    assert (report.verified, report.verified_elsewhere) == ((10, 0) if here else (0, 10))
    assert report.newest_verified_at == (SAVED if here else None)
    assert group_json(report)["verified_elsewhere"] == report.verified_elsewhere
    told = [each for each in found.findings if each.code is FindingCode.NEVER_VERIFIED]
    assert bool(told) is not here


@pytest.mark.parametrize(
    ("job", "namespace", "here"),
    [
        pytest.param(PUSH, "", False, id="pushed"),
        pytest.param(replace(PUSH, remote_namespace="lab"), "lab", False, id="into a namespace"),
        pytest.param(replace(PUSH, remote_namespace="lab"), "lab/db", False, id="below it"),
        pytest.param(replace(PUSH, remote_namespace="lab"), "labour", True, id="not into that one"),
        pytest.param(replace(PUSH, remote_namespace="lab", max_depth=0), "lab/db", True, id="not so deep"),
        pytest.param(replace(PUSH, remote_store="main"), "", True, id="into another store"),
        pytest.param(replace(PUSH, group_filter=("exclude:group:vm/100",)), "", True, id="left out"),
        pytest.param(replace(PUSH, direction="pull"), "", True, id="pulled to where the job is"),
    ],
)
def test_h7_another_server_may_push_it(job: PbsJob, namespace: str, here: bool) -> None:
    # the account under which a push writes is not told
    vault = e.server(brought(namespace=namespace, owner="pusher@pbs"))
    report = Judged(analyse(Facts((e.cluster(),), (vault, other(job))), Policy(), NOW))
    assert (copied(report).verified > 0) is here


def test_what_was_verified_here_too_counts_and_only_the_rest_is_told() -> None:
    older, newer = rows(dailies()[:6]), rows(dailies()[6:], BROUGHT)
    report = copied(judged(brought([*older, *newer])))
    assert (report.verified, report.verified_elsewhere) == (6, 4)
    assert report.newest_verified_at == SAVED - 4 * DAY


def test_h7_a_failed_verification_of_the_source_stays_failed() -> None:
    found = judged(brought([*rows(dailies()[:9], BROUGHT), *rows([SAVED], CORRUPT)]))
    assert FindingCode.VERIFICATION_FAILED in found.codes
    assert (copied(found).verify_failed, copied(found).verified_elsewhere) == (1, 9)
    assert found.guest().newest_backup_at == SAVED - DAY


def test_the_finding_names_the_source_and_when_it_verified() -> None:
    found = judged(brought()).finding(FindingCode.NEVER_VERIFIED)
    assert found.severity is Severity.INFO
    assert text(found) == "never verified on vault/offsite, only at its source pbs9/main, 5 h 59 min ago"
    assert "--ignore-verified false" in describe_finding_remedy(found, "en", 100)
    plain = judged(e.copy(rows(dailies(), 0))).finding(FindingCode.NEVER_VERIFIED)
    assert text(plain) == "never verified on vault/offsite"
    assert "--ignore-verified" not in describe_finding_remedy(plain, "en", 100)


def test_an_outdated_verification_tells_of_a_newer_one_at_the_source() -> None:
    old = [(SAVED - DAY, 1, int(OK), NOW - 40 * DAY)]
    found = judged(brought([*old, *rows([SAVED], BROUGHT)])).finding(FindingCode.VERIFICATION_OUTDATED)
    assert "; a newer one only at its source pbs9/main, 5 h 59 min ago" in text(found)
    newest_here = judged(brought([*rows([SAVED - DAY], BROUGHT), (SAVED, 1, int(OK), NOW - 40 * DAY)]))
    assert dict(newest_here.finding(FindingCode.VERIFICATION_OUTDATED).params)["source"] == ""


@pytest.mark.parametrize(
    ("groups", "syncs", "verdict", "overdue"),
    [
        pytest.param((e.group(), brought()), (PULL,), Protection.PROTECTED, False, id="the original is verified"),
        pytest.param((e.group(rows(dailies(), 0)), brought()), (PULL,), Protection.AT_RISK, True, id="neither is here"),
        pytest.param((e.group(rows(dailies(), 0)), e.copy()), (PULL,), Protection.PROTECTED, False, id="the copy is"),
        pytest.param((e.group(rows(dailies(), 0)), brought()), (), Protection.PROTECTED, False, id="a renamed server"),
        pytest.param((e.group(rows(dailies(), 0)), brought()), UNREAD, Protection.UNKNOWN, False, id="who knows"),
        pytest.param((e.group(), brought()), UNREAD, Protection.PROTECTED, False, id="it does not matter"),
    ],
)
def test_the_policy_asks_for_a_backup_that_was_verified_at_its_own_place(
    groups: tuple[BackupGroup, ...], syncs: Any, verdict: Protection, overdue: bool
) -> None:
    found = judged(*groups, syncs=syncs, policy=WEEK)
    assert found.guest().protection is verdict
    assert (FindingCode.VERIFICATION_OVERDUE in found.codes) is overdue
    unread = ReasonCode.SYNC_JOBS_NOT_READ in {reason.code for reason in found.guest().reasons}
    assert unread is (verdict is Protection.UNKNOWN)


def test_sync_jobs_that_may_not_be_all_leave_the_demand_open_too() -> None:
    some = replace(a.reading(()), partial=True, failure=Failure("forbidden", "/admin/sync", "Remote.Audit"))
    found = judged(e.group(rows(dailies(), 0)), brought(), syncs=some, policy=WEEK)
    assert found.guest().protection is Protection.UNKNOWN
    assert {dict(reason.params).get("server") for reason in found.guest().reasons} >= {"vault"}
    assert copied(found).verified == 10, "nothing says that it is a copy"


def test_the_only_copy_of_a_guest_is_told_to_be_verified_at_its_source_alone() -> None:
    found = judged(brought(), policy=WEEK)
    assert text(found.finding(FindingCode.VERIFICATION_OVERDUE)) == (
        "no backup of the last 7 d was verified where it lies (default policy); its source pbs9/main verified one 5 h 59 min ago"
    )
    guest = guest_json(found.guest(), "en", NOW)
    assert guest["newest_verified"] is None
    assert (guest["newest_usable"]["verified"], guest["newest_usable"]["verified_elsewhere"]) == (False, "pbs9/main")
    here = guest_json(judged(e.copy()).guest(), "en", NOW)["newest_usable"]
    assert (here["verified"], here["verified_elsewhere"]) == (True, None)


def test_the_table_of_verifications_has_a_column_for_it_only_where_there_is_one() -> None:
    reader = Reader("en", UTC)
    (with_one, *_) = checks(judged(e.group(), brought([*rows([SAVED - DAY]), *rows([SAVED], BROUGHT)])).report, reader)
    titles = [column.heading for column in with_one.columns]
    place = titles.index("At its source only")
    copy_row = next(row for row in with_one.rows if str(row.cells[0]).startswith("offsite"))
    assert [str(cell) for cell in copy_row.cells[place - 2 : place + 2]] == ["1", "0", "1", "0"]
    assert len(with_one.sentences) == 2
    (without, *_) = checks(judged(e.group(), e.copy()).report, reader)
    assert "At its source only" not in [column.heading for column in without.columns]
    assert len(without.sentences) == 1


def test_a_verification_at_the_source_is_as_old_as_the_manifest_says() -> None:
    late = [(SAVED, 1, int(BROUGHT), NOW - 2 * HOUR)]
    assert dict(judged(brought(late)).finding(FindingCode.NEVER_VERIFIED).params)["source_verified"] == NOW - 2 * HOUR
