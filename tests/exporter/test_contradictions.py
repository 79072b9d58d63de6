"""Answers of one refresh against each other: what one shows to exist is not gone because another lacks it."""

from __future__ import annotations

import logging
from typing import TypeVar

import pytest

from exporter.collect.contradictions import (
    NAMED_AT_MOST,
    covered_by_no_job,
    hidden_guests,
    incomplete,
    selections,
    unlisted_storages,
    unlisted_tasks,
    unlisted_volumes,
    without_any,
)
from exporter.collect.patience import Told
from report.facts import (
    BackupJob,
    Guest,
    IncludedGuest,
    Inventory,
    OracleAnswer,
    PoolLookup,
    StorageDefinition,
    StorageState,
    Task,
)
from report.readings import Failure, Permissions, Reading

T = TypeVar("T")
NOW = 1_795_233_600
FAILED = Failure("server_error", "/x", "no")


def told(value: T, at: int = NOW) -> Reading[T]:
    return Reading(value, at, 900)


def guests(*vmids: int, pool: str | None = None) -> Reading[Inventory]:
    rows = tuple(Guest(vmid, "qemu", "pve1", pool=pool) for vmid in vmids)
    return told(Inventory(rows, frozenset({"prod"}), frozenset({"pve1"})))


def volumes(*vmids: int, kind: str = "qemu") -> Reading[OracleAnswer[tuple[IncludedGuest, ...]]]:
    return told(OracleAnswer(tuple(IncludedGuest(vmid, kind) for vmid in vmids)))


def uncovered(*vmids: int) -> Reading[OracleAnswer[frozenset[int]]]:
    return told(OracleAnswer(frozenset(vmids)))


def test_a_guest_that_pve_itself_names_is_not_gone() -> None:
    assert hidden_guests(guests(100), {"a": volumes(100, 101)}, uncovered(102), NOW) == {101, 102}


def test_an_id_without_guest_and_a_refusal_show_no_guest() -> None:
    refused: Reading[OracleAnswer[frozenset[int]]] = told(OracleAnswer(None, "pool gone"))
    assert hidden_guests(guests(100), {"a": volumes(999, kind="unknown")}, refused, NOW) == frozenset()


def test_answers_of_an_earlier_refresh_contradict_nothing() -> None:
    old = told(OracleAnswer(frozenset({102})), NOW - 300)
    assert hidden_guests(guests(100), {}, old, NOW) == frozenset()
    held = Reading(OracleAnswer(frozenset({102})), NOW, 900, FAILED)
    assert hidden_guests(guests(100), {}, held, NOW) == frozenset()


def test_a_guest_without_job_that_counts_as_covered_misses_a_job() -> None:
    jobs = told((BackupJob("a", vmid="100"), BackupJob("off", enabled=False, vmid="101")))
    inventory = guests(100, 101, 102, 103)
    selected = selections(jobs, inventory, {}, NOW)
    assert covered_by_no_job(selected, inventory, uncovered(103), NOW) == {102}


def test_a_broken_job_or_a_hidden_pool_leaves_it_open() -> None:
    inventory = guests(100)
    broken = selections(told((BackupJob("a", vmid="abc"),)), inventory, {}, NOW)
    assert covered_by_no_job(broken, inventory, uncovered(), NOW) == frozenset()
    lookups = {"gone": told(PoolLookup(None))}
    assert selections(told((BackupJob("a", pool="gone"),)), inventory, lookups, NOW) is None


def test_a_selected_guest_has_a_row_of_volumes() -> None:
    inventory = guests(100, 101, pool="prod")
    selected = selections(told((BackupJob("a", pool="prod"),)), inventory, {}, NOW)
    assert unlisted_volumes(selected, {"a": volumes(100)}, NOW) == {"a": {101}}
    assert unlisted_volumes(selected, {"a": volumes(100, 101)}, NOW) == {}


def test_a_storage_that_a_node_tells_of_is_listed() -> None:
    listed = told((StorageDefinition("local", "dir", frozenset()),))
    states = {"pve1": told((StorageState("nas", "pve1", "nfs", True, True, True),))}
    assert unlisted_storages(listed, states, NOW) == {"nas"}


@pytest.mark.parametrize(("started", "missing"), [(NOW - 50, {"b"}), (NOW - 500, set())])
def test_a_task_that_only_the_cluster_lists_is_missing_unless_it_is_too_old(started: int, missing: set[str]) -> None:
    own = told((Task("a", "pve1", NOW - 100, NOW - 90, "OK", "root@pam", ""),))
    recent = told((Task("b", "pve1", started, started + 5, "OK", "root@pam", ""),))
    assert unlisted_tasks("pve1", own, recent, NOW) == missing


def test_a_token_without_any_right_sees_nothing() -> None:
    assert without_any(told(Permissions({})), ["a guest"], NOW)
    assert not without_any(told(Permissions({})), [], NOW)
    assert not without_any(told(Permissions({"/": {"Sys.Audit": True}})), ["a guest"], NOW)


def test_the_failure_names_what_is_missing_and_who_shows_it() -> None:
    failure = incomplete("pve lab", "/storage", "storages", {"nas"}, "/nodes/{node}/storage")
    assert failure.message == "pve lab: /storage lacks storages that /nodes/{node}/storage shows: nas"
    many = incomplete("pve lab", "/storage", "storages", range(9), "x")
    assert many.message.endswith(f"and {9 - NAMED_AT_MOST} more")


def test_a_failing_collector_is_logged_once_and_once_when_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    log = Told()
    with caplog.at_level(logging.INFO, logger="vzcover"):
        for failures in ({}, {"jobs": FAILED}, {"jobs": FAILED}, {}, {}):
            log.tell("lab", failures)
    assert [record.getMessage() for record in caplog.records] == ["collector fails", "collector is back"]
