"""Planned coverage: rulebook cases 1–18, and what a view that is not whole does to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from report.analyse import analyse
from report.facts import (
    BackupJob,
    ClusterFacts,
    Failure,
    IncludedGuest,
    IncludedVolume,
    Inventory,
    Node,
    OracleAnswer,
    Permissions,
    PoolLookup,
    Reading,
    VzdumpDefaults,
)
from report.model.guests import Coverage, GuestReport, Protection
from report.model.jobs import JobReport, JobState
from report.model.reasons import ReasonCode
from report.model.report import Report
from report.model.sources import IssueCode
from report.policy import Expectation, Policy
from tests import builders as a

NOW = a.NOW
AUDITOR = Permissions({"/": dict.fromkeys(("VM.Audit", "Sys.Audit", "Datastore.Audit", "Pool.Audit"), True)})
DENIED = Failure("forbidden", "/x", "pve lab: 403 on /x")
OF_PROTECTION = (
    ReasonCode.STORE_NOT_READ,
    ReasonCode.BACKUPS_NOT_READ,
    ReasonCode.FOLDER_NOT_LISTED,
    ReasonCode.NOT_DEMANDED,
)
PLANNED, NOT_PLANNED, UNDECIDED = Coverage.PLANNED, Coverage.NOT_PLANNED, Coverage.UNDECIDED


def judge(**fields: Any) -> Report:
    """Judge one cluster seen by an auditor; a field given as a Reading replaces that of the ordinary cluster."""
    readings = {name: value for name, value in fields.items() if isinstance(value, Reading)}
    plain = {name: value for name, value in fields.items() if name not in readings}
    changes: dict[str, Any] = {"permissions": a.reading(AUDITOR), **readings}
    facts = replace(a.cluster(**plain), **changes)
    return analyse(a.facts(facts), Policy(), NOW)


def the(report: Report, vmid: int = 100) -> GuestReport:
    return next(guest for guest in report.guests if guest.guest.vmid == vmid)


def job_of(report: Report, job: str = "j") -> JobReport:
    return next(row for row in report.jobs if row.job.id == job)


def codes(guest: GuestReport) -> list[ReasonCode]:
    """Return the reasons of coverage."""
    return [reason.code for reason in guest.reasons if reason.code not in OF_PROTECTION]


def job(job_id: str = "j", **fields: Any) -> BackupJob:
    return BackupJob(job_id, **{"schedule": "02:00", "storage": "nas", **fields})


ONE = [a.guest(100, pool="a")]


@pytest.mark.parametrize(
    ("fields", "coverage", "reasons"),
    [
        pytest.param(
            {"jobs": [job(vmid="100", enabled=False)]}, NOT_PLANNED, ["job_disabled"], id="case 1 and 2: a disabled job"
        ),
        pytest.param({"jobs": [job(vmid="100")]}, PLANNED, ["in_active_job"], id="case 3: an enabled job"),
        pytest.param({"jobs": [job(all=True, exclude="100")]}, NOT_PLANNED, ["excluded_by_job"], id="case 4: excluded"),
        pytest.param(
            {"jobs": [job(pool="a", exclude="100")], "pools": ["a"]},
            PLANNED,
            ["in_active_job"],
            id="case 5: a pool job ignores exclude",
        ),
        pytest.param(
            {"jobs": [job(pool="a")], "pools": ["a", "a/b"], "guests": [a.guest(100, pool="a/b")]},
            NOT_PLANNED,
            ["in_sub_pool_only"],
            id="case 6: a sub-pool is another pool",
        ),
        pytest.param(
            {"jobs": [job(all=True, node="pve2")]},
            NOT_PLANNED,
            ["job_on_other_node"],
            id="case 8: migrated away from the job's node",
        ),
        pytest.param({"jobs": [job(vmid="100,999")]}, PLANNED, ["in_active_job"], id="case 9: a dead id beside it"),
        pytest.param(
            {"jobs": [job(pool="b", vmid="100")], "pools": ["b"]},
            NOT_PLANNED,
            ["in_no_job"],
            id="case 12: the pool decides",
        ),
        pytest.param(
            {"jobs": [job(vmid="100", storage=None, dumpdir="/backup")]},
            PLANNED,
            ["in_active_job"],
            id="case 13: a dumpdir",
        ),
        pytest.param(
            {"jobs": [job(vmid="100", schedule="2025-10-21")]},
            NOT_PLANNED,
            ["job_no_future_run"],
            id="case 15: a schedule of the past",
        ),
        pytest.param(
            {"jobs": [job(vmid="100", schedule="02-30")]}, NOT_PLANNED, ["job_no_future_run"], id="B26: no such day"
        ),
        pytest.param(
            {"jobs": [job(vmid="100")], "storages": [a.storage_definition(disabled=True)]},
            NOT_PLANNED,
            ["storage_disabled"],
            id="case 16: storage disabled",
        ),
        pytest.param(
            {"jobs": [job(vmid="100")], "storages": [a.storage_definition(content=frozenset({"iso", "vztmpl"}))]},
            NOT_PLANNED,
            ["storage_without_backup_content"],
            id="case 17: content without backup",
        ),
        pytest.param(
            {"jobs": [job(vmid="100")], "storages": []},
            NOT_PLANNED,
            ["storage_not_defined"],
            id="B28: storage not defined",
        ),
        pytest.param({"jobs": []}, NOT_PLANNED, ["in_no_job"], id="no job at all"),
        pytest.param(
            {"jobs": [job(vmid="100", enabled=False), job("k", vmid="100", schedule="2020-01-01")]},
            NOT_PLANNED,
            ["job_disabled", "job_no_future_run"],
            id="every job that selects it says why it does not save it",
        ),
        pytest.param(
            {"jobs": [job(vmid="100", enabled=False), job("k", vmid="100")]},
            PLANNED,
            ["in_active_job"],
            id="one active job is enough",
        ),
    ],
)
def test_coverage_of_one_guest(fields: dict[str, Any], coverage: Coverage, reasons: list[str]) -> None:
    report = judge(**{"guests": ONE, **fields})
    assert (the(report).coverage, codes(the(report))) == (coverage, reasons)


def test_case_4_a_template_is_selected_like_any_guest_but_not_demanded() -> None:
    report = judge(guests=[*ONE, a.guest(9000, template=True)], jobs=[job(all=True)])
    template = the(report, 9000)
    assert (template.coverage, template.demanded, template.protection) == (PLANNED, False, Protection.WAIVED)
    assert template.reasons[-1].code is ReasonCode.NOT_DEMANDED
    assert (report.summary.guests, report.summary.demanded) == (2, 1)


def test_a_template_is_demanded_where_policy_says_so() -> None:
    facts = a.facts(a.cluster(guests=[a.guest(9000, template=True)], permissions=a.reading(AUDITOR)))
    assert analyse(facts, Policy(Expectation(templates=True)), NOW).guests[0].protection is Protection.UNKNOWN


def test_case_7_a_missing_pool_breaks_its_job_and_no_other() -> None:
    report = judge(
        guests=ONE, jobs=[job(pool="gone"), job("k", vmid="100")], pool_lookups={"gone": a.reading(PoolLookup(None))}
    )
    assert job_of(report).state is JobState.BROKEN
    assert job_of(report).reasons[0].code is ReasonCode.JOB_POOL_MISSING
    assert the(report).coverage is PLANNED


def test_case_9_ids_without_a_guest_are_named() -> None:
    report = judge(guests=ONE, jobs=[job(vmid="100,999")])
    assert job_of(report).unknown_ids == (999,)
    assert ReasonCode.SELECTS_UNKNOWN_IDS in [reason.code for reason in job_of(report).reasons]


@pytest.mark.parametrize("online", [True, False])
def test_cases_10_and_14_where_a_guest_lives_and_whether_that_node_is_up_do_not_change_its_coverage(
    online: bool,
) -> None:
    nodes = a.reading((Node("pve1"), Node("pve2", online=online)))
    report = judge(guests=[a.guest(100, node="pve2", template=None, name=None)], jobs=[job(vmid="100")], nodes=nodes)
    assert the(report).coverage is PLANNED
    assert the(report).demanded, "an unknown template flag is not a template"


def test_case_11_an_all_job_needs_no_guest_on_every_node() -> None:
    report = judge(guests=ONE, jobs=[job(all=True)])
    assert job_of(report).state is JobState.ACTIVE


def test_case_16_a_storage_bound_to_a_node_breaks_the_job_for_guests_elsewhere_only() -> None:
    guests = [a.guest(100, node="pve1"), a.guest(101, node="pve2")]
    report = judge(guests=guests, jobs=[job(all=True)], storages=[a.storage_definition(nodes=frozenset({"pve1"}))])
    assert the(report, 100).coverage is PLANNED
    assert (the(report, 101).coverage, codes(the(report, 101))) == (NOT_PLANNED, [ReasonCode.STORAGE_NOT_ON_NODE])
    assert job_of(report).state is JobState.ACTIVE, "broken for one guest is not broken as a whole"
    elsewhere = judge(
        guests=guests[1:], jobs=[job(all=True)], storages=[a.storage_definition(nodes=frozenset({"pve1"}))]
    )
    assert job_of(elsewhere).state is JobState.BROKEN, "broken for every guest is"


def test_case_18_without_storage_and_vzdump_conf_the_target_is_local() -> None:
    local = a.storage_definition("local", content=frozenset({"backup"}))
    defaults = {"pve1": a.reading(VzdumpDefaults())}
    report = judge(guests=ONE, jobs=[job(vmid="100", storage=None)], storages=[local], vzdump_defaults=defaults)
    assert the(report).coverage is PLANNED
    assert job_of(report).storage == "local"
    missing = judge(guests=ONE, jobs=[job(vmid="100", storage=None)], storages=[], vzdump_defaults=defaults)
    assert codes(the(missing)) == [ReasonCode.STORAGE_NOT_DEFINED]


def test_vzdump_conf_of_the_guests_own_node_names_the_target() -> None:
    defaults = {"pve1": a.reading(VzdumpDefaults(storage="nas")), "pve2": a.reading(VzdumpDefaults(storage="gone"))}
    guests = [a.guest(100, node="pve1"), a.guest(101, node="pve2")]
    report = judge(guests=guests, jobs=[job(all=True, storage=None)], vzdump_defaults=defaults)
    assert (the(report, 100).coverage, the(report, 101).coverage) == (PLANNED, NOT_PLANNED)
    assert job_of(report).storage is None, "the nodes do not agree"


def test_b30_a_job_bound_to_a_node_that_is_gone_is_broken() -> None:
    report = judge(guests=ONE, jobs=[job(all=True, node="pve9")])
    assert job_of(report).state is JobState.BROKEN
    assert job_of(report).reasons[0].code is ReasonCode.JOB_NODE_UNKNOWN


def test_b32_a_job_without_guests_says_so_and_is_judged_by_its_configuration() -> None:
    report = judge(guests=ONE, jobs=[job(pool="empty")], pools=["empty"])
    assert job_of(report).state is JobState.ACTIVE
    assert [reason.code for reason in job_of(report).reasons] == [ReasonCode.SELECTS_NO_GUEST]
    broken = judge(guests=ONE, jobs=[job(pool="empty", storage="gone")], pools=["empty"])
    assert job_of(broken).state is JobState.BROKEN


def test_a_schedule_that_reads_otherwise_than_it_looks_is_remarked() -> None:
    report = judge(guests=ONE, jobs=[job(vmid="100", schedule="mon..fri 22")])
    assert ReasonCode.SCHEDULE_TRAP in [reason.code for reason in job_of(report).reasons]
    assert the(report).coverage is PLANNED


def test_a_schedule_we_cannot_read_counts_if_pve_has_a_next_run_and_is_undecided_if_not() -> None:
    known = judge(guests=ONE, jobs=[job(vmid="100", schedule="on tuesdays", next_run=NOW + 60)])
    assert the(known).coverage is PLANNED
    unknown = judge(guests=ONE, jobs=[job(vmid="100", schedule="on tuesdays")])
    assert (the(unknown).coverage, codes(the(unknown))) == (UNDECIDED, [ReasonCode.SCHEDULE_NOT_READABLE])


LIMITED = Permissions({"/": {"Sys.Audit": False}, "/vms": {"VM.Audit": True}})


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        pytest.param({"jobs": Reading(failure=DENIED)}, ["jobs_not_visible"], id="the job list is refused"),
        pytest.param(
            {"jobs": a.reading((job(vmid="100"),), NOW - 901)}, ["jobs_not_visible"], id="the job list is too old"
        ),
        pytest.param(
            {"jobs": [job(vmid="100")], "storages": [], "permissions": a.reading(LIMITED)},
            ["storage_not_visible"],
            id="the storage is hidden from the token",
        ),
        pytest.param(
            {"jobs": [job(vmid="100", storage=None)]},
            ["vzdump_defaults_not_visible"],
            id="the node's defaults are not known",
        ),
        pytest.param(
            {
                "jobs": [job(pool="hidden")],
                "guests": [a.guest(100)],
                "pool_lookups": {"hidden": Reading(failure=DENIED)},
            },
            ["pool_not_visible"],
            id="the job's pool is hidden",
        ),
        pytest.param(
            {"jobs": [job(all=True, node="pve1")], "nodes": Reading()},
            ["nodes_not_visible"],
            id="the nodes are not known",
        ),
    ],
)
def test_what_cannot_be_seen_makes_a_guest_undecided_never_uncovered(
    fields: dict[str, Any], reasons: list[str]
) -> None:
    guest = the(judge(**{"guests": ONE, **fields}))
    assert (guest.coverage, codes(guest)) == (UNDECIDED, reasons)


@pytest.mark.parametrize(
    ("guest", "hidden", "coverage"),
    [
        pytest.param(a.guest(100, pool="a"), job(pool="hidden"), NOT_PLANNED, id="it is seen in another pool (A7)"),
        pytest.param(
            a.guest(100), job(pool="hidden", node="pve2"), NOT_PLANNED, id="the job is bound to another node (B8)"
        ),
        pytest.param(a.guest(100), job(pool="hidden", enabled=False), NOT_PLANNED, id="the job is disabled anyway"),
    ],
)
def test_a_hidden_pool_touches_only_guests_that_might_be_in_it(
    guest: Any, hidden: BackupJob, coverage: Coverage
) -> None:
    report = judge(guests=[guest], jobs=[hidden], pools=["a"], pool_lookups={"hidden": Reading(failure=DENIED)})
    assert the(report).coverage is coverage


def test_guests_of_an_inventory_that_is_too_old_stay_listed_undecided() -> None:
    inventory = Reading(Inventory((a.guest(100),), frozenset(), frozenset()), NOW - 901, 900, DENIED)
    report = judge(inventory=inventory, jobs=[job(all=True)])
    assert (the(report).coverage, codes(the(report))) == (UNDECIDED, [ReasonCode.INVENTORY_STALE])
    assert not report.sources[0].inventory_known


def test_facts_held_within_their_age_change_nothing() -> None:
    fresh = judge(guests=ONE, jobs=[job(all=True)])
    inventory = Reading(Inventory(tuple(ONE), frozenset(), frozenset()), NOW - 900, 900, DENIED)
    held = judge(inventory=inventory, jobs=[job(all=True)])
    assert fresh.guests == held.guests


def test_an_empty_inventory_without_the_privilege_is_unknown_and_with_it_is_empty() -> None:
    nobody = judge(guests=[], permissions=a.reading(Permissions({})))
    assert not nobody.sources[0].inventory_known
    assert IssueCode.NO_GUEST_VISIBLE in [issue.code for issue in nobody.issues]
    empty = judge(guests=[])
    assert empty.sources[0].inventory_known
    assert not empty.issues


def included(**guests: Mapping[str, tuple[bool, str]]) -> Reading[OracleAnswer[tuple[IncludedGuest, ...]]]:
    rows = [
        IncludedGuest(
            int(name[2:]), "qemu", tuple(IncludedVolume(key, "v", on, why) for key, (on, why) in volumes.items())
        )
        for name, volumes in guests.items()
    ]
    return a.reading(OracleAnswer(tuple(rows)))


def test_volumes_that_no_active_job_saves_are_named_but_not_what_holds_no_data() -> None:
    answer = included(
        vm100={
            "scsi0": (True, "backup=yes"),
            "scsi1": (False, "backup=no"),
            "mp0": (False, "not a volume"),
            "efidisk0": (False, "efidisk but no OVMF BIOS"),
        }
    )
    report = judge(guests=ONE, jobs=[job(vmid="100")], included={"j": answer})
    assert the(report).excluded_volumes == ("scsi1",)
    assert the(judge(guests=ONE, jobs=[job(vmid="100")])).excluded_volumes is None


def test_agreement_with_pve_is_counted_as_none_and_a_difference_by_guest() -> None:
    guests = [a.guest(100), a.guest(101)]
    same = {"j": included(vm100={})}
    agreed = judge(
        guests=guests, jobs=[job(vmid="100")], included=same, not_backed_up=a.reading(OracleAnswer(frozenset({101})))
    )
    assert agreed.sources[0].coverage_disagreements == 0
    differs = judge(
        guests=guests, jobs=[job(vmid="100")], included=same, not_backed_up=a.reading(OracleAnswer(frozenset({100})))
    )
    assert differs.sources[0].coverage_disagreements == 2
    (issue,) = [issue for issue in differs.issues if issue.code is IssueCode.COVERAGE_DISAGREEMENT]
    assert (issue.guests, dict(issue.params)["ours"], dict(issue.params)["theirs"]) == ((100, 101), "101", "100")


def test_b12_a_refusal_that_a_broken_job_explains_is_agreement_and_any_other_is_not() -> None:
    refused: Reading[Any] = a.reading(OracleAnswer(None, "pool 'gone' does not exist"))
    lookups = {"gone": a.reading(PoolLookup(None))}
    explained = judge(
        guests=ONE, jobs=[job(pool="gone")], pool_lookups=lookups, not_backed_up=refused, included={"j": refused}
    )
    assert explained.sources[0].coverage_disagreements == 0
    unexplained = judge(guests=ONE, jobs=[job(vmid="100")], not_backed_up=refused)
    assert unexplained.sources[0].coverage_disagreements == 1
    assert IssueCode.ORACLE_REFUSED in [issue.code for issue in unexplained.issues]


def test_answers_of_an_earlier_refresh_are_not_compared() -> None:
    old = a.reading(OracleAnswer(frozenset({100})), NOW - 300)
    assert judge(guests=ONE, jobs=[job(vmid="100")], not_backed_up=old).sources[0].coverage_disagreements is None


def test_every_missing_privilege_is_named_with_what_it_hides() -> None:
    report = judge(guests=ONE, permissions=a.reading(LIMITED))
    missing = {(row.privilege, row.path): row.hides for row in report.sources[0].missing_privileges}
    assert missing == {
        ("Sys.Audit", "/nodes"): "tasks",
        ("Datastore.Audit", "/storage"): "storages",
        ("Pool.Audit", "/pool"): "pools",
    }


@st.composite
def clusters(draw: st.DrawFn) -> ClusterFacts:
    pools = st.none() | st.sampled_from(["a", "a/b"])
    nodes = st.sampled_from(["pve1", "pve2", "pve3"])
    guests = [a.guest(vmid, node=draw(nodes), pool=draw(pools)) for vmid in range(100, 106)]
    vmids = st.lists(st.integers(99, 107), max_size=4).map(lambda ids: ",".join(map(str, ids)))
    jobs = [
        job(
            f"j{number}",
            enabled=draw(st.booleans()),
            all=draw(st.booleans()),
            vmid=draw(st.none() | vmids),
            exclude=draw(st.none() | vmids),
            pool=draw(st.none() | st.sampled_from(["a", "a/b", "gone"])),
            node=draw(st.none() | st.sampled_from(["pve1", "pve2", "pve9"])),
            schedule=draw(st.sampled_from(["02:00", "sat 03:00", "2020-01-01"])),
            storage=draw(st.sampled_from(["nas", "off", "one", "gone"])),
        )
        for number in range(draw(st.integers(0, 5)))
    ]
    storages = [
        a.storage_definition(),
        a.storage_definition("off", disabled=True),
        a.storage_definition("one", nodes=frozenset({"pve1"})),
    ]
    lookups = {"gone": a.reading(PoolLookup(None))}
    whole: dict[str, Any] = {"permissions": a.reading(AUDITOR), "pool_lookups": lookups, "pools": ["a", "a/b"]}
    return a.cluster(guests=draw(st.permutations(guests)), jobs=draw(st.permutations(jobs)), storages=storages, **whole)


@given(clusters())
def test_a_guest_is_planned_exactly_when_one_of_its_jobs_is_active(facts: ClusterFacts) -> None:
    for guest in analyse(a.facts(facts), Policy(), NOW).guests:
        active = any(row.state is JobState.ACTIVE for row in guest.jobs)
        assert guest.coverage is (PLANNED if active else NOT_PLANNED), "everything was seen, so nothing is undecided"
        assert guest.reasons[:-1]


@given(clusters(), st.sampled_from(["jobs", "storages", "nodes", "permissions", "pool_lookups"]))
def test_hiding_facts_gives_the_same_verdict_or_an_undecided_one(facts: ClusterFacts, hidden: str) -> None:
    whole = {guest.guest.vmid: guest.coverage for guest in analyse(a.facts(facts), Policy(), NOW).guests}
    changes: dict[str, Any] = {hidden: {} if hidden == "pool_lookups" else Reading()}
    partly = analyse(a.facts(replace(facts, **changes)), Policy(), NOW)
    for guest in partly.guests:
        assert guest.coverage in (whole[guest.guest.vmid], UNDECIDED)
