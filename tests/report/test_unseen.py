"""What was not seen, or may be a guest's and nothing tells so, speaks neither for nor against a guest (D15, H20)."""

from __future__ import annotations

import pytest

from report.backups import BackupGroup
from report.findings import FindingCode
from report.model import GroupMatch, Protection
from tests import builders as a
from tests.report import estates as e
from tests.report.estates import DAY, SAVED, dailies, group, judge, rows

LOCAL_SYNC = e.sync_job(remote_store="main", remote_namespace="lab")


# --- copies whose source is gone, or has nothing in common with them


@pytest.mark.parametrize(
    "held",
    [
        pytest.param([e.copy()], id="the source is lost"),
        pytest.param([group(namespace="lab/sub")], id="case 38"),
        pytest.param([group(namespace="moved")], id="the entry leads to another namespace now"),
    ],
)
def test_case_8_backups_of_an_existing_guest_are_no_orphans_and_it_may_have_been_backed_up(
    held: list[BackupGroup],
) -> None:
    judged = judge(*held)
    assert [each.match for each in judged.report.groups] == [GroupMatch.AMBIGUOUS]
    assert judged.guest().protection is Protection.UNKNOWN
    assert FindingCode.NEVER_BACKED_UP not in judged.codes
    assert judged.estate == ()


def test_h15_a_sync_job_from_the_guests_own_place_proves_that_a_copy_is_its_own() -> None:
    known = a.reading((LOCAL_SYNC,))
    lost = judge(vault=e.server(e.copy(), sync_jobs=known))
    assert (lost.guest().protection, lost.guest().newest_backup_at) == (Protection.PROTECTED, SAVED)
    behind = judge(
        vault=e.server(group(rows([SAVED])), e.copy(rows(dailies(5, SAVED - DAY))), sync_jobs=known),
    )
    assert [copy.datastore for copy in behind.guest().copies] == ["main", "offsite"]
