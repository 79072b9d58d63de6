"""The part of section 12 on the jobs of the backup servers: prune, verify, sync and garbage collection."""

from __future__ import annotations

from collections.abc import Callable

from report.backups import PbsJob
from report.model.guests import Protection
from report.model.jobs import JobState
from report.model.report import Report
from report.model.servers import PbsJobReport
from report.rows.servers import run_in_words
from report.rows.shared import Reader
from report.sections import Row, Section
from report.words import (
    all_seen,
    describe_keep,
    describe_pbs_job_type,
    describe_place,
    format_instant,
    join_known,
    plural,
    printable,
    schedule_in_words,
    zone_name,
)

_MARKS = {"ok": JobState.ACTIVE, "running": JobState.ACTIVE, "warning": Protection.AT_RISK, "error": JobState.BROKEN}


def pbs_jobs(report: Report, reader: Reader) -> Section:
    """Given a report, return the jobs of section 12: prune, verify, sync and garbage collection, with schedule, last and next run (H8)."""
    return Section(
        key="pbs_jobs",
        number=12,
        title=reader.word("section.pbs_jobs"),
        sentences=(reader.word("pbs_jobs.zone", zone=zone_name(reader.zone)),) if report.pbs_jobs else (),
        columns=reader.columns(
            ("kind", 1.7),
            ("job", 2),
            ("datastore", 2.3),
            ("does", 3.4),
            ("schedule", 2.8),
            ("last_run", 3.2),
            ("next_run", 2),
        ),
        rows=tuple(_job_row(job, reader) for job in report.pbs_jobs),
        empty=reader.word("pbs_jobs.none" if all_seen(report) else "pbs_jobs.none_visible"),
        landscape=True,
    )


def _job_row(report: PbsJobReport, reader: Reader) -> Row:
    job, language = report.job, reader.language
    runs = not job.disabled and bool(job.schedule)
    return Row(
        cells=(
            describe_pbs_job_type(job.job_type, language),
            printable(job.id),
            _reach(job, reader),
            _does(job, reader),
            reader.word("pbs_job.disabled") if job.disabled else schedule_in_words(job.schedule, language),
            run_in_words(report.last_run, job.last_run_at, job.last_run_state, reader),
            format_instant(report.next_run_at, reader.zone, language) if runs else reader.word("none"),
        ),
        state=JobState.PAUSED if job.disabled else _MARKS.get(report.last_run or "", JobState.UNKNOWN),
        anchor=f"pbs-job-{report.server}-{job.job_type}-{job.id}",
        group=printable(report.server),
    )


def _reach(job: PbsJob, reader: Reader) -> str:
    """Say where a job works: datastore, namespace, and how deep where that is limited (H10)."""
    place = describe_place(job.datastore, job.namespace)
    if job.max_depth is None or job.job_type == "gc":
        return place
    if job.max_depth == 0:
        return reader.word("depth.here", place=place)
    return reader.word("depth.levels", place=place, count=plural("levels", job.max_depth, reader.language))


def _does(job: PbsJob, reader: Reader) -> str:
    """Say what a job does, as far as its type lets it be told (H9)."""
    describe: dict[str, Callable[[PbsJob, Reader], str]] = {"prune": _prune, "verify": _verify, "sync": _sync}
    return describe[job.job_type](job, reader) if job.job_type in describe else reader.word("none")


def _prune(job: PbsJob, reader: Reader) -> str:
    return describe_keep(job.keep, reader.language)


def _verify(job: PbsJob, reader: Reader) -> str:
    if job.ignore_verified is False:
        return reader.word("verify.every_time")
    if job.outdated_after_days:
        return reader.word("verify.again", days=plural("days", job.outdated_after_days, reader.language))
    return reader.word("verify.once")


def _sync(job: PbsJob, reader: Reader) -> str:
    place = describe_place(job.remote_store or "?", job.remote_namespace or "")
    server = job.remote or reader.word("sync.local")
    other = reader.word("place", server=server, place=place)
    direction = reader.word("sync.push" if job.direction == "push" else "sync.pull", source=other)
    vanished = reader.word("sync.remove_vanished") if job.remove_vanished else ""
    return join_known((direction, ", ".join(map(printable, job.group_filter)), vanished), reader.language)
