"""A made-up report of so many guests, with all that a paper can show of them; and `python -m bench.papers GUESTS FOLDER`: that report drawn
in a process of its own, its costs as JSON, and left in the folder as PDF and HTML.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bench.process import Costs, measured
from report.findings import Finding, FindingCode
from report.html.page import render_html
from report.model.guests import Coverage, GuestReport, Protection, UsableBackup
from report.model.reasons import Reason, ReasonCode
from report.model.report import Report
from report.pdf.render import render_pdf
from report.restores import pbs_volume
from report.rows.paper import build_paper
from report.timeline import STRIP_DAYS, DayState
from tests import builders as a

DAY = 86_400
GIGA = 10**9
NODES, PER_POOL = 20, 250
ROLES = ("web-frontend", "db", "mail-relay", "build-agent", "files", "monitoring")
ZONE = ZoneInfo("Europe/Paris")


def report_of(guests: int) -> Report:
    """Given how many guests, return the report of them: one in twenty is late, one in fifty in no job, each with 28 days."""
    judged = [_guest(number) for number in range(guests)]
    groups = [a.group_report(100 + number) for number in range(guests) if number % 50 != 7]
    return a.report(
        judged,
        jobs=[a.job_report(guests=tuple(range(100, 100 + guests)))],
        storages=[a.storage_report()],
        sources=[a.source_report(), a.pbs_source()],
        groups=groups,
        datastores=[a.datastore_report(groups=len(groups), snapshots=7 * len(groups))],
        pbs_jobs=[a.pbs_job_report()],
        backups_read=True,
    )


def _guest(number: int) -> GuestReport:
    vmid = 100 + number
    fields: dict[str, Any] = {
        "name": f"{ROLES[number % len(ROLES)]}-{number:05d}",
        "node": f"pve{number % NODES + 1}",
        "pool": f"team-{number // PER_POOL:02d}",
        "guest_type": "lxc" if number % 3 == 0 else "qemu",
    }
    if number % 50 == 7:
        return a.guest_report(
            vmid,
            **fields,
            coverage=Coverage.NOT_PLANNED,
            protection=Protection.UNPROTECTED,
            reasons=(Reason.of(ReasonCode.IN_NO_JOB),),
            findings=(Finding.of(FindingCode.NEVER_BACKED_UP),),
            days=(DayState.NONE_EXPECTED,) * STRIP_DAYS,
        )
    late = number % 20 == 3
    newest = a.NOW - (55 if late else 7) * 3600 - number % 3600
    days = [DayState.BACKUP] * STRIP_DAYS
    days[number % STRIP_DAYS] = DayState.FAILED
    if late:
        days[-2:] = [DayState.MISSED] * 2
    finding = Finding.of(FindingCode.BACKUP_LATE, newest=newest, due=newest + DAY, limit_seconds=93_600, jobs="nightly")
    name = str(vmid)
    return a.backed_up_guest(
        vmid,
        **fields,
        newest_backup_at=newest,
        limit_seconds=93_600,
        protection=Protection.AT_RISK if late else Protection.PROTECTED,
        findings=(finding,) if late else (),
        days=tuple(days),
        usable=UsableBackup(
            "pbs1",
            "main",
            "",
            "vm",
            name,
            newest,
            volume=pbs_volume("pbs", "vm", name, newest),
            size_bytes=32 * GIGA + number,
        ),
    )


def main(guests: int, folder: Path) -> None:
    """Draw it as PDF, and write the HTML of the same paper; print what each cost."""
    costs: Costs = {}
    report = report_of(guests)
    pdf = measured(costs, "PDF", lambda: render_pdf(build_paper(report, "en", ZONE)))
    paper = build_paper(report, "en", ZONE)
    html = measured(costs, "HTML", lambda: render_html(paper)).encode()
    for name, made in (("pdf", pdf), ("html", html)):
        (folder / f"paper.{name}").write_bytes(made)
        costs[name.upper()]["bytes"] = len(made)
    json.dump(costs, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
