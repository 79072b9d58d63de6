"""From PVE's JSON to facts: odd values, absent ones, impossible ones. Every answer goes through the client's own decoder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.collect import pve_parse as parse
from exporter.collect import pve_rows as rows
from exporter.collect.pve_values import boolean, count, guest_id, instant, integer, items, keep_options, text
from report.analyse import analyse
from report.facts import BackupJob, ClusterFacts, Guest, GuestConfig, Node, OracleAnswer, Task, VzdumpDefaults
from report.policy import Policy
from tests.builders import NOW, facts, reading

NODE_ROW = {"type": "node", "id": "node/pve1", "node": "pve1", "name": "pve1", "online": 1}


def decoded(answer: Any, into: Any) -> Any:
    """Given an answer as PVE means it, return it as the client decodes it; raises msgspec.ValidationError."""
    return msgspec.json.decode(json.dumps(answer).encode(), type=into, strict=False)


def job_of(**fields: Any) -> BackupJob:
    """Given fields of a row of /cluster/backup (underscores for dashes), return the job."""
    row = {"id": "nightly", "type": "vzdump"} | {key.replace("_", "-"): value for key, value in fields.items()}
    (job,) = parse.parse_jobs(decoded([row], list[rows.JobRow]))
    return job


def guest_of(**fields: Any) -> Guest:
    """Given fields of a row of /cluster/resources, return the guest."""
    row = {"type": "qemu", "id": "qemu/100", "vmid": 100, "node": "pve1"} | fields
    (guest,) = parse.parse_inventory(decoded([NODE_ROW, row], list[rows.ResourceRow])).guests
    return guest


def storage_of(storage_type: str = "dir", **fields: Any) -> Any:
    """Given a type and fields of a row of /storage, return the entry."""
    row = {"storage": "nas", "type": storage_type} | {key.replace("_", "-"): value for key, value in fields.items()}
    (storage,) = parse.parse_storages(decoded([row], list[rows.StorageRow]))
    return storage


# scalars


@pytest.mark.parametrize("value", [1, "1", True, 2, "yes", "on", "true", 1.0, " 1 "])
def test_true_has_many_faces(value: Any) -> None:
    assert boolean(value) is True


@pytest.mark.parametrize("value", [0, "0", "", False, "no", "off", "false", "False", 0.0, " ", "0 "])
def test_false_has_many_faces(value: Any) -> None:
    assert boolean(value) is False
    assert boolean(value, default=True) is False


def test_an_absent_boolean_is_its_default() -> None:
    assert boolean(None) is False
    assert boolean(None, default=True) is True


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (None, None), ("", None), (" ", None), (0, 0), (7, 7), ("7", 7), ("007", 7), (" 7 ", 7), (-3, -3), ("-3", -3),
        (7.9, 7), ("7.9", 7), ("7.", 7), (1e15, 10**15), ("1.5e+15", 1_500_000_000_000_000), (True, 1), (2**70, 2**70),
    ],
)  # fmt: skip
def test_a_number_may_come_as_text(value: Any, number: int | None) -> None:
    assert integer(value) == number


@pytest.mark.parametrize(
    "value",
    ["seven", "1_0", "0x10", "NaN", "inf", "1e999", "１", "7 8", "--7", "9" * 5000, float("inf"), float("nan")],
)
def test_what_is_no_number_is_a_value_error(value: Any) -> None:
    with pytest.raises(ValueError, match=r"number|digits|NaN"):
        integer(value)


@pytest.mark.parametrize("value", [-1, "-1", -0.5 * 10**9])
def test_counts_and_instants_are_not_negative(value: Any) -> None:
    for checked in (count, instant):
        with pytest.raises(ValueError, match="is below zero"):
            checked(value)


def test_an_instant_is_one_that_a_calendar_holds() -> None:
    assert instant("1795227919") == 1_795_227_919
    with pytest.raises(ValueError, match="is no instant"):
        instant(10**12)


@pytest.mark.parametrize("value", [None, "", 0, "0", -5, 100.5, "a"])
def test_what_is_no_vmid_is_a_value_error(value: Any) -> None:
    with pytest.raises(ValueError, match="is no"):
        guest_id(value)


@pytest.mark.parametrize(
    ("value", "expected"), [(None, None), ("", None), (0, "0"), (100, "100"), ("0100", "0100"), (" ", " ")]
)
def test_a_text_may_come_as_number(value: Any, expected: str | None) -> None:
    assert text(value) == expected


@pytest.mark.parametrize(
    ("value", "parts"),
    [(None, ()), ("", ()), ("a,b;c d", ("a", "b", "c", "d")), (",; a ,,", ("a",)), (100, ("100",)), ("a\tb", ("a", "b"))],
)  # fmt: skip
def test_a_list_comes_in_one_string(value: Any, parts: tuple[str, ...]) -> None:
    assert items(value) == parts


# keep options (E1, E3, E5, M5)


@pytest.mark.parametrize(
    ("value", "keep"),
    [
        (None, None),
        ("", None),
        ({"keep-last": "3"}, (("keep-last", 3),)),
        ({"keep-weekly": "4", "keep-daily": 7}, (("keep-daily", 7), ("keep-weekly", 4))),
        ("keep-weekly=4,keep-daily=7", (("keep-daily", 7), ("keep-weekly", 4))),
        ("keep-last=0,keep-daily=2", (("keep-daily", 2),)),
        ({"keep-all": 1}, ()),
        ({"keep-all": "1"}, ()),
        ("keep-all=1", ()),
        ("keep-all=0", ()),
        ({"keep-last": "0", "keep-daily": 0}, ()),
        ({"keep-last": None}, ()),
        ({}, ()),
    ],
)
def test_keep_options_come_as_object_or_property_string(value: Any, keep: Any) -> None:
    assert keep_options(value) == keep
    assert job_of(prune_backups=value).keep == keep
    assert storage_of(prune_backups=value).keep == keep


@pytest.mark.parametrize("value", ["3", "keep-last", {"keep-last": "many"}, "keep-last=-1", {"keep-last": -1}, 3, True])
def test_what_is_no_keep_option_never_becomes_keep_everything(value: Any) -> None:
    with pytest.raises(ValueError, match=r"is no|is below"):
        keep_options(value)


@pytest.mark.parametrize(
    ("maxfiles", "keep"),
    [(None, None), ("", None), (3, (("keep-last", 3),)), ("3", (("keep-last", 3),)), (0, ()), ("0", ())],
)
def test_maxfiles_is_keep_last_and_its_zero_keeps_all(maxfiles: Any, keep: Any) -> None:
    """B2: PVE before 9."""
    assert job_of(maxfiles=maxfiles).keep == keep
    assert storage_of(maxfiles=maxfiles).keep == keep


def test_prune_backups_goes_before_maxfiles() -> None:
    assert job_of(prune_backups="keep-daily=2", maxfiles=9).keep == (("keep-daily", 2),)


def test_a_negative_maxfiles_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="is below zero"):
        job_of(maxfiles=-1)


# jobs (B1, B2, M4, M5)


@pytest.mark.parametrize(
    ("fields", "enabled"),
    [({}, True), ({"enabled": 1}, True), ({"enabled": "1"}, True), ({"enabled": 0}, False), ({"enabled": "0"}, False),
     ({"enabled": ""}, False), ({"enabled": False}, False), ({"enabled": None}, True)],
)  # fmt: skip
def test_a_job_without_enabled_is_enabled_and_an_empty_one_is_not(fields: Mapping[str, Any], enabled: bool) -> None:
    """Cases 2 and 3."""
    assert job_of(**fields).enabled is enabled


@pytest.mark.parametrize(
    ("fields", "schedule"),
    [
        ({}, None),
        ({"schedule": " mon..fri 22:30\t"}, "mon..fri 22:30"),
        ({"schedule": 22}, "22"),
        ({"starttime": "01:30"}, "01:30"),
        ({"starttime": "01:30", "dow": ""}, "01:30"),
        ({"starttime": "01:30", "dow": "mon,tue"}, "mon,tue 01:30"),
        ({"starttime": "01:30", "dow": "mon;tue sat"}, "mon,tue,sat 01:30"),
        ({"starttime": "01:30", "dow": "mon,tue,wed,thu,fri,sat,sun"}, "01:30"),
        ({"schedule": "daily", "starttime": "01:30"}, "daily"),
        ({"dow": "mon"}, None),
    ],
)
def test_a_schedule_may_be_old_style(fields: Mapping[str, Any], schedule: str | None) -> None:
    assert job_of(**fields).schedule == schedule


def test_a_legacy_job_has_no_type() -> None:
    row = {"id": "97f0:1", "enabled": "", "all": "1", "vmid": 100, "schedule": "03:00"}
    (job,) = parse.parse_jobs(decoded([row], list[rows.JobRow]))
    assert job == BackupJob("97f0:1", enabled=False, schedule="03:00", all=True, vmid="100", legacy=True)
    assert job_of().legacy is False


def test_jobs_keep_the_order_of_pve_and_come_once_each() -> None:
    listed = [{"id": "b", "comment": "old"}, {"id": "a"}, {"id": "b", "comment": "new"}]
    jobs = parse.parse_jobs(decoded(listed, list[rows.JobRow]))
    assert [(job.id, job.comment) for job in jobs] == [("b", "new"), ("a", None)]


@pytest.mark.parametrize(
    ("fleecing", "on"),
    [
        (None, None), ({"enabled": 1, "storage": "lvm"}, True), ({"enabled": "0"}, False), ({"storage": "lvm"}, None),
        ("enabled=1,storage=lvm", True), ("storage=lvm,enabled=1", True), ("enabled=0", False), ("1,storage=lvm", True),
        ("1", True), ("0", False), ("storage=lvm", False), ("", False), (1, True), (0, False),
    ],
)  # fmt: skip
def test_fleecing_comes_as_object_or_property_string(fleecing: Any, on: bool | None) -> None:
    assert job_of(fleecing=fleecing).fleecing is on


def test_every_field_of_a_job_is_read() -> None:
    job = job_of(
        enabled=1, schedule="02:00", storage="pbs", node="pve1", pool=7, vmid="100,101", all=0, exclude=100, mode="stop",
        comment="ümläut", next_run="1795312800", repeat_missed="1", protected=0, remove="0", dumpdir="",
    )  # fmt: skip
    assert job == BackupJob(
        "nightly", True, "02:00", "pbs", None, "pve1", "7", "100,101", False, "100", "stop", None, "ümläut",
        1_795_312_800, False, True, False, False, None,
    )  # fmt: skip


# guests (A2–A7, M3)


def test_a_guest_without_fresh_status_has_no_name_and_no_template_flag() -> None:
    assert guest_of(status="unknown") == Guest(100, "qemu", "pve1", status="unknown")


@pytest.mark.parametrize(("template", "expected"), [(0, False), (1, True), ("", False), ("1", True), (None, None)])
def test_an_absent_template_flag_is_not_zero(template: Any, expected: bool | None) -> None:
    assert guest_of(template=template).template is expected


@pytest.mark.parametrize(
    ("name", "expected"), [(100, "100"), ("100", "100"), ("", None), ("CT204", "CT204"), (1.5, "1.5")]
)
def test_a_name_may_be_numeric(name: Any, expected: str | None) -> None:
    assert guest_of(name=name).name == expected


def test_vmids_may_be_text_and_tags_come_in_one_string() -> None:
    guest = guest_of(vmid="0101", tags="prod;web, db", pool="a/b/c", lock="backup", type="lxc")
    assert guest == Guest(101, "lxc", "pve1", pool="a/b/c", tags=("prod", "web", "db"), lock="backup")


def test_the_inventory_lists_guests_by_vmid_once_each_and_names_of_pools_and_nodes() -> None:
    answer = [
        {"type": "lxc", "id": "lxc/9", "vmid": 9, "node": "pve2"},
        {"type": "qemu", "id": "qemu/8", "vmid": 8, "node": "pve1"},
        {"type": "qemu", "id": "qemu/9", "vmid": "9", "node": "pve1"},
        {"type": "pool", "id": "/pool/a/b", "pool": "a/b"},
        {"type": "pool", "id": "/pool/7", "pool": 7},
        NODE_ROW,
        {"type": "storage", "id": "storage/pve1/local", "node": "pve1", "storage": "local"},
        {"type": "sdn", "id": "sdn/pve1/z", "node": "pve1"},
        {"type": "network", "id": "network/pve1/zone/z", "node": "pve1", "network": "z"},
    ]
    inventory = parse.parse_inventory(decoded(answer, list[rows.ResourceRow]))
    assert [(guest.vmid, guest.node) for guest in inventory.guests] == [(8, "pve1"), (9, "pve1")]
    assert inventory.pools == {"a/b", "7"}
    assert inventory.nodes == {"pve1"}


@pytest.mark.parametrize("fields", [{"vmid": None}, {"vmid": "x"}, {"vmid": 0}, {"node": None}, {"node": ""}])
def test_a_guest_without_vmid_or_node_is_a_value_error(fields: Mapping[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"has no node|is no"):
        guest_of(**fields)


def test_nodes_know_whether_they_are_online() -> None:
    answer = [
        {"type": "cluster", "name": "lab", "nodes": 3},
        {"type": "node", "name": "pve2", "online": "0"},
        {"type": "node", "name": "pve1", "online": 1},
        {"type": "node", "name": "pve3"},
    ]
    nodes = parse.parse_nodes(decoded(answer, list[rows.StatusRow]))
    assert nodes == (Node("pve1", True), Node("pve2", False), Node("pve3", None))


@pytest.mark.parametrize("answer", [[], [{"type": "qemu", "id": "qemu/1", "vmid": 1, "node": "pve1", "name": "x"}]])
def test_an_answer_without_any_node_cannot_be_right(answer: Any) -> None:
    """A token without a single privilege still sees the nodes; an empty list must not look like an empty cluster."""
    with pytest.raises(ValueError, match="without nodes"):
        parse.parse_inventory(decoded(answer, list[rows.ResourceRow]))
    with pytest.raises(ValueError, match="without nodes"):
        parse.parse_nodes(decoded(answer, list[rows.StatusRow]))


# storages (D1–D3, J1)


@pytest.mark.parametrize(
    ("storage_type", "content", "holds_backups"),
    [
        ("pbs", None, True), ("cephfs", None, True), ("dir", None, False), ("nfs", None, False), ("cifs", None, False),
        ("lvm", None, False), ("nfs", "images,backup", True), ("dir", "backup iso", True), ("pbs", "none", False),
        ("dir", "", False),
    ],
)  # fmt: skip
def test_content_has_a_default_by_type(storage_type: str, content: str | None, holds_backups: bool) -> None:
    assert ("backup" in storage_of(storage_type, content=content).content) is holds_backups


@pytest.mark.parametrize(
    ("storage_type", "flag", "shared"),
    [("pbs", None, True), ("nfs", 0, True), ("cifs", "", True), ("cephfs", None, True), ("dir", None, False),
     ("dir", 1, True), ("btrfs", "1", True), ("lvm", 0, False)],
)  # fmt: skip
def test_network_storages_are_always_shared(storage_type: str, flag: Any, shared: bool) -> None:
    assert storage_of(storage_type, shared=flag).shared is shared


def test_a_storage_entry_is_read_whole() -> None:
    storage = storage_of(
        "pbs", nodes="pve2,pve1", disable="1", server="10.0.0.1", port="8007", datastore="main", namespace="a/b",
        username="x@pbs!y",
    )  # fmt: skip
    assert (storage.nodes, storage.disabled) == ({"pve1", "pve2"}, True)
    assert (storage.server, storage.port, storage.datastore) == ("10.0.0.1", 8007, "main")
    assert (storage.namespace, storage.username, storage.path) == ("a/b", "x@pbs!y", None)


@pytest.mark.parametrize("key", ["1", "d5:09:aa", None])
def test_the_key_of_a_pbs_entry_is_told_as_pve_tells_it(key: str | None) -> None:
    """J1: a fingerprint, or 1 where that cannot be read."""
    answer = {"storage": "vault", "type": "pbs"} | ({} if key is None else {"encryption-key": key})
    (storage,) = parse.parse_storages(decoded([answer], list[rows.StorageRow]))
    assert storage.encryption_key == key


def test_sizes_mean_nothing_while_a_storage_is_not_active() -> None:
    answer = [
        {"storage": "b", "type": "nfs", "enabled": 1, "active": 0, "total": 0, "used": 0, "avail": 0, "shared": 1},
        {"storage": "a", "type": "dir", "active": "1", "total": "1.5e+13", "used": 7, "avail": None},
    ]
    states = parse.parse_storage_states(decoded(answer, list[rows.StorageStateRow]), "pve1")
    assert [(state.storage, state.enabled, state.active, state.total_bytes, state.used_bytes) for state in states] == [
        ("a", True, True, 15 * 10**12, 7),
        ("b", True, False, None, None),
    ]
    assert {state.node for state in states} == {"pve1"}


def test_a_negative_size_is_a_value_error() -> None:
    answer = decoded([{"storage": "a", "type": "dir", "active": 1, "total": -1}], list[rows.StorageStateRow])
    with pytest.raises(ValueError, match="is below zero"):
        parse.parse_storage_states(answer, "pve1")


def test_vzdump_defaults_say_only_what_they_say() -> None:
    assert parse.parse_vzdump_defaults(decoded({}, rows.VzdumpDefaultsRow)) == VzdumpDefaults()
    answer = {"storage": "", "mode": "snapshot", "prune-backups": "keep-all=1", "remove": 1, "dumpdir": "/mnt"}
    assert parse.parse_vzdump_defaults(decoded(answer, rows.VzdumpDefaultsRow)) == VzdumpDefaults(
        None, "/mnt", "snapshot", (), True
    )


# PVE's own evaluation (B11–B13, M1, M3)


def test_duplicate_children_are_one_guest() -> None:
    volume = {"id": "204:rootfs", "name": "local:204/root.raw", "included": "1", "reason": "rootfs"}
    bind = {"id": "204:mp0", "name": None, "included": 0}
    child = {"id": 204, "name": None, "type": "lxc", "children": [volume, bind]}
    answer = {"leaf": 0, "id": "root", "children": [child, {"id": "9999", "type": "unknown", "leaf": 1}, child]}
    (guest, ghost) = parse.parse_included(decoded(answer, rows.IncludedRow))
    assert (guest.vmid, guest.guest_type) == (204, "lxc")
    assert [(volume.key, volume.volume, volume.included) for volume in guest.volumes] == [
        ("rootfs", "local:204/root.raw", True),
        ("mp0", "", False),
    ]
    assert (ghost.vmid, ghost.guest_type, ghost.volumes) == (9999, "unknown", ())


def test_a_selected_guest_without_id_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="is no vmid"):
        parse.parse_included(decoded({"children": [{"id": None, "type": "qemu"}]}, rows.IncludedRow))


def test_guests_not_backed_up_may_lack_a_name() -> None:
    answer = decoded([{"vmid": 204, "type": "lxc"}, {"vmid": "100", "name": 100}], list[rows.UncoveredRow])
    assert parse.parse_not_backed_up(answer) == {100, 204}


def test_a_pool_has_direct_member_guests_only() -> None:
    members = [
        {"type": "qemu", "vmid": 100},
        {"type": "lxc", "vmid": "200"},
        {"type": "storage", "storage": "nas"},
    ]
    pool = parse.parse_pool(decoded([{"poolid": "a", "members": members}], list[rows.PoolRow]))
    assert pool.members == frozenset({100, 200})
    assert parse.parse_pool(decoded([{"poolid": "a"}], list[rows.PoolRow])).members == frozenset()


# tasks (G1–G5) and configurations (A10)


def task_row(**fields: Any) -> dict[str, Any]:
    return {"upid": "UPID:1", "node": "pve1", "type": "vzdump", "user": "root@pam", "starttime": 1000} | fields


def test_a_task_is_listed_once_and_ended_if_any_row_says_so() -> None:
    answer = [
        task_row(status="RUNNING"),
        task_row(endtime="1100", status="OK", id=100),
        task_row(),
        task_row(upid="UPID:2", starttime="2000", status="RUNNING"),
        task_row(upid="UPID:3", type="vzstart"),
    ]
    assert parse.parse_tasks(decoded(answer, list[rows.TaskRow])) == (
        Task("UPID:2", "pve1", 2000, None, "RUNNING", "root@pam", ""),
        Task("UPID:1", "pve1", 1000, 1100, "OK", "root@pam", "100"),
    )


@pytest.mark.parametrize("starttime", [-1, 10**15, "soon", 1e300])
def test_a_task_at_an_impossible_time_is_a_value_error(starttime: Any) -> None:
    with pytest.raises(ValueError, match=r"is no|is below"):
        parse.parse_tasks(decoded([task_row(starttime=starttime)], list[rows.TaskRow]))


@pytest.mark.parametrize(
    ("answer", "config"),
    [
        ({}, GuestConfig(NOW, template=False)),
        ({"meta": "creation-qemu=9.2.0,ctime=1700000000"}, GuestConfig(NOW, 1_700_000_000, template=False)),
        ({"meta": "ctime=1700000000"}, GuestConfig(NOW, 1_700_000_000, template=False)),
        ({"meta": "creation-qemu=9.2.0,xctime=17"}, GuestConfig(NOW, template=False)),
        ({"meta": 17}, GuestConfig(NOW, template=False)),
        ({"description": "émilie → 数据库\n", "name": 100}, GuestConfig(NOW, None, "émilie → 数据库\n", False, "100")),
        ({"description": 42, "hostname": "ct", "template": "1"}, GuestConfig(NOW, None, "42", True, "ct")),
        ({"description": "", "name": ""}, GuestConfig(NOW, template=False)),
    ],
)
def test_a_configuration_tells_notes_and_creation_time(answer: Any, config: GuestConfig) -> None:
    assert parse.parse_guest_config(decoded(answer, rows.GuestConfigRow), NOW) == config


@pytest.mark.parametrize(
    ("answer", "volumes"),
    [
        (
            {"scsi0": "local-lvm:vm-100-disk-0,discard=on,iothread=1,size=32G"},
            [("scsi0", "local-lvm:vm-100-disk-0", 32 << 30)],
        ),
        ({"scsi1": "lvm:vm-1-disk-1,backup=0,size=528K"}, [("scsi1", "lvm:vm-1-disk-1", 528 << 10)]),
        ({"sata5": "file=lvm:disk,size=1.5T"}, [("sata5", "lvm:disk", 3 << 39)]),
        ({"virtio15": "nas:100/vm-100-disk-0.qcow2"}, [("virtio15", "nas:100/vm-100-disk-0.qcow2", None)]),
        (
            {"scsi30": "/dev/disk/by-id/ata-X,size=10000831348736"},
            [("scsi30", "/dev/disk/by-id/ata-X", 10000831348736)],
        ),
        # edge case 23: no CD drives, empty or not, and no cloud-init
        (
            {"ide2": "none,media=cdrom", "ide0": "lvm:vm-1-cloudinit,media=cdrom", "ide1": "nas:iso/a.iso,media=cdrom"},
            [],
        ),
        # edge case 24
        ({"efidisk0": "lvm:disk-0,efitype=4m,size=4M"}, []),
        ({"efidisk0": "lvm:disk-0,efitype=4m,size=4M", "bios": "ovmf"}, [("efidisk0", "lvm:disk-0", 4 << 20)]),
        ({"tpmstate0": "lvm:disk-2,size=4M,version=v2.0"}, [("tpmstate0", "lvm:disk-2", 4 << 20)]),
        # edge case 27
        ({"unused0": "lvm:disk-9", "vmstate": "lvm:state", "scsi31": "lvm:none"}, []),
        ({"rootfs": "volume=lvm:subvol,size=8G"}, [("rootfs", "lvm:subvol", 8 << 30)]),
        # edge case 26: what comes from outside is no data of the container (C8)
        (
            {
                "mp0": "lvm:mp,mp=/srv,size=50G",
                "mp1": "/mnt/bind,mp=/data",
                "mp255": "/dev/sdz1,mp=/x",
                "rootfs": "lvm:r",
            },
            [("rootfs", "lvm:r", None), ("mp0", "lvm:mp", 50 << 30)],
        ),
        (
            {"scsi1": "a:1,size=1", "scsi0": "a:0,size=x", "ide3": "a:3,size=-1"},
            [("ide3", "a:3", None), ("scsi0", "a:0", None), ("scsi1", "a:1", 1)],
        ),
        ({"scsi0": 17, "scsi1": "", "scsi2": None, "scsi3": ",size=1G", "scsi4": ",,=,"}, [("scsi0", "17", None)]),
    ],
)
def test_a_configuration_tells_its_data_volumes(answer: Any, volumes: list[tuple[str, str, int | None]]) -> None:
    config = parse.parse_guest_config(decoded(answer, rows.GuestVolumesRow), NOW)
    assert [(volume.key, volume.volume, volume.size_bytes) for volume in config.volumes] == volumes


@pytest.mark.parametrize(
    ("key", "options", "saved"),
    [
        ("scsi1", "", True),
        ("scsi1", ",backup=0", False),
        ("scsi1", ",backup=no", False),
        ("scsi1", ",backup=1", True),
        ("rootfs", "", True),
        ("mp0", ",mp=/srv", False),
        ("mp0", ",mp=/srv,backup=1", True),
    ],
)
def test_c3_and_c6_disks_are_saved_unless_marked_and_mount_points_where_marked(
    key: str, options: str, saved: bool
) -> None:
    answer = decoded({key: f"lvm:disk{options}"}, rows.GuestVolumesRow)
    (volume,) = parse.parse_guest_config(answer, NOW).volumes
    assert volume.saved is saved


def test_a_configuration_tells_the_snapshot_that_it_stems_from() -> None:
    assert (
        parse.parse_guest_config(decoded({"parent": "vzdump"}, rows.GuestVolumesRow), NOW).parent_snapshot == "vzdump"
    )


@given(st.text(alphabet="a0=,:/.GMsizefilebackup ", max_size=40))
def test_no_drive_line_is_too_odd(line: str) -> None:
    for volume in parse.parse_guest_config(decoded({"scsi0": line}, rows.GuestVolumesRow), NOW).volumes:
        assert volume.volume
        assert volume.size_bytes is None or volume.size_bytes >= 0


# restores


def restore_row(**changed: Any) -> dict[str, Any]:
    return {
        "upid": "UPID:pve1:1:1:6B010000:qmrestore:901:root@pam:",
        "node": "pve1",
        "type": "qmrestore",
        "user": "root@pam",
        "starttime": NOW - 100,
        "endtime": NOW,
        "status": "OK",
        "id": "901",
    } | changed


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, ("qemu", 901, "OK")),
        ({"type": "vzrestore", "id": 902, "status": "WARNINGS: 1"}, ("lxc", 902, "WARNINGS: 1")),
        ({"status": "unable to restore"}, ("qemu", 901, "unable to restore")),
        ({"status": None}, ("qemu", 901, "unexpected status")),
        ({"endtime": None, "status": "RUNNING"}, None),
        ({"type": "vzdump"}, None),
        ({"id": ""}, None),
        ({"id": "x"}, None),
        ({"id": "9" * 40}, None),
    ],
)
def test_a_restore_that_ended_is_told_with_the_guest_it_wrote(changed: Any, told: Any) -> None:
    found = parse.parse_restores(decoded([restore_row(**changed)], list[rows.TaskRow]))
    assert [(one.guest_type, one.vmid, one.status) for one in found] == ([] if told is None else [told])
    assert all(one.volume is None for one in found)


# permissions (A8)


def test_the_value_of_a_privilege_says_whether_it_reaches_below() -> None:
    answer = {"/": {"Sys.Audit": 1, "VM.Audit": "0"}, "/vms/100": {}}
    permissions = parse.parse_permissions(decoded(answer, rows.Permissions))
    assert permissions.paths == {"/": {"Sys.Audit": True, "VM.Audit": False}, "/vms/100": {}}
    assert parse.parse_permissions(decoded({}, rows.Permissions)).paths == {}


# laws

PARSERS: Mapping[str, tuple[Any, Callable[[Any], Any]]] = {
    "permissions": (rows.Permissions, parse.parse_permissions),
    "nodes": (list[rows.StatusRow], parse.parse_nodes),
    "inventory": (list[rows.ResourceRow], parse.parse_inventory),
    "jobs": (list[rows.JobRow], parse.parse_jobs),
    "storages": (list[rows.StorageRow], parse.parse_storages),
    "storage_states": (list[rows.StorageStateRow], lambda answer: parse.parse_storage_states(answer, "pve1")),
    "vzdump_defaults": (rows.VzdumpDefaultsRow, parse.parse_vzdump_defaults),
    "included": (rows.IncludedRow, parse.parse_included),
    "not_backed_up": (list[rows.UncoveredRow], parse.parse_not_backed_up),
    "pool": (list[rows.PoolRow], parse.parse_pool),
    "tasks": (list[rows.TaskRow], parse.parse_tasks),
    "restores": (list[rows.TaskRow], parse.parse_restores),
    "log": (list[rows.LogRow], parse.parse_log),
    "config": (rows.GuestConfigRow, lambda answer: parse.parse_guest_config(answer, NOW)),
}
SCALARS: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["1", "", "0", "-1", "1e400", "keep-last=3", "keep-last=-1", "mon", "02:00", "100,101"])
    | st.sampled_from([1e308, 2**63, 2**70, -1, 100, 1_795_227_919])
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


def rows_like(row: Any) -> st.SearchStrategy[Any]:
    """Given a row type, return JSON objects that look like it: its keys, the needed ones always, the values mostly loose scalars."""
    keys = {field.encode_name: SCALARS for field in msgspec.structs.fields(row)}
    keys["type"] = st.sampled_from(["qemu", "lxc", "node", "pool", "vzdump", "qmrestore", "nfs", "pbs"])
    for name in ("id", "node", "name", "storage", "upid", "user", "status", "lock"):
        if name in keys:
            keys[name] = st.sampled_from(["pve1", "pve2", "a:b", ""]) | st.text(max_size=3)
    for name in ("vmid", "starttime", "next-run"):
        if name in keys:
            keys[name] = st.sampled_from([100, "101", 1_795_227_000, 10**11]) | st.integers(0, 2**37)
    for name in ("prune-backups", "fleecing"):
        if name in keys:
            keys[name] = st.dictionaries(st.sampled_from(["keep-last", "keep-all", "enabled"]), SCALARS) | SCALARS
    if "members" in keys:
        keys["members"] = st.lists(rows_like(rows.PoolMemberRow), max_size=3)
    if row is rows.IncludedGuestRow:
        keys["id"] = st.sampled_from([100, "101"]) | st.integers()
        keys["children"] = st.lists(rows_like(rows.IncludedVolumeRow), max_size=2)
    elif "children" in keys:
        keys["children"] = st.lists(rows_like(rows.IncludedGuestRow), max_size=3)
    needed = {field.encode_name for field in msgspec.structs.fields(row) if field.required}
    return st.fixed_dictionaries(
        {name: value for name, value in keys.items() if name in needed},
        optional={name: value for name, value in keys.items() if name not in needed},
    )


def answers(name: str) -> st.SearchStrategy[Any]:
    """Given a parser's name, return JSON answers: some like the true ones, some like nothing."""
    into = PARSERS[name][0]
    if name == "permissions":
        paths = st.sampled_from(["/", "/vms", "/vms/100", "/nodes", "/storage", "", "vms", "//"]) | st.text(max_size=4)
        privileges = st.dictionaries(
            st.sampled_from(["VM.Audit", "Sys.Audit"]) | st.text(max_size=3), SCALARS, max_size=3
        )
        return st.dictionaries(paths, privileges, max_size=4) | ANYTHING
    if isinstance(into, type) and issubclass(into, msgspec.Struct):
        return rows_like(into) | ANYTHING
    first = [NODE_ROW] if name in ("inventory", "nodes") else []
    return st.lists(rows_like(into.__args__[0]), max_size=4).map(lambda listed: [*first, *listed]) | ANYTHING


