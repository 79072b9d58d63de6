"""Stores that were not read: a storage on a PBS that is not configured is one issue, and at its guests a reason (H20)."""

from __future__ import annotations

from report.analyse import analyse
from report.backups import BackupGroup, Snapshots
from report.facts import Permissions, StorageDefinition
from report.model.guests import Protection
from report.model.reasons import ReasonCode
from report.model.report import Report
from report.model.sources import IssueCode
from report.policy import Policy
from report.words import front_sentence
from tests import builders as a
from tests.report import estates as e

NOW = a.NOW
AUDITOR = a.reading(Permissions({"/": dict.fromkeys(("VM.Audit", "Datastore.Audit", "Sys.Audit", "Pool.Audit"), True)}))


def elsewhere(storage: str, **fields: object) -> StorageDefinition:
    """Return a storage on a PBS that is not configured."""
    return a.storage_definition(storage, storage_type="pbs", server="pbs.example.net", datastore="main", **fields)


def judged(*storages: StorageDefinition, saved: tuple[int, ...] = ()) -> Report:
    """Judge guests 100 and 101 that a daily job saves to the first storage; `saved` have a backup of this morning on `nas`."""
    morning = Snapshots.of([(NOW - 7 * 3600, 1, 0, 0)])
    groups = tuple(BackupGroup("lab", "nas", "", "vm", str(vmid), morning, NOW) for vmid in saved)
    cluster = a.cluster(
        guests=[a.guest(100), a.guest(101)],
        jobs=[a.backup_job(storage=storages[0].storage)],
        storages=storages,
        permissions=AUDITOR,
        backups={"nas": a.reading(groups)} if groups else {},
    )
    return analyse(a.facts(cluster), Policy(), NOW)


def told(report: Report) -> list[tuple[str, str, tuple[int, ...]]]:
    issues = [issue for issue in report.issues if issue.code is IssueCode.PBS_NOT_CONFIGURED]
    return [(issue.source, issue.subject, issue.guests) for issue in issues]


def test_guests_whose_only_store_is_on_a_pbs_that_is_not_configured_are_one_issue_and_each_names_it() -> None:
    report = judged(elsewhere("offsite"))
    assert told(report) == [("lab", "offsite", (100, 101))]
    for guest in report.guests:
        assert guest.protection is Protection.UNKNOWN
        assert ReasonCode.PBS_NOT_CONFIGURED in {reason.code for reason in guest.reasons}
        assert ReasonCode.BACKUPS_NOT_READ not in {reason.code for reason in guest.reasons}
    assert not report.summary.backups_read


def test_each_storage_on_a_pbs_that_is_not_configured_is_an_issue_of_its_own() -> None:
    assert [subject for _, subject, _ in told(judged(elsewhere("one"), elsewhere("two", namespace="lab")))] == [
        "one",
        "two",
    ]
    assert told(judged(elsewhere("off", disabled=True))) == []
    assert told(judged(a.storage_definition())) == []


def test_a_folder_that_no_api_lists_is_an_issue_with_the_guests_that_it_touches() -> None:
    judged_so = e.judge(jobs=[e.job("into-folder", storage=None, dumpdir="/mnt/dump")]).report
    (found,) = (issue for issue in judged_so.issues if issue.code is IssueCode.FOLDER_NOT_LISTED)
    assert (found.source, found.subject, found.guests) == ("lab", "into-folder", (100,))
    assert "1 job writes to a folder that no API lists" in front_sentence(judged_so, "en")


def test_notes_that_were_not_read_are_an_issue_where_they_may_waive() -> None:
    unread = e.cluster(configs={})
    policy = Policy(waive_in_notes=True)
    waiting = e.judge(clusters=(unread,), policy=policy).report
    (found,) = (issue for issue in waiting.issues if issue.code is IssueCode.NOTES_NOT_READ)
    assert (found.source, found.subject, found.guests) == ("lab", "", (100,))
    read = e.judge(policy=policy).report
    assert IssueCode.NOTES_NOT_READ not in {issue.code for issue in read.issues}


def test_a_guest_that_the_missing_store_does_not_touch_is_not_named() -> None:
    report = judged(a.storage_definition(), elsewhere("offsite"), saved=(100,))
    assert report.summary.backups_read
    assert told(report) == [("lab", "offsite", (101,))]
