"""Guests with their configurations: ordinary ones, and every kind of odd disk, name and note."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

from simulator.model import Guest
from simulator.scenario.names import NOTES, TAGS, guest_name
from simulator.scenario.wanted import Plan, Wanted
from simulator.volumes import volumes

# disks beside the first one, in turn; the case in rulebook section C or K that they are
MACHINE_DISKS: tuple[Mapping[str, Any], ...] = (
    {},
    {"scsi1": "{lvm}-disk-1,backup=0,size=500G"},  # C3, case 21
    {},
    {"ide2": "{lvm}-cloudinit,media=cdrom"},  # C2, case 23
    {"scsi1": "{lvm}-disk-1,backup=1,size=10G"},  # C3, case 22
    {
        "efidisk0": "{lvm}-disk-1,efitype=4m,pre-enrolled-keys=1,size=4M",
        "tpmstate0": "{lvm}-disk-2,size=4M,version=v2.0",
    },
    {"unused0": "{lvm}-disk-9"},  # C5, case 27
    {"bios": "ovmf", "efidisk0": "{lvm}-disk-1,efitype=4m,size=4M", "tpmstate0": "{lvm}-disk-2,size=4M,version=v2.0"},
    {},
    {"virtio1": "/dev/disk/by-id/ata-PASSTHROUGH,size=1000G", "ide2": "none,media=cdrom"},  # M2
    {"sata0": "{lvm}-disk-1,frobnicate=1,size=8G"},  # M2: PVE cannot parse it
)
CONTAINER_DISKS: tuple[Mapping[str, Any], ...] = (
    {},
    {"mp0": "{lvm}-disk-1,mp=/var/lib/postgresql,size=100G"},  # C6, case 26
    {"mp0": "{lvm}-disk-1,mp=/srv,backup=1,size=50G", "mp1": "/mnt/bind/data,mp=/data,backup=1"},
    {},
    {"mp0": "/dev/sdz1,mp=/dev-data"},
)
LEFT_BEHIND = 35
MISREAD_NOTE = "second print server\nvzcover: waive until=tomorrow reason=to be replaced"
LOCKS = {37: "backup", 53: "snapshot"}
HIGH_AVAILABILITY_EVERY = 23
# machines of the pool `prod` whose disks changed since their newest backup: what they have now, and what they had
CHANGED_DISKS: tuple[tuple[Mapping[str, Any], Mapping[str, Any]], ...] = (
    (
        {"scsi0": "{lvm}-disk-0,discard=on,iothread=1,size=64G"},
        {"scsi0": "{lvm}-disk-0,discard=on,iothread=1,size=32G"},
    ),
    ({"scsi1": "{lvm}-disk-1,size=20G"}, {"scsi1": None}),
)


def make_guests(wanted: Wanted, plan: Plan, random: Random) -> dict[int, Guest]:
    """Given the plan, return every guest by vmid in a mixed order, as genuine lists are."""
    vmids = [*plan.node_of]
    random.shuffle(vmids)
    numbers = {vmid: number for number, vmid in enumerate(sorted(plan.node_of))}
    guests = {vmid: _guest(wanted, plan, vmid, numbers[vmid]) for vmid in vmids}
    plain = [
        vmid
        for vmid in plan.ordinary
        if plan.pool_of.get(vmid) == "prod" and _only_disk(guests[vmid]) and "lock" not in guests[vmid].config
    ]
    for vmid, (now, before) in zip(plain[1:], CHANGED_DISKS, strict=False):
        guest, lvm = guests[vmid], f"local-lvm:vm-{vmid}"
        earlier = {key: text and str(text).format(lvm=lvm) for key, text in before.items()}
        present = {key: str(text).format(lvm=lvm) for key, text in now.items()}
        guests[vmid] = replace(guest, config={**guest.config, **present}, earlier=earlier)
    _trouble(guests, plan)
    return guests


def _trouble(guests: dict[int, Guest], plan: Plan) -> None:
    """One machine whose only disk nobody saves, and one whose notes mean to be a waiver."""
    bare = guests.get(plan.trouble.get("bare", 0))
    if bare is not None and bare.kind == "qemu" and "scsi0" in bare.config:
        config = {**bare.config, "scsi0": f"{bare.config['scsi0']},backup=0"}
        guests[bare.vmid] = replace(bare, config=config)
    noted = guests.get(plan.trouble.get("noted", 0))
    if noted is not None:
        guests[noted.vmid] = replace(noted, config={**noted.config, "description": MISREAD_NOTE})


def _only_disk(guest: Guest) -> bool:
    """Whether a machine has nothing but its first disk."""
    return [volume.key for volume in volumes(guest)] == ["scsi0"]


def _guest(wanted: Wanted, plan: Plan, vmid: int, number: int) -> Guest:
    template = vmid in plan.templates
    kind = "lxc" if number % 4 == 3 and not template else "qemu"
    config = _machine(wanted, vmid, number, template) if kind == "qemu" else _container(wanted, vmid, number)
    if number % 2 == 0:
        config["tags"] = ";".join(sorted({TAGS[number % len(TAGS)], TAGS[number * 7 % len(TAGS)]}))
    if number % 3 == 1:
        config["description"] = NOTES[number // 3 % len(NOTES)]
    lock = LOCKS.get(number % 1000)
    if lock and not template:
        config["lock"] = lock
    running = not template and number % 11 != 5
    return Guest(
        vmid=vmid,
        kind=kind,
        node=plan.node_of[vmid],
        config=config,
        status="running" if running else "stopped",
        hastate="started" if running and number % HIGH_AVAILABILITY_EVERY == 8 else None,
        processors=2 if kind == "qemu" else 1,
        memory=(2 if kind == "qemu" else 1) << 30,
        disk=(32 if kind == "qemu" else 8) << 30,
    )


def _name(number: int, template: bool) -> str:
    return f"tpl-{guest_name(number)}" if template else guest_name(number)


def _disks(rows: tuple[Mapping[str, Any], ...], number: int, vmid: int) -> dict[str, Any]:
    return {key: str(text).format(lvm=f"local-lvm:vm-{vmid}") for key, text in rows[number % len(rows)].items()}


def _machine(wanted: Wanted, vmid: int, number: int, template: bool) -> dict[str, Any]:
    created = wanted.now - 86_400 * (30 + number % 700)
    disk = f"local-lvm:{'base' if template else 'vm'}-{vmid}-disk-0,discard=on,iothread=1,size=32G"
    config: dict[str, Any] = {
        "name": _name(number, template),
        "agent": "1",
        "boot": "order=scsi0",
        "cores": 2,
        "memory": "2048",
        "meta": f"creation-qemu=9.0.2,ctime={created}",
        "net0": f"virtio=BC:24:11:{number >> 16 & 255:02X}:{number >> 8 & 255:02X}:{number & 255:02X},bridge=vmbr0",
        "onboot": 1,
        "ostype": "l26",
        "scsi0": disk,
        "scsihw": "virtio-scsi-single",
        "smbios1": f"uuid=00000000-0000-4000-8000-{vmid:012d}",
    }
    if template:
        return config | {"template": 1}
    if number % 29 == 17:
        del config["scsi0"]  # C8, case 28: a machine without disks
    return config | _disks(MACHINE_DISKS, number, vmid)


def _container(wanted: Wanted, vmid: int, number: int) -> dict[str, Any]:
    config: dict[str, Any] = {
        "arch": "amd64",
        "cores": 1,
        "hostname": _name(number, False),
        "memory": 1024,
        "net0": f"name=eth0,bridge=vmbr0,hwaddr=BC:24:12:00:{number >> 8 & 255:02X}:{number & 255:02X},ip=dhcp,type=veth",
        "onboot": 1,
        "ostype": "debian",
        "rootfs": f"local-lvm:vm-{vmid}-disk-0,size=8G",
        "swap": 512,
        "unprivileged": 1,
    }
    if number % 16 == 11:
        del config["hostname"]  # M3
    if number % 1000 == LEFT_BEHIND:
        config["parent"] = "vzdump"  # a backup's own snapshot that was not removed
    return config | _disks(CONTAINER_DISKS, number // 4, vmid)
