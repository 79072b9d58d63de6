"""`python -m tests.picture FILE`: page one of a made-up site's report as a small PNG, for the README; needs poppler's pdftoppm.

The report is the same each time; how its letters are smoothed is poppler's.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from PIL import Image

from report.findings import Finding, FindingCode
from report.model.guests import Coverage, GuestReport, Protection
from report.model.reasons import ReasonCode
from report.model.report import Change, ChangeKind, EstateFinding, Report
from report.model.sources import IssueCode
from report.pdf.render import render_pdf
from report.rows.paper import build_paper
from report.timeline import Counts, Forecast, TrendDay
from tests import builders as a

DAY = 86_400
ZONE = ZoneInfo("Europe/Paris")
DOTS_PER_INCH, COLOURS = 110, 256
LATE = a.NOW - 55 * 3600
_NEVER = Finding.of(FindingCode.NEVER_BACKED_UP)
_LATE = Finding.of(FindingCode.BACKUP_LATE, newest=LATE, due=LATE + DAY, limit_seconds=93_600, jobs="nightly")


def main(target: Path) -> None:
    """Draw the page there."""
    data = render_pdf(build_paper(report(), "en", ZONE, site="Rue de la Paix"))
    with tempfile.TemporaryDirectory(prefix="vzcover-picture-") as folder:
        path = Path(folder) / "paper.pdf"
        path.write_bytes(data)
        command = ["pdftoppm", "-r", str(DOTS_PER_INCH), "-f", "1", "-l", "1", "-png", str(path)]
        drawn = subprocess.run(command, check=True, capture_output=True).stdout
    Image.open(io.BytesIO(drawn)).quantize(COLOURS).save(target, optimize=True)


def report() -> Report:
    """Return the report of 51 guests: most are fine, four are not, one is waived."""
    return replace(
        a.report(
            [*map(_sound, range(100, 146)), *_others()],
            jobs=[a.job_report(guests=tuple(range(100, 146)))],
            sources=[a.source_report(), a.pbs_source()],
            groups=[a.group_report(vmid) for vmid in range(100, 146)],
            datastores=[
                a.datastore_report(
                    used_bytes=6_100_000_000_000, forecast=Forecast("history", a.NOW + 133 * DAY, 10**10, 90, 88)
                ),
                a.datastore_report("vault", server="pbs2", forecast=Forecast("history", None, 0, 90, 88)),
            ],
            issues=[
                a.issue(
                    IssueCode.PERMISSION_MISSING,
                    "pbs1",
                    "/system/tasks",
                    privilege="Sys.Audit",
                    path="/system/tasks",
                    hides="pbs_tasks",
                    token="mon@pbs!vzcover",
                )
            ],
            findings=[EstateFinding("lab", Finding.of(FindingCode.JOB_SELECTS_NOTHING, "weekly"))],
            changes=[
                Change(
                    ChangeKind.WORSE, "lab", 151, "erp-db", Protection.PROTECTED, Protection.AT_RISK, findings=(_LATE,)
                ),
                Change(ChangeKind.NEW, "lab", 149, "ci-runner-3", None, Protection.UNPROTECTED, findings=(_NEVER,)),
                Change(ChangeKind.BETTER, "lab", 117, "mail", Protection.AT_RISK, Protection.PROTECTED),
            ],
            compared_with=a.NOW - DAY,
            backups_read=True,
        ),
        trend=tuple(
            TrendDay(date(2026, 7, 24) + timedelta(day), _counts(day)) for day in range(90) if day not in (30, 31)
        ),
    )


def _counts(day: int) -> Counts:
    """Return the counts of a day: more guests each month, some late now and then, a bad week; the last day is today's."""
    demanded, bad = 46 + day // 22, 2 if 20 < day < 60 or day == 89 else 1
    risk = 8 if 44 < day < 50 else (89 - day) * 7 % 11 // 4 + (day == 89)
    unknown = int(day > 80)
    return Counts(
        demanded + 1,
        demanded,
        protected=demanded - bad - risk - unknown,
        at_risk=risk,
        unprotected=bad,
        unknown=unknown,
        waived=1,
        planned=demanded - bad,
        not_planned=bad,
    )


def _sound(vmid: int) -> GuestReport:
    return a.backed_up_guest(vmid, name=f"app-{vmid}", limit_seconds=93_600)


def _others() -> list[GuestReport]:
    active = a.reason(ReasonCode.IN_ACTIVE_JOB, jobs="nightly")
    late = a.backed_up_guest(
        151,
        name="erp-db",
        protection=Protection.AT_RISK,
        newest_backup_at=LATE,
        limit_seconds=93_600,
        findings=(_LATE,),
        reasons=(active,),
    )
    unread = a.backed_up_guest(
        152,
        name="archive",
        protection=Protection.UNKNOWN,
        newest_backup_at=None,
        reasons=(active, a.reason(ReasonCode.STORE_NOT_READ, storage="nas")),
    )
    template = a.guest_report(9000, name="debian-13", template=True, demanded=False, coverage=Coverage.NOT_PLANNED)
    return [_uncovered(149, "ci-runner-3"), _uncovered(150, "wiki-test"), late, unread, template]


def _uncovered(vmid: int, name: str) -> GuestReport:
    return a.guest_report(
        vmid,
        name=name,
        coverage=Coverage.NOT_PLANNED,
        protection=Protection.UNPROTECTED,
        reasons=(a.reason(ReasonCode.IN_NO_JOB),),
        findings=(_NEVER,),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
