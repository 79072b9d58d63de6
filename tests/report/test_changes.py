"""What changed since the Report before, by which cause, and how long a finding is open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from report.backups import BackupGroup
from report.changes import find_changes
from report.facts import BackupJob, GuestConfig
from report.findings import FindingCode
from report.model.guests import Protection
from report.model.reasons import ReasonCode
from report.model.report import Change, ChangeKind
from report.past import NOTHING, remember
from report.policy import Policy, Scope, Waiver
from report.readings import Reading
from tests import builders as a
from tests.report import estates as e
from tests.report.estates import DAY, NOW, SAVED, Judged, dailies, group, judge, rows

BEFORE = NOW - 300
FAR = a.guest(100, node="pve2")


def compared(before: Judged, **after: Any) -> Judged:
    """Judge what is now against the Report of five minutes ago."""
    groups = after.pop("groups", (group(),))
    return judge(*groups, past=remember(replace(before.report, created_at=BEFORE)), **after)


def change(judged: Judged) -> Change:
    (found,) = judged.report.changes
    return found


def causes(judged: Judged) -> list[ReasonCode]:
    return [reason.code for reason in change(judged).causes]


def test_without_a_report_before_nothing_changed() -> None:
    judged = judge()
    assert (judged.report.changes, judged.report.compared_with) == ((), None)


def test_what_stays_as_it_was_is_no_change() -> None:
    again = compared(judge(group()))
    assert (again.report.changes, again.report.compared_with) == ((), BEFORE)


NIGHTLY = e.job(node="pve1")


@pytest.mark.parametrize(
    ("before", "after", "cause"),
    [
        pytest.param({}, {"jobs": [e.job(enabled=False)]}, ReasonCode.JOB_DISABLED, id="the job was switched off"),
        pytest.param({}, {"jobs": [e.job("new", enabled=False)]}, ReasonCode.JOB_GONE, id="the job was deleted"),
        pytest.param(
            {}, {"jobs": [e.job(exclude="100")]}, ReasonCode.JOB_DROPPED_GUEST, id="the job selects it no more"
        ),
        pytest.param(
            {},
            {"storages": [e.entry(disabled=True)], "groups": (group(),)},
            ReasonCode.STORAGE_DISABLED,
            id="the storage was switched off",
        ),
        pytest.param(
            {"jobs": [NIGHTLY]},
            {"jobs": [NIGHTLY], "guests": [FAR]},
            ReasonCode.GUEST_MOVED,
            id="it moved off the job's node",
        ),
        pytest.param(
            {},
            {"included": e.included(e.volume(), e.volume("scsi1", included=False, reason="backup=no"))},
            ReasonCode.VOLUMES_LEFT_OUT,
            id="a disk with backup=0 was added",
        ),
    ],
)
def test_a_loss_names_its_cause(before: dict[str, Any], after: dict[str, Any], cause: ReasonCode) -> None:
    judged = compared(judge(group(), **before), **after)
    assert change(judged).kind is ChangeKind.LOST
    assert change(judged).before is Protection.PROTECTED
    assert cause in causes(judged)


def test_a_loss_names_the_retention_that_was_reduced_and_the_findings_that_are_new() -> None:
    late = group(rows(dailies(5, SAVED - 2 * DAY)))
    judged = compared(judge(group()), groups=(late,), jobs=[e.job(keep=(("keep-last", 2),))])
    (reduced,) = (reason for reason in change(judged).causes if reason.code is ReasonCode.RETENTION_REDUCED)
    assert dict(reduced.params) == {"place": "vault/main/lab", "before": 10, "after": 2}
    assert [finding.code for finding in change(judged).findings] == [FindingCode.BACKUP_LATE]


LATE = group(rows(dailies(5, SAVED - 3 * DAY)))
OFF: list[BackupJob] = [e.job(enabled=False)]
UNREAD = e.server(groups={("main", "lab"): Reading()})


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        pytest.param(judge(LATE), judge(group()), ChangeKind.REGAINED, id="at risk, protected"),
        pytest.param(judge(LATE), judge(), ChangeKind.WORSE, id="at risk, unprotected"),
        pytest.param(judge(), judge(LATE), ChangeKind.BETTER, id="unprotected, at risk"),
        pytest.param(judge(group()), judge(vault=UNREAD), ChangeKind.UNCLEAR, id="protected, unknown"),
        pytest.param(judge(vault=UNREAD), judge(group()), ChangeKind.REGAINED, id="unknown, protected"),
        pytest.param(judge(vault=UNREAD), judge(), ChangeKind.WORSE, id="unknown, unprotected"),
        pytest.param(judge(guests=[]), judge(), ChangeKind.NEW, id="a new guest"),
        pytest.param(judge(), judge(guests=[]), ChangeKind.GONE, id="a guest is gone"),
    ],
)
def test_kinds_of_change(before: Judged, after: Judged, kind: ChangeKind) -> None:
    past = remember(replace(before.report, created_at=BEFORE))
    now = after.report
    (found,) = find_changes(past, now.guests, now.jobs, now.groups, frozenset({"lab"}))
    assert found.kind is kind
    if kind in (ChangeKind.REGAINED, ChangeKind.BETTER, ChangeKind.NEW, ChangeKind.GONE):
        assert (found.causes, found.findings) == ((), ())


LOCKED: dict[str, Any] = {"guests": [a.guest(100, lock="backup")]}


def test_what_befalls_a_guest_that_was_at_risk_already_is_told_with_its_cause() -> None:
    before = judge(group(), **LOCKED)
    judged = compared(before, jobs=OFF, **LOCKED)
    assert (change(judged).kind, change(judged).before) == (ChangeKind.WORSE, Protection.AT_RISK)
    assert causes(judged) == [ReasonCode.JOB_DISABLED]
    assert [finding.code for finding in change(judged).findings] == [FindingCode.NOT_SCHEDULED]
    assert compared(before, **LOCKED).report.changes == ()


def test_a_guest_without_any_backup_that_loses_its_job_is_told_and_one_whose_jobs_are_not_seen_is_not() -> None:
    lost = compared(judge(), groups=(), jobs=OFF)
    assert (change(lost).kind, causes(lost)) == (ChangeKind.WORSE, [ReasonCode.JOB_DISABLED])
    unseen = compared(judge(), groups=(), clusters=(replace(e.cluster(), jobs=Reading()),))
    assert unseen.report.changes == ()


def test_volumes_are_left_out_since_only_where_they_were_known_before() -> None:
    left_out: dict[str, Any] = {
        "included": e.included(e.volume(), e.volume("scsi1", included=False, reason="backup=no"))
    }
    assert ReasonCode.VOLUMES_LEFT_OUT in causes(compared(judge(group()), **left_out))
    assert ReasonCode.VOLUMES_LEFT_OUT not in causes(compared(judge(group(), included={}), **left_out))


@pytest.mark.parametrize(
    ("found", "after"),
    [
        pytest.param((), Protection.UNPROTECTED, id="unprotected"),
        pytest.param((LATE,), Protection.AT_RISK, id="at risk"),
        pytest.param((group(),), None, id="protected: nothing to tell"),
    ],
)
def test_a_waiver_that_ran_out_is_told_of_a_guest_that_is_not_protected(
    found: tuple[BackupGroup, ...], after: Protection | None
) -> None:
    def waived(until: int) -> Policy:
        return Policy(waivers=(Waiver(Scope.of_guest("lab", 100), "moving", until),))

    judged = compared(judge(*found, policy=waived(NOW)), groups=found, policy=waived(NOW - 1))
    if after is None:
        assert judged.report.changes == ()
        return
    assert (change(judged).kind, change(judged).before, change(judged).after) == (
        ChangeKind.WORSE,
        Protection.WAIVED,
        after,
    )
    assert change(judged).findings, "all that it hid"


def test_a_guest_of_an_inventory_that_is_not_known_is_neither_new_nor_gone() -> None:
    unknown = replace(e.cluster(), inventory=Reading())
    assert compared(judge(group()), clusters=(unknown,)).report.changes == ()
    assert compared(judge(clusters=(unknown,))).report.changes == ()


def test_what_is_waived_is_no_loss() -> None:
    waiver = Waiver(Scope.of_guest("lab", 100), "moving", NOW)
    assert compared(judge(group()), groups=(), policy=Policy(waivers=(waiver,))).report.changes == ()


def test_a_finding_is_as_old_as_the_first_report_in_a_row_that_had_it() -> None:
    past, since = NOTHING, []
    for night, found in enumerate((LATE, LATE, group(), LATE, LATE)):
        judged = judge(found, past=past)
        past = remember(replace(judged.report, created_at=NOW + night))
        late = [finding for finding in judged.findings if finding.code is FindingCode.BACKUP_LATE]
        since.append(late[0].since if late else None)
    assert since[0] == since[1] == NOW
    assert since[2] is None
    assert since[3] == since[4] == NOW


def created(at: int | None) -> dict[int, GuestConfig]:
    return {100: GuestConfig(NOW, created_at=at)}


@pytest.mark.parametrize(
    ("made", "since"),
    [
        (None, NOW - 5 * DAY),
        (NOW - 9 * DAY, NOW - 5 * DAY),
        # that it is another guest may become known only after it was judged
        (NOW - DAY, NOW),
        (NOW - 30, NOW),
    ],
)
def test_a_finding_of_a_former_guest_with_its_id_does_not_age_the_new_one_s(
    made: int | None, since: int
) -> None:  # D16
    past = remember(replace(judge(LATE, configs=created(None)).report, created_at=NOW - 60))
    guest = replace(past.guests["lab", 100], findings={("never_backed_up", ""): NOW - 5 * DAY})
    found = judge(past=replace(past, guests={("lab", 100): guest}), configs=created(made))
    assert [finding.since for finding in found.findings if finding.code is FindingCode.NEVER_BACKED_UP] == [since]


def test_a_new_guest_with_the_id_of_a_former_one_is_new() -> None:  # D16
    past = remember(replace(judge(group()).report, created_at=BEFORE))
    assert change(judge(past=past, configs=created(BEFORE + 9))).kind is ChangeKind.NEW
    assert change(judge(past=past, configs=created(BEFORE - 9))).kind is ChangeKind.LOST


def test_since_when_a_policy_holds_is_known_from_the_report_that_had_another() -> None:  # E35
    first = judge(group())
    assert first.report.groups[0].policy.since is None, "it was so when it was first seen"
    second = compared(first, jobs=[e.job(keep=(("keep-daily", 30),))])
    assert second.report.groups[0].policy.since == BEFORE
    third = judge(group(), jobs=[e.job(keep=(("keep-daily", 30),))], past=remember(second.report))
    assert third.report.groups[0].policy.since == BEFORE
