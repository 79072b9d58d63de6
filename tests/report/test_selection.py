"""The selection equals genuine PVE's (rulebook B.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collect.pve_parse import parse_jobs
from exporter.collect.pve_rows import JobRow
from report.facts import BackupJob, Guest
from report.model.reasons import ReasonCode
from report.selection import select_guests
from tests.shared_data import cases, recorded

GENUINE = cases("pve-selection-genuine.json").get("cases", [])
UPSTREAM = cases("pve-guest-included.json")


def job_of(row: Mapping[str, Any]) -> BackupJob:
    """Make a job of a recorded row the way the collector does."""
    return parse_jobs([msgspec.convert(row, JobRow, strict=False)])[0]


def guests_of(case: Mapping[str, Any]) -> list[Guest]:
    return [Guest(row["vmid"], row["type"], row["node"], row["name"], row.get("pool")) for row in case["guests"]]


def pools_of(case: Mapping[str, Any]) -> dict[str, frozenset[int]]:
    return {name: frozenset(members) for name, members in case["pools"].items()}


@pytest.mark.parametrize("case", GENUINE, ids=lambda case: f"cluster-{case['id']}")
def test_each_job_of_a_genuine_cluster_selects_what_pve_included(case: Mapping[str, Any]) -> None:
    for row in case["jobs"]:
        selection = select_guests(job_of(row), guests_of(case), pools_of(case))
        answer = case["included"][row["id"]]
        if "error" in answer:
            assert selection.broken is not None
            assert selection.broken.code is ReasonCode.JOB_POOL_MISSING
        else:
            ours = {str(vmid) for vmid in selection.guests | selection.unknown_ids}
            assert ours == set(answer["guests"])
            unknown = {vmid for vmid, guest in answer["guests"].items() if guest["type"] == "unknown"}
            assert {str(vmid) for vmid in selection.unknown_ids} == unknown


@pytest.mark.parametrize("case", GENUINE, ids=lambda case: f"cluster-{case['id']}")
def test_the_guests_in_no_job_of_a_genuine_cluster_are_those_pve_lists(case: Mapping[str, Any]) -> None:
    guests = guests_of(case)
    selections = [select_guests(job_of(row), guests, pools_of(case)) for row in case["jobs"]]
    if "error" in case["not_backed_up"]:
        assert any(selection.broken for selection in selections)
        return
    selected: set[int] = set().union(*(selection.guests for selection in selections))
    assert sorted({guest.vmid for guest in guests} - selected) == sorted(case["not_backed_up"]["guests"])


@pytest.mark.parametrize("case", UPSTREAM.get("cases", []), ids=lambda case: case["name"])
def test_upstreams_own_selection_table_holds(case: Mapping[str, Any]) -> None:
    guests = [Guest(int(vmid), row["type"], row["node"]) for vmid, row in UPSTREAM["vmlist"]["ids"].items()]
    pools = {name: frozenset(members) for name, members in UPSTREAM["pools"].items()}
    selection = select_guests(job_of({"id": "job", **case["param"]}), guests, pools)
    nodes = {guest.vmid: guest.node for guest in guests}
    by_node: dict[str, list[int]] = {}
    for vmid in sorted(selection.guests | selection.unknown_ids):
        by_node.setdefault(nodes.get(vmid, ""), []).append(vmid)
    assert by_node == case["expected"]


def test_the_case_tables_are_there() -> None:
    assert recorded("cases", "pve-selection-genuine.json").exists()
    assert len(GENUINE) == 136


HERE = [Guest(100, "qemu", "n1", pool="a"), Guest(101, "lxc", "n2", pool="a"), Guest(102, "qemu", "n2", pool="a/b")]
POOLS = {"a": frozenset({100, 101, 998}), "a/b": frozenset({102}), "empty": frozenset[int]()}


@pytest.mark.parametrize(
    ("job", "guests", "unknown"),
    [
        pytest.param(
            BackupJob("j", pool="a", vmid="102", all=True),
            {100, 101},
            set(),
            id="B4 a pool comes before a list (case 12)",
        ),
        pytest.param(BackupJob("j", vmid="102", all=True), {102}, set(), id="B4 a list comes before all"),
        pytest.param(BackupJob("j"), set(), set(), id="B4 without any of them nothing is selected"),
        pytest.param(BackupJob("j", all=True, exclude="101"), {100, 102}, set(), id="B5 all minus exclude (case 4)"),
        pytest.param(
            BackupJob("j", pool="a", exclude="101"), {100, 101}, set(), id="B6 a pool ignores exclude (case 5)"
        ),
        pytest.param(BackupJob("j", exclude="101"), set(), set(), id="B6 exclude alone selects nothing"),
        pytest.param(
            BackupJob("j", vmid="0100;0 999, 100"), {100}, {999}, id="B7 leading zeros, zero, unknown ids, separators"
        ),
        pytest.param(
            BackupJob("j", all=True, node="n2"), {101, 102}, set(), id="B8 guests on another node are dropped (case 8)"
        ),
        pytest.param(
            BackupJob("j", vmid="100,999", node="n2"), set(), {999}, id="M1 an unknown id survives a node restriction"
        ),
        pytest.param(
            BackupJob("j", pool="a"), {100, 101}, set(), id="B10 direct members only (case 6), dead ids dropped"
        ),
        pytest.param(BackupJob("j", pool="empty"), set(), set(), id="an empty pool is not a missing one"),
    ],
)
def test_precedence_and_restrictions(job: BackupJob, guests: set[int], unknown: set[int]) -> None:
    selection = select_guests(job, HERE, POOLS)
    assert selection.broken is None
    assert (set(selection.guests), set(selection.unknown_ids)) == (guests, unknown)


@pytest.mark.parametrize(
    ("job", "code"),
    [
        (BackupJob("j", pool="gone"), ReasonCode.JOB_POOL_MISSING),
        (BackupJob("j", vmid="100,web01"), ReasonCode.JOB_STRANGE_VMID),
    ],
)
def test_what_pve_cannot_evaluate_is_broken_and_selects_nothing(job: BackupJob, code: ReasonCode) -> None:
    selection = select_guests(job, HERE, POOLS)
    assert selection.broken is not None
    assert selection.broken.code is code
    assert not selection.guests


texts = (
    st.none()
    | st.text(max_size=20)
    | st.lists(st.integers(0, 120), max_size=6).map(lambda ids: ",".join(map(str, ids)))
)
jobs = st.builds(
    BackupJob,
    id=st.just("j"),
    enabled=st.booleans(),
    vmid=texts,
    exclude=texts,
    pool=st.none() | st.sampled_from(["a", "a/b", "empty", "gone", ""]),
    node=st.none() | st.sampled_from(["n1", "n2", "n9", ""]),
    all=st.booleans(),
)


def test_an_id_of_absurd_length_breaks_its_job_and_nothing_else() -> None:
    selection = select_guests(BackupJob("j", vmid="1" * 5000), HERE, POOLS)
    assert selection.broken is not None
    assert select_guests(BackupJob("j", all=True, exclude="1" * 5000), HERE, POOLS).guests == {100, 101, 102}


@given(jobs, st.permutations(HERE))
def test_a_selection_never_raises_ignores_order_and_holds_only_guests_that_exist(
    job: BackupJob, guests: Sequence[Guest]
) -> None:
    selection = select_guests(job, guests, POOLS)
    assert selection == select_guests(job, HERE, POOLS)
    assert selection.guests <= {guest.vmid for guest in HERE}
    assert not selection.unknown_ids & {guest.vmid for guest in HERE}
    if job.node:
        assert all(guest.node == job.node for guest in HERE if guest.vmid in selection.guests)
