"""The made-up estate: the same for the same seed, real-looking, with every hard case of rulebook section K (1-18)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from simulator.answers import ApiError
from simulator.calendar_events import between, following, parse
from simulator.model import Cluster, Properties
from simulator.pve.routes import Api
from simulator.scenario.build import make_present, scenario
from simulator.scenario.cast import OF_CASES, PLACES
from simulator.scenario.wanted import RELEASES, Wanted
from simulator.selection import not_backed_up, selected_vmids, truthy
from simulator.volumes import volumes

WANTED = Wanted()
SIZES = [Wanted(guests=5, nodes=1), Wanted(guests=12, nodes=2), WANTED, Wanted(guests=400, nodes=7, seed=3)]


def _jobs(cluster: Cluster) -> dict[str, Properties]:
    return {str(job["id"]): job for job in cluster.jobs}


def _usable(cluster: Cluster, job: Properties, vmid: int) -> bool:
    """Whether a job can back up a guest as configured (B37)."""
    if not truthy(job.get("enabled", 1)) or vmid not in cluster.guests:
        return False
    if following(parse(str(job["schedule"])), WANTED.now, ZoneInfo("UTC")) is None:
        return False
    if "dumpdir" in job:
        return True
    storage = cluster.storages.get(str(job.get("storage", "local")))
    node = cluster.guests[vmid].node
    return storage is not None and storage.enabled and storage.allowed_on(node) and "backup" in storage.content


def _covered(cluster: Cluster, jobs: Iterable[Properties]) -> set[int]:
    return {vmid for job in jobs for vmid in selected_vmids(job, cluster) if _usable(cluster, job, vmid)}


def _answers(cluster: Cluster) -> list[bytes]:
    token = cluster.tokens[0]
    api = Api(cluster)
    paths = [
        "/cluster/resources",
        "/cluster/backup",
        "/pools",
        "/storage",
        "/nodes/pve1/tasks?limit=500",
        "/cluster/tasks",
    ]
    header = f"PVEAPIToken={token.identity}={token.secret}"
    return [api.answer("GET", path, header, WANTED.now).body for path in paths]


def test_the_same_seed_gives_the_same_answers() -> None:
    assert _answers(scenario(WANTED)) == _answers(scenario(WANTED))


def test_another_seed_gives_another_estate() -> None:
    assert _answers(scenario(WANTED))[0] != _answers(scenario(replace(WANTED, seed=2)))[0]


@pytest.mark.parametrize("wanted", SIZES, ids=lambda wanted: f"{wanted.guests} on {wanted.nodes}")
def test_about_nine_in_ten_guests_are_covered(wanted: Wanted) -> None:
    cluster = scenario(wanted)
    assert len(cluster.guests) == wanted.guests
    share = len(_covered(cluster, cluster.jobs)) / wanted.guests
    assert 0.8 <= share < 1 or wanted.guests == 5


@pytest.mark.parametrize("release", RELEASES.values())
@pytest.mark.parametrize("nodes", [1, 2, 5])
def test_every_size_and_release_can_be_made(release: tuple[int, int], nodes: int) -> None:
    for guests in (5, 6, 9, 23, 120):
        cluster = scenario(Wanted(guests=guests, nodes=nodes, release=release))
        assert len(cluster.guests) == guests
        assert {guest.node for guest in cluster.guests.values()} <= {node.name for node in cluster.nodes}


def test_an_impossible_wish_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 5 guests"):
        scenario(Wanted(guests=4))
    with pytest.raises(ValueError, match="pve1, pve2"):
        scenario(Wanted(nodes=2, offline_node="pve9"))


def test_ten_thousand_guests_can_be_made() -> None:
    cluster = scenario(Wanted(guests=10_000, nodes=20))
    assert len(cluster.guests) == 10_000
    assert len(_covered(cluster, cluster.jobs)) > 8500


def test_the_guest_of_a_disabled_job_is_not_listed_as_not_backed_up() -> None:
    cluster = scenario(WANTED)  # case 1
    (vmid,) = selected_vmids(_jobs(cluster)["paused"], cluster)
    assert vmid not in _covered(cluster, cluster.jobs)
    assert vmid not in not_backed_up(cluster, cluster.guests)


def test_a_legacy_job_is_disabled_with_an_empty_string() -> None:
    cluster = scenario(WANTED)  # case 2
    job = next(job for job in cluster.jobs if job.get("enabled") == "")
    assert set(selected_vmids(job, cluster)).isdisjoint(_covered(cluster, cluster.jobs))


def test_an_all_job_of_a_node_leaves_out_one_guest_and_takes_the_templates() -> None:
    cluster = scenario(WANTED)  # cases 4 and 8
    job = _jobs(cluster)["backup-pve3-all"]
    excluded = int(str(job["exclude"]))
    chosen = selected_vmids(job, cluster)
    assert excluded in not_backed_up(cluster, cluster.guests)
    assert {cluster.guests[vmid].node for vmid in chosen} == {"pve3"}
    assert [vmid for vmid in chosen if cluster.guests[vmid].config.get("template")]


def test_a_pool_job_ignores_exclude_and_pools_below() -> None:
    cluster = scenario(WANTED)  # cases 5 and 6
    job = _jobs(cluster)["backup-prod"]
    chosen = selected_vmids(job, cluster)
    assert int(str(job["exclude"])) in chosen
    assert set(cluster.pools["prod/db/archive"].vmids).isdisjoint(_covered(cluster, cluster.jobs))
    assert cluster.pools["prod/db/archive"].vmids


def test_a_missing_pool_breaks_not_backed_up_only_when_asked_for() -> None:
    cluster = scenario(replace(WANTED, missing_pool=True))  # case 7
    with pytest.raises(ApiError, match="pool 'gone' does not exist"):
        not_backed_up(cluster, cluster.guests)
    assert not_backed_up(scenario(WANTED), scenario(WANTED).guests)


def test_a_list_names_a_removed_guest() -> None:
    cluster = scenario(WANTED)  # case 9
    unknown = [vmid for vmid in selected_vmids(_jobs(cluster)["backup-list"], cluster) if vmid not in cluster.guests]
    assert unknown == [8999]
    runs = [task for task in cluster.tasks if task.subject == "" and "8999" in task.lines()[0]]
    assert {task.status for task in runs} == {"job errors"}


def test_pool_and_vmid_selects_by_the_pool() -> None:
    cluster = scenario(WANTED)  # case 12
    assert selected_vmids(_jobs(cluster)["pool-and-vmid"], cluster) == []


@pytest.mark.parametrize(
    ("identity", "storage"),
    [
        ("to-disabled-storage", "old-disk"),
        ("to-undefined-storage", "gone-store"),
        ("to-far-storage", "far-dir"),
        ("to-iso-store", "iso-store"),
        ("once-only", "nas"),
    ],
)
def test_a_job_that_cannot_run_covers_nobody(identity: str, storage: str) -> None:
    cluster = scenario(Wanted(guests=200))  # cases 15, 16, 17
    job = _jobs(cluster)[identity]
    assert job["storage"] == storage
    assert selected_vmids(job, cluster)
    assert _covered(cluster, [job]) == set()
    assert set(selected_vmids(job, cluster)).isdisjoint(_covered(cluster, cluster.jobs))


def test_jobs_without_storage_and_to_a_folder_exist() -> None:
    jobs = _jobs(scenario(WANTED))  # cases 13 and 18
    assert "storage" not in jobs["without-storage"]
    assert "storage" not in jobs["to-folder"]
    assert jobs["to-folder"]["dumpdir"] == "/mnt/dump"


def test_odd_guests_are_among_them() -> None:
    guests = scenario(Wanted(guests=200)).guests.values()
    reasons = {volume.reason for guest in guests for volume in volumes(guest)}
    notes = "".join(str(guest.config.get("description", "")) for guest in guests)
    assert reasons == {
        "backup=yes", "backup=no", "efidisk but no OVMF BIOS", "rootfs", "enabled", "disabled", "not a volume",
    }  # fmt: skip
    assert any(guest.kind == "lxc" and guest.configured_name is None for guest in guests)
    assert any(guest.kind == "qemu" and not volumes(guest) for guest in guests)
    assert {"lock" in guest.config for guest in guests} == {True, False}
    assert all(text in notes for text in ("<script>", "数据库", "\x07", "é"))


def test_the_runs_fail_in_every_way_and_agree_with_their_logs() -> None:
    cluster = scenario(WANTED)
    lines = [line for task in cluster.tasks if task.kind == "vzdump" for line in task.lines()]
    for text in (
        "ENOSPC: No space left on device",
        "VM is locked (backup)",
        "failed - error pruning backups - check log",
        "failed - unable to find VM '8999'",
        "TASK ERROR: could not activate storage",
        "creating Proxmox Backup Server archive 'vm/",
        "creating vzdump archive '/mnt/pve/nas/dump/vzdump-qemu-",
    ):
        assert any(text in line for line in lines), text
    killed = [task for task in cluster.tasks if task.status == "unexpected status"]
    assert any("INFO: starting new backup job" in task.lines()[0] and len(task.lines()) < 12 for task in killed)


def _running(cluster: Cluster, hours: float) -> list[int]:
    """The guests at which backups are that have been running for so many hours."""
    tasks = [task for task in cluster.tasks if task.kind == "vzdump" and task.endtime is None]
    logs = ["\n".join(task.lines()) for task in tasks if task.starttime < WANTED.now - hours * 3600]
    return [int(re.findall(r"Starting Backup of VM (\d+)", log)[-1]) for log in logs]


def test_backups_hang_for_hours_and_for_a_day_and_their_guests_are_locked() -> None:
    cluster = scenario(WANTED)
    hanging = _running(cluster, 1)
    assert len(hanging) == 2
    assert len(_running(cluster, 24)) == 1
    assert all(cluster.guests[vmid].config["lock"] == "backup" for vmid in hanging)
    # one is locked by a backup that does not run
    locked = {guest.vmid for guest in cluster.guests.values() if guest.config.get("lock") == "backup"}
    assert locked > set(hanging)


@pytest.mark.parametrize("hour", range(0, 24, 5))
def test_at_any_time_a_node_was_down_at_the_event_of_an_hourly_job_and_another_is_at_it(hour: int) -> None:
    wanted = replace(WANTED, now=WANTED.now + hour * 3600)
    cluster, runs, plan = make_present(wanted)
    (event,) = between("22", wanted.now - 7200, wanted.now - 3600, ZoneInfo(wanted.zone))
    node = cluster.guests[plan.trouble["rebooted"]].node
    ended = [task for task in cluster.tasks if task.node == node and task.kind == "vzdump" and task.endtime]
    assert max(task.endtime or 0 for task in ended) < event
    assert not [task for task in cluster.tasks if task.node == node and task.kind == "vzdump" and not task.endtime]
    (present,) = [run for run in runs if run.status is None and run.stopped == plan.trouble["hourly"]]
    assert wanted.now - 3600 <= present.start <= wanted.now


def test_every_trouble_has_a_guest_of_its_kind() -> None:
    cluster, _, plan = make_present(WANTED)
    trouble = {name: cluster.guests[vmid] for name, vmid in plan.trouble.items()}
    assert trouble.keys() == PLACES.keys() | OF_CASES.keys()
    assert not any(volume.included for volume in volumes(trouble["bare"]))
    assert trouble["jumped"].kind == "lxc"
    assert "vzcover: waive until=tomorrow" in str(trouble["noted"].config["description"])
    assert make_present(Wanted(guests=12, nodes=2))[2].trouble == {}


def test_restores_of_both_kinds_name_the_backup_they_came_from() -> None:
    cluster = scenario(WANTED)
    restores = [task for task in cluster.tasks if task.kind in {"qmrestore", "vzrestore"}]
    assert {task.kind for task in restores if task.status == "OK"} == {"qmrestore", "vzrestore"}
    assert any(task.status != "OK" for task in restores)
    assert not {int(task.subject) for task in restores} & set(cluster.guests)
    logs = " ".join(line for task in restores for line in task.lines())
    assert all(
        text in logs
        for text in ("pbs-restore --repository", "restore vma archive:", "recovering backed-up configuration")
    )


def test_disks_changed_since_the_newest_backup_and_a_snapshot_was_left_behind() -> None:
    guests = scenario(WANTED).guests.values()
    changed = [guest for guest in guests if guest.earlier]
    assert len(changed) == 2
    sizes = [[volume.size for volume in volumes(one)] for guest in changed for one in (guest, guest.as_saved())]
    assert sorted(map(str, sizes)) == sorted(map(str, [[64 << 30], [32 << 30], [32 << 30, 20 << 30], [32 << 30]]))
    assert [guest.kind for guest in guests if guest.config.get("parent") == "vzdump"] == ["lxc"]


def test_tasks_end_in_every_way() -> None:
    states = {task.status for task in scenario(Wanted(guests=200, nodes=5)).tasks if task.kind == "vzdump"}
    assert {"OK", "WARNINGS: 2", "job errors", "unexpected status", None} <= states
    assert any(str(state).startswith("could not") for state in states)