ANSWERS = {name: answers(name) for name in PARSERS}


def parsed(name: str, answer: Any) -> Any:
    """Given a parser's name and an answer, return what it gives, None where decoder or parser refuse the answer as they may."""
    into, function = PARSERS[name]
    try:
        return function(msgspec.convert(answer, into, strict=False))
    except (msgspec.ValidationError, ValueError):
        return None


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_no_answer_makes_a_parser_raise_anything_but_value_error(name: str, data: st.DataObject) -> None:
    parsed(name, data.draw(ANSWERS[name]))


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_whatever_is_parsed_can_be_judged(data: st.DataObject) -> None:
    """A server that tells nonsense costs its facts, and never the report."""
    told = {name: parsed(name, data.draw(ANSWERS[name], label=name)) for name in PARSERS}
    known = {name: value for name, value in told.items() if value is not None}
    fields: dict[str, Any] = {
        name: reading(known[name])
        for name in ("permissions", "nodes", "inventory", "jobs", "storages")
        if name in known
    }
    for name in ("storage_states", "vzdump_defaults", "tasks"):
        if name in known:
            fields[name] = {"pve1": reading(known[name])}
    if "pool" in known:
        fields["pool_lookups"] = {job.pool: reading(known["pool"]) for job in known.get("jobs", ()) if job.pool}
    if "included" in known:
        fields["included"] = {job.id: reading(OracleAnswer(known["included"])) for job in known.get("jobs", ())}
    if "not_backed_up" in known:
        fields["not_backed_up"] = reading(OracleAnswer(known["not_backed_up"]))
    if "config" in known:
        fields["configs"] = {100: known["config"]}
    report = analyse(facts(ClusterFacts("lab", NOW, True, **fields)), Policy(), NOW)
    vmids = [guest.guest.vmid for guest in report.guests]
    assert vmids == sorted(set(vmids))
    assert sum(number for _, number in report.summary.coverage) == len(vmids)
