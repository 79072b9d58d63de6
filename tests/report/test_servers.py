"""Datastores and jobs of a PBS: what was read is counted, what was not is no zero; how a garbage collection ended (H8, H11, D17)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from report.backups import BackupGroup, Datastore, GarbageCollection, PbsFacts, PbsTask, Snapshots
from report.matching import MatchedGroup
from report.model.groups import GroupMatch
from report.model.servers import DatastoreReport
from report.readings import Failure, Reading
from report.rows.servers import datastores as section_of
from report.rows.shared import Reader
from report.servers import report_datastores, report_pbs_jobs
from report.value import changed
from tests import builders as a

NOW = a.NOW
HOUR = 3600
FORBIDDEN = Failure("forbidden", "/admin/datastore/{store}/groups", "no")
Groups = Mapping[tuple[str, str], Reading[Any]]


def group(backup_id: str, match: GroupMatch = GroupMatch.GUEST, namespace: str = "", **fields: Any) -> MatchedGroup:
    """Return a matched group of `main` with two versions and a backup that has not finished."""
    snapshots = Snapshots.of([(NOW - 3 * HOUR, 1, 0, 0), (NOW - 2 * HOUR, 1, 0, 0), (NOW - HOUR, 1, 2, 0)])
    held = BackupGroup("vault", fields.pop("datastore", "main"), namespace, "vm", backup_id, snapshots, NOW, **fields)
    return MatchedGroup(held, match)


def server(**fields: Any) -> PbsFacts:
    """Return a server with the datastores `main` and `second`, of which all was read: one namespace each, the root."""
    defaults: dict[str, Any] = {
        "datastores": a.reading((Datastore("second"), Datastore("main"))),
        "namespaces": {"main": a.reading(("",)), "second": a.reading(("",))},
        "groups": {("main", ""): a.reading(()), ("second", ""): a.reading(())},
    }
    return PbsFacts("vault", NOW, True, **(defaults | fields))


def datastores(facts: PbsFacts, *matched: MatchedGroup) -> dict[str, DatastoreReport]:
    return {report.datastore.name: report for report in report_datastores(facts, matched, NOW)}


def counts(report: DatastoreReport) -> tuple[int | None, int | None]:
    return report.groups, report.snapshots


def test_groups_are_counted_where_they_lie() -> None:
    elsewhere = changed(group("9"), group=replace(group("9").group, server="other"))
    found = datastores(server(), group("1"), group("2"), group("3", datastore="second"), elsewhere)
    assert list(found) == ["main", "second"]
    assert (counts(found["main"]), counts(found["second"])) == ((2, 6), (1, 3))


def test_a_datastore_that_was_read_and_is_empty_holds_nothing() -> None:
    found = datastores(server())["main"]
    assert (counts(found), found.orphans) == ((0, 0), (("", 0, 0),))


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"namespaces": {}, "groups": {}}, id="nothing was read"),
        pytest.param({"groups": {}}, id="no namespace was read"),
        pytest.param({"groups": {("main", ""): Reading(failure=FORBIDDEN)}}, id="the namespace could not be read"),
        pytest.param({"groups": {("main", ""): a.reading((), NOW - 901)}}, id="it was read too long ago"),
        pytest.param(
            {"groups": {("main", ""): replace(a.reading(()), partial=True)}}, id="M10: the token sees its own only"
        ),
        pytest.param({"namespaces": {"main": a.reading(("", "lab"))}}, id="one of two namespaces was read"),
        pytest.param(
            {"namespaces": {"main": replace(a.reading(("",)), partial=True)}}, id="M10: namespaces are hidden"
        ),
    ],
)
def test_what_was_not_read_is_unknown_and_never_zero(fields: dict[str, Any]) -> None:
    assert counts(datastores(server(**fields))["main"]) == (None, None)


def test_a_group_whose_listing_is_incomplete_leaves_the_versions_unknown_and_the_groups_known() -> None:
    assert counts(datastores(server(), group("1"), group("2", incomplete=True))["main"]) == (2, None)


def orphans(groups: Groups, *matched: MatchedGroup) -> Sequence[tuple[str, int, int]]:
    names = tuple(namespace for store, namespace in groups if store == "main")
    return datastores(server(namespaces={"main": a.reading(names)}, groups=groups), *matched)["main"].orphans


def test_d17_orphans_are_counted_by_namespace_with_their_finished_versions() -> None:
    lab: Groups = {("main", ""): a.reading(()), ("main", "lab"): a.reading(())}
    found = orphans(
        lab, group("1", GroupMatch.ORPHAN, "lab"), group("2", GroupMatch.ORPHAN, "lab"), group("3", namespace="lab")
    )
    assert found == (("", 0, 0), ("lab", 2, 4))


def test_orphans_are_absent_where_it_is_not_known_whose_a_group_is_or_groups_were_not_read() -> None:
    places: Groups = {
        ("main", ""): a.reading(()),
        ("main", "gone"): Reading(failure=FORBIDDEN),
        ("main", "lab"): a.reading(()),
    }
    found = orphans(places, group("1", GroupMatch.ORPHAN, "lab"), group("2", GroupMatch.UNKNOWN, "lab"))
    assert found == (("", 0, 0),)


RAN = GarbageCollection(
    "main", schedule="daily", index_data_bytes=40, disk_bytes=4
)  # as before PBS 3.2: figures, and no job
TASK = PbsTask("UPID:gc", "garbage_collection", "main", NOW - 2 * HOUR, NOW - HOUR, "OK", "root@pam")


@pytest.mark.parametrize(
    ("collection", "tasks", "last_run", "at"),
    [
        pytest.param(GarbageCollection("main"), (), "never", None, id="H11: no figures, no task"),
        pytest.param(RAN, (), None, None, id="it ran, and nothing tells how it ended"),
        pytest.param(RAN, (TASK,), "ok", NOW - HOUR, id="its task tells"),
        pytest.param(
            RAN, (replace(TASK, status="WARNINGS: 1"),), "warning", NOW - HOUR, id="its task ended with warnings"
        ),
        pytest.param(
            RAN,
            (TASK, replace(TASK, started_at=NOW - 9 * HOUR, status="no")),
            "ok",
            NOW - HOUR,
            id="the newest task tells",
        ),
        pytest.param(
            RAN, (replace(TASK, worker_id="second", status="no"),), None, None, id="a task of another datastore"
        ),
        pytest.param(RAN, (replace(TASK, worker_type="verify"),), None, None, id="a task of another kind"),
        pytest.param(RAN, (replace(TASK, ended_at=None, status=None),), "running", None, id="it runs"),
        pytest.param(
            GarbageCollection("main"),
            (replace(TASK, ended_at=None, status="RUNNING"),),
            "running",
            None,
            id="the first one runs",
        ),
        pytest.param(
            replace(RAN, last_run_at=NOW - 5, last_run_state="OK"),
            (replace(TASK, status="no"),),
            "ok",
            NOW - 5,
            id="the job tells",
        ),
    ],
)
def test_how_a_garbage_collection_ended(
    collection: GarbageCollection, tasks: tuple[PbsTask, ...], last_run: str | None, at: int | None
) -> None:
    facts = server(garbage_collections=a.reading((collection,)), tasks=a.reading(tasks))
    (job,) = report_pbs_jobs(facts, NOW)
    assert (job.job.job_type, job.last_run, job.job.last_run_at) == ("gc", last_run, at)
    told = datastores(facts)["main"].garbage_collection
    assert told is not None
    assert (told.last_run_at, told.last_run_state) == (at, job.job.last_run_state)


@pytest.mark.parametrize(
    ("collection", "words"),
    [
        pytest.param(None, "not known", id="not told"),
        pytest.param(GarbageCollection("main"), "never ran", id="H11: no figures"),
        pytest.param(RAN, "running", id="figures of the run before, no end of this one"),
        pytest.param(replace(RAN, last_run_state="unknown"), "not known", id="it ran, and nothing tells how it ended"),
        pytest.param(
            replace(RAN, last_run_state="OK", last_run_at=NOW), "ok, 21\xa0Oct\xa02026,\xa009:00", id="it ran well"
        ),
    ],
)
def test_a_garbage_collection_that_left_figures_is_never_said_to_have_never_run(
    collection: GarbageCollection | None, words: str
) -> None:
    told = a.report(sources=[a.pbs_source()], datastores=[a.datastore_report(garbage_collection=collection)])
    section = section_of(told, Reader("en", UTC))
    column = [each.heading for each in section.columns].index("Garbage collection")
    assert section.rows[0].cells[column] == words
