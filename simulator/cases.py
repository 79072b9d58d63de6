"""A model from one case of the recorded selection table, so that its clusters can be served too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulator.model import Cluster, Guest, Node, Pool, Storage
from simulator.scenario.access import make_access, make_tokens


def read_case(reference: str) -> Cluster:
    """Given `FILE#ID`, return that case's cluster; raises ValueError if the file has no such case."""
    file, _, identity = reference.rpartition("#")
    for case in json.loads(Path(file).read_text())["cases"]:
        if str(case["id"]) == identity:
            return cluster_from_case(case)
    raise ValueError(f"{file} has no case {identity!r}")


def cluster_from_case(case: Mapping[str, Any], zone: str = "UTC") -> Cluster:
    """Given a case (guests, pools, jobs, and the recorded `included` for the disks), return its cluster."""
    disks = _recorded_disks(case)
    guests = {row["vmid"]: _guest(row, disks.get(str(row["vmid"]), {})) for row in case["guests"]}
    names = sorted({"pve1", "pve2", "pve3"} | {guest.node for guest in guests.values()})
    stores = sorted({str(job["storage"]) for job in case["jobs"] if "storage" in job})
    return Cluster(
        name=f"case{case['id']}",
        release=(9, 1),
        zone=zone,
        nodes=tuple(Node(name, number, f"192.0.2.{number}") for number, name in enumerate(names, 1)),
        guests=guests,
        pools={name: Pool(name, vmids=tuple(vmids)) for name, vmids in case["pools"].items()},
        storages={name: Storage(name, {"type": "nfs", "content": "backup"}) for name in stores},
        jobs=tuple(case["jobs"]),
        access=make_access(),
        tokens=make_tokens(case["id"]),
    )


def _recorded_disks(case: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for answer in case["included"].values():
        for vmid, guest in answer.get("guests", {}).items():
            found[vmid] = guest["volumes"]
    return found


def _guest(row: Mapping[str, Any], disks: Mapping[str, int]) -> Guest:
    config: dict[str, Any] = {}
    if row["name"] is not None:
        config["name" if row["type"] == "qemu" else "hostname"] = row["name"]
    if row["template"]:
        config["template"] = 1
    for number, (key, included) in enumerate(disks.items()):
        config[key] = _disk(row["vmid"], row["type"], number, key, included)
    if disks.get("efidisk0"):
        config["bios"] = "ovmf"
    return Guest(row["vmid"], row["type"], row["node"], config)


def _disk(vmid: int, kind: str, number: int, key: str, included: int) -> str:
    """A line that the genuine code includes or not, as recorded."""
    text = f"local-lvm:vm-{vmid}-disk-{number},size=8G"
    if kind == "lxc" and key != "rootfs":
        return f"{text},mp=/srv/{key}" + (",backup=1" if included else "")
    firmware = key in {"efidisk0", "tpmstate0"}
    return text if included or firmware else f"{text},backup=0"
