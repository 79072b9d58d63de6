"""Backup jobs: ordinary ones that cover most guests, and the hard cases of rulebook section K (1-18)."""

from __future__ import annotations

import hashlib
from typing import Any

from simulator.model import Properties
from simulator.scenario.wanted import Plan, Wanted

REMOVED_VMID = 8999
HOURLY, WEEKLY, BIG = "backup-wiki", "weekly-to-nas", "backup-big"
LEGACY_DIGEST = hashlib.sha1(b"vzdump.cron", usedforsecurity=False).hexdigest()


def make_jobs(wanted: Wanted, plan: Plan) -> tuple[Properties, ...]:
    """Given the plan, return the jobs in the order of the API: those of vzdump.cron first (B1)."""
    return (*_legacy(wanted, plan), *_ordinary(wanted, plan), *_troubled(plan), *_hard(wanted, plan))


def _job(identity: str, schedule: str, **more: Any) -> dict[str, Any]:
    named = {key.replace("_", "-"): value for key, value in more.items()}
    return {"id": identity, "type": "vzdump", "enabled": 1, "schedule": schedule, **named}


def _ids(vmids: list[int]) -> str:
    return ",".join(str(vmid) for vmid in vmids)


def _legacy(wanted: Wanted, plan: Plan) -> list[Properties]:
    """Jobs of vzdump.cron: no type, no next run, `enabled` a string (M5); a disabled one is case 2."""
    lines: list[dict[str, Any]] = [
        {
            "enabled": "1",
            "schedule": "sat 02:00",
            "vmid": str(plan.ordinary[0]),
            "storage": "nas",
            "mode": "snapshot",
            "quiet": 1,
            "mailnotification": "always",
        },
        {
            "enabled": "",
            "schedule": "04:00",
            "vmid": str(plan.one("legacy-disabled", 1)),
            "storage": "local",
            "quiet": 1,
        },
    ]
    if wanted.release < (8, 0):
        lines.append(
            {"enabled": "1", "schedule": "sun 05:00", "vmid": str(plan.ordinary[-1]), "storage": "nas", "maxfiles": 3}
        )
    return [{"id": f"{LEGACY_DIGEST}:{number}", **line} for number, line in enumerate(lines, 1)]


def _ordinary(wanted: Wanted, plan: Plan) -> list[Properties]:
    last = wanted.node_names[-1]
    # what no pool job and no `all` job covers, with an id that was removed without purge (case 9)
    own = {plan.trouble.get(trouble) for trouble in ("hourly", "rebooted", "stuck")}
    listed = [
        vmid
        for vmid in plan.ordinary
        if vmid not in plan.pool_of and vmid not in own and not _on_all_node(wanted, plan, vmid)
    ]
    return [
        _job(
            "backup-prod",
            "21:00",
            pool="prod",
            exclude=str(plan.ordinary[0]),  # a pool job ignores it, case 5
            storage="pbs-main",
            mode="snapshot",
            notes_template="{{guestname}} on {{node}} ({{vmid}})",
            comment="Production, every evening → PBS",
            **({"fleecing": {"enabled": 1, "storage": "local-lvm"}} if wanted.release >= (8, 2) else {}),
        ),
        _job("backup-web", "mon..fri 22:30", pool=wanted.pool("prod/web"), storage="pbs-main", mode="snapshot"),
        _job("backup-db", "*/4:00", pool=wanted.pool("prod/db"), storage="pbs-main", mode="snapshot", repeat_missed=1),
        _job("backup-infra", "23:15", pool="infra", storage="nas", compress="zstd", prune_backups={"keep-last": "3"}),
        _job(
            "backup-list", "01:30", vmid=_ids([*listed, REMOVED_VMID]), storage="nas", compress="zstd", mode="snapshot"
        ),
        _all_job(wanted, plan, last),
    ]


def _on_all_node(wanted: Wanted, plan: Plan, vmid: int) -> bool:
    return wanted.nodes > 1 and plan.node_of[vmid] == wanted.node_names[-1]


def _all_job(wanted: Wanted, plan: Plan, last: str) -> dict[str, Any]:
    """All of the last node with its templates but one guest (cases 4, 8, 11); on a single node all but the hard ones."""
    kept_out = plan.hard.get("excluded", [])
    if wanted.nodes == 1:
        kept_out = sorted(vmid for vmids in plan.hard.values() for vmid in vmids)
    job = _job(
        f"backup-{last}-all",
        "02:00",
        all=1,
        storage="pbs-main",
        mode="snapshot",
        prune_backups={"keep-daily": "7", "keep-weekly": "4"},
    )
    if wanted.nodes > 1:
        job["node"] = last
    if kept_out:
        job["exclude"] = _ids(kept_out)
    return job


def _troubled(plan: Plan) -> list[Properties]:
    """One whose schedule does not mean what it seems to, one that failed last time, one whose backup does not end."""
    trouble = plan.trouble
    jobs: list[Properties] = []
    hourly = [trouble[one] for one in ("hourly", "rebooted") if one in trouble]
    if hourly:
        jobs.append(_job(HOURLY, "22", vmid=_ids(hourly), storage="pbs-main", mode="snapshot"))
    if "weekly" in trouble:
        # at the minute of the ordinary job, which goes on at once: only this storage falls behind
        jobs.append(_job(WEEKLY, "sun 00:00", vmid=str(trouble["weekly"]), storage="nas", compress="zstd"))
    if "stuck" in trouble:
        jobs.append(_job(BIG, "03:30", vmid=str(trouble["stuck"]), storage="nas", compress="zstd"))
    return jobs


def _hard(wanted: Wanted, plan: Plan) -> list[Properties]:
    daily = "daily"
    jobs: list[Properties] = [
        {**_job("paused", daily, vmid=str(plan.one("disabled-job", 2)), storage="nas"), "enabled": 0},
        _job("once-only", "2021-10-21 20:00", vmid=str(plan.one("past-schedule", 3)), storage="nas"),
        _job("to-disabled-storage", "22:45", vmid=str(plan.one("disabled-storage", 4)), storage="old-disk"),
        _job("to-iso-store", daily, vmid=str(plan.one("wrong-content", 5)), storage="iso-store"),
        _job("to-undefined-storage", "04:45", vmid=str(plan.one("undefined-storage", 6)), storage="gone-store"),
        _job("to-far-storage", daily, vmid=str(plan.one("restricted-storage", 7)), storage="far-dir"),
        _job("pool-and-vmid", daily, pool="moved", vmid=str(plan.one("pool-and-vmid", 8)), storage="nas"),
        _job("of-empty-pool", daily, pool="empty", storage="nas"),
        _job("without-storage", "sun 03:00", vmid=str(plan.ordinary[9 % len(plan.ordinary)]), mode="suspend"),
        _job("to-folder", "monthly", vmid=str(plan.ordinary[10 % len(plan.ordinary)]), dumpdir="/mnt/dump"),
        _job("on-gone-node", daily, all=1, node="pve99", storage="nas"),
    ]
    if wanted.missing_pool:
        jobs.append(_job("of-missing-pool", daily, pool="gone", storage="nas"))
    return jobs
