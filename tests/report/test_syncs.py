"""The sync jobs behind copies: what they cost where the policy demands what they make, and what is shown of them (H8, H15)."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest

from report.backups import PbsJob
from report.findings import FindingCode, Severity
from report.model.guests import Protection
from report.model.reasons import ReasonCode
from report.policy import Expectation, Policy, StoreMark
from report.readings import Failure, Reading
from report.rows.protection import copies
from report.rows.shared import Reader
from report.tables.json_guests import guest_json
from tests import builders as a
from tests.report import estates as e
from tests.report.estates import HOUR, NIGHT, NOW, Judged, group, judge

NOT_CLEAN = FindingCode.SYNC_NOT_CLEAN
WARNED = e.sync_job(last_run_state="WARNINGS: 1")
OFFSITE, HERE = StoreMark("vault", "offsite", offsite=True), StoreMark("vault", "main", offsite=True)
PUSH = PbsJob("sync", "p1", "main", "lab", direction="push", last_run_state="connection refused", last_run_at=NIGHT)


def synced(*jobs: PbsJob, mark: StoreMark = OFFSITE, **demands: Any) -> Judged:
    vault = e.server(group(), e.copy(), sync_jobs=a.reading(jobs))
    return judge(vault=vault, policy=Policy(default=Expectation(**demands), stores=(mark,)))


@pytest.mark.parametrize(
    ("judged", "severity"),
    [
        pytest.param(synced(WARNED), Severity.INFO, id="nobody demands a copy"),
        pytest.param(synced(WARNED, copies=2), Severity.WARNING, id="copies are demanded"),
        pytest.param(synced(WARNED, offsite=True), Severity.WARNING, id="the off-site copy that it makes is demanded"),
        pytest.param(
            synced(WARNED, mark=HERE, offsite=True), Severity.INFO, id="what it makes is not the off-site one"
        ),
        pytest.param(synced(PUSH, offsite=True), Severity.WARNING, id="a job that pushes elsewhere"),
        pytest.param(
            synced(e.sync_job(last_run_state="unknown"), copies=2), Severity.INFO, id="H8: how it ended is not known"
        ),
        pytest.param(synced(e.sync_job(), copies=2), None, id="it ended well"),
        pytest.param(synced(e.sync_job(last_run_state=None), copies=2), None, id="it runs"),
        pytest.param(
            synced(e.sync_job(last_run_state="x", group_filter=("exclude:type:vm",)), copies=2),
            None,
            id="H10: left out",
        ),
        pytest.param(
            synced(e.sync_job(last_run_state="x", group_filter=("regex:^vm/1..$",)), copies=2),
            Severity.WARNING,
            id="H10: by a pattern",
        ),
        pytest.param(
            synced(e.sync_job(last_run_state="x", owner="b@pbs"), copies=2), None, id="H15: it writes as another owner"
        ),
    ],
)
def test_h8_a_sync_that_was_not_clean_lowers_the_verdict_where_the_policy_demands_what_it_makes(
    judged: Judged, severity: Severity | None
) -> None:
    assert [found.severity for found in judged.findings if found.code is NOT_CLEAN] == [severity][: bool(severity)]
    lowered = severity is Severity.WARNING
    assert judged.guest().protection is (Protection.AT_RISK if lowered else Protection.PROTECTED)


@pytest.mark.parametrize(
    ("demands", "verdict"), [({}, Protection.PROTECTED), ({"copies": 2}, Protection.UNKNOWN)], ids=("no", "demanded")
)
def test_sync_jobs_that_were_not_read_leave_open_whether_the_demanded_copies_are_whole(
    demands: dict[str, Any], verdict: Protection
) -> None:
    refused: Reading[Any] = Reading(failure=Failure("forbidden", "/x", "403"))
    policy = Policy(default=Expectation(**demands))
    guest = judge(vault=e.server(group(), e.copy(), sync_jobs=refused), policy=policy).guest()
    assert guest.protection is verdict
    told = ReasonCode.SYNC_JOBS_NOT_READ in {reason.code for reason in guest.reasons}
    assert told is (verdict is Protection.UNKNOWN)


@pytest.mark.parametrize(
    ("jobs", "job", "status", "text"),
    [
        ((WARNED,), "s1", "WARNINGS: 1", "vault/offsite (sync s1: WARNINGS: 1)"),
        ((e.sync_job(), PUSH), "s1", "OK", "vault/offsite (sync s1: OK)"),
        ((e.sync_job(last_run_state=None),), "s1", "running", "vault/offsite (sync s1: running)"),
        ((e.sync_job(last_run_state=None, last_run_upid=None),), "s1", "never", "vault/offsite (sync s1: never ran)"),
        ((), "", None, "vault/offsite"),
    ],
)
def test_a_copy_tells_the_sync_job_behind_it_and_how_that_ended(
    jobs: tuple[PbsJob, ...], job: str, status: str | None, text: str
) -> None:
    judged = synced(*jobs)
    kept, copied = guest_json(judged.guest(), "en", NOW)["copies"]
    ended = NIGHT + HOUR if jobs else None
    assert (copied["sync_job"], copied["sync_status"], copied["sync_ended"]) == (job, status, ended)
    assert (kept["sync_job"], kept["sync_status"]) == ("", None), "what PVE writes there is no copy"
    (row,) = copies(judged.report, Reader("en", UTC)).rows
    assert f"vault/main, {text}" == str(row.cells[2])
