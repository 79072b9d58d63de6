"""Backup jobs and the two calls in which PVE itself says what they select (B1, B3, B11-B13)."""

from __future__ import annotations

import hashlib
from zoneinfo import ZoneInfo

from simulator.answers import Answer, bad_parameters, success
from simulator.calendar_events import EventError, following, parse
from simulator.model import Cluster, Properties
from simulator.pve.call import Call, Row
from simulator.selection import not_backed_up, selected_vmids
from simulator.volumes import volumes


def jobs(call: Call) -> Answer:
    """All jobs, each of jobs.cfg with its next run from now on, disabled ones too (B3)."""
    return success([_with_next_run(job, call) for job in call.cluster.jobs])


def _with_next_run(job: Properties, call: Call) -> Row:
    if "type" not in job:
        return dict(job)
    try:
        event = parse(str(job.get("schedule", "")))
    except EventError:
        return dict(job)
    instant = following(event, call.now, ZoneInfo(call.cluster.zone))
    return dict(job) if instant is None else {**job, "next-run": instant}


def job(call: Call) -> Answer:
    return success(_find(call))


def _find(call: Call) -> Properties:
    identity = call.parameters["id"]
    for one in call.cluster.jobs:
        if one["id"] == identity:
            return one
    raise bad_parameters({"id": f"No such job '{identity}'"})


def included_volumes(call: Call) -> Answer:
    """The guests a job selects now with what is saved of each, of those the caller may see (B13)."""
    rows = [
        included_guest(call.cluster, vmid)
        for vmid in selected_vmids(_find(call), call.cluster)
        if call.permissions.sees_guest(vmid)
    ]
    return success({"children": rows})


def included_guest(cluster: Cluster, vmid: int) -> Row:
    """A selected guest with its volumes; an id without guest is `unknown` (B13, M1)."""
    guest = cluster.guests.get(vmid)
    if guest is None:
        return {"id": vmid, "type": "unknown", "leaf": 1}
    children = [
        {
            "id": f"{vmid}:{volume.key}",
            "name": volume.name,
            "included": int(volume.included),
            "reason": volume.reason.replace("OVMF", "OMVF") if cluster.release < (9, 1) else volume.reason,
            "leaf": 1,
        }
        for volume in volumes(guest)
    ]
    return {
        "id": vmid,
        "type": guest.kind,
        "name": guest.configured_name,
        "children": children,
        "leaf": int(not children),
    }


def guests_not_backed_up(call: Call) -> Answer:
    """The guests without any job, of those the caller may see (B11)."""
    visible = [vmid for vmid in call.cluster.guests if call.permissions.sees_guest(vmid)]
    rows = []
    for vmid in not_backed_up(call.cluster, visible):
        guest = call.cluster.guests[vmid]
        row: Row = {"vmid": vmid, "type": guest.kind}
        if guest.configured_name is not None:
            row["name"] = guest.configured_name
        rows.append(row)
    return success(rows)


def config_digest(properties: Properties) -> str:
    """A digest that changes with the configuration."""
    return hashlib.sha1(repr(sorted(properties.items())).encode(), usedforsecurity=False).hexdigest()
