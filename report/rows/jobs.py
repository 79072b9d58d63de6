"""Sections 11 and 12: the backup jobs and the storages of PVE."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from report.drift import MISSING, Drift
from report.facts import StorageState
from report.findings import FindingCode
from report.model.jobs import JobReport, JobState, LastRun, StorageReport
from report.model.report import Report
from report.rows.shared import Reader, has_servers, job_anchor
from report.sections import Row, Section
from report.words import (
    capitalise,
    clusters_seen,
    describe_finding,
    describe_finding_remedy,
    describe_job_reason,
    describe_job_state,
    describe_keep,
    enumerate_words,
    format_bytes,
    format_duration,
    format_instant,
    format_number,
    format_ratio,
    join_known,
    join_phrases,
    plural,
    printable,
    schedule_in_words,
    word_or,
    zone_name,
)


def all_jobs(report: Report, reader: Reader) -> Section:
    """Given a report, return section 11: each job's schedule in words, next run, guests, retention, state and why, last run."""
    storages = {(storage.pve, storage.storage): storage for storage in report.storages}
    return Section(
        key="jobs",
        number=11,
        title=reader.word("section.jobs"),
        sentences=(reader.word("jobs.zone", zone=zone_name(reader.zone)),) if report.jobs else (),
        columns=reader.columns(
            ("job", 2.3),
            ("state_and_reason", 4.5),
            ("schedule", 3),
            ("next_run", 2),
            ("guests>", 1),
            ("storage", 1.7),
            ("retention", 2.7),
            ("last_run", 2.6),
        ),
        rows=tuple(_job_row(job, storages, reader) for job in report.jobs),
        empty=reader.word(_no_job(report)),
        landscape=True,
    )


def _no_job(report: Report) -> str:
    """Given a report without a job, return the key of the sentence that is true then."""
    if report.is_cut:
        return "jobs.none_in_scope"
    return "jobs.none" if clusters_seen(report) else "jobs.none_visible"


def _job_row(job: JobReport, storages: Mapping[tuple[str, str], StorageReport], reader: Reader) -> Row:
    runs = job.state in (JobState.ACTIVE, JobState.UNKNOWN)
    return Row(
        cells=(
            printable(job.job.id),
            _state_and_reason(job, reader),
            schedule_in_words(job.job.schedule, reader.language),
            format_instant(job.next_run_at, reader.zone, reader.language) if runs else reader.word("none"),
            format_number(len(job.guests), reader.language),
            printable(job.storage) if job.storage else reader.word("unknown"),
            _retention(job, storages, reader),
            _runs(job, reader),
        ),
        state=job.state,
        anchor=job_anchor(job.pve, job.job.id),
        group=printable(job.pve),
    )


def _state_and_reason(job: JobReport, reader: Reader) -> str:
    """Say the state, then why; a reason that only repeats the state's word is left out."""
    state = describe_job_state(job.state, reader.language)
    phrases = [describe_job_reason(reason, reader.language, reader.zone) for reason in job.reasons]
    told = join_phrases((phrase for phrase in phrases if phrase != state), reader.language)
    return reader.word("with_reason", state=state, reason=told) if told else state


def _retention(job: JobReport, storages: Mapping[tuple[str, str], StorageReport], reader: Reader) -> str:
    """Say what the job keeps: its own options, else its storage's, else what vzdump.conf of the node says (E1)."""
    if job.job.keep is not None:
        return describe_keep(job.job.keep, reader.language)
    storage = None if job.job.dumpdir else storages.get((job.pve, job.storage or ""))
    if storage and storage.definition and storage.definition.keep is not None:
        return reader.word("retention.from_storage", keep=describe_keep(storage.definition.keep, reader.language))
    return reader.word("retention.default")


def _runs(job: JobReport, reader: Reader) -> str:
    """Say how the last run ended, and how many never happened."""
    missed = plural("missed_runs", job.missed_runs, reader.language) if job.missed_runs else ""
    return join_known((_last_run(job.last_run, reader), missed), reader.language)


def _last_run(run: LastRun | None, reader: Reader) -> str:
    if run is None:
        return reader.word("unknown")
    state = word_or(f"last_run.{run.state}", run.state, reader.language)
    instant = format_instant(run.started_at, reader.zone, reader.language)
    if run.duration_seconds is None:
        text = reader.word("last_run", state=state, instant=instant)
    else:
        took = format_duration(run.duration_seconds, reader.language)
        text = reader.word("last_run.duration", state=state, instant=instant, duration=took)
    return text if run.state == "ok" else reader.word("last_run.status", run=text, status=run.status)


def all_storages(report: Report, reader: Reader) -> Section:
    """Given a report, return section 12: each storage with its usage, once if it is shared, else once for each node."""
    return Section(
        key="storages",
        number=12,
        title=reader.word("section.storages"),
        sentences=tuple(_shared_namespaces(report, reader)),
        columns=reader.columns(
            ("storage", 2.5),
            ("type", 1.3),
            ("node", 2),
            ("state", 1.5),
            ("takes_backups", 1.5),
            ("used>", 1.5),
            ("size>", 1.5),
            ("usage>", 1.2),
        ),
        rows=tuple(row for storage in report.storages for row in _storage_rows(storage, reader)),
        empty=reader.word("storages.none" if clusters_seen(report) else "storages.none_visible"),
        # wide like the sections on backup servers that follow, so that it needs no page of its own
        landscape=has_servers(report),
    )


def _shared_namespaces(report: Report, reader: Reader) -> Iterator[str]:
    """Yield each namespace that several clusters write to (D14), and what to do."""
    for found in (each.finding for each in report.findings if each.finding.code is FindingCode.NAMESPACE_SHARED):
        meaning = describe_finding(found, reader.language, reader.zone, report.created_at)
        remedy = describe_finding_remedy(found, reader.language, 0)
        yield reader.word("quoted_remedy", meaning=capitalise(meaning), remedy=remedy)


def drift(report: Report, reader: Reader) -> Iterator[Section]:
    """Given a report, yield the part of section 12 that compares PVE with the file of storages; nothing where none is configured."""
    declared = report.policy.declared
    if declared is None:
        return
    compared = {(storage.pve, storage.storage): storage for storage in report.storages if storage.drift is not None}
    unknown = [entry for entry in declared if (entry.cluster, entry.name) not in compared]
    names = enumerate_words([printable(f"{entry.cluster}/{entry.name}") for entry in unknown], reader.language)
    yield Section(
        key="drift",
        number=12,
        title=reader.word("section.drift"),
        sentences=(reader.word("drift.not_compared", entries=names),) if unknown else (),
        columns=reader.columns(("storage", 2), ("option", 1.5), ("in_file", 4), ("in_pve", 4)),
        rows=tuple(_drift_row(one, reader) for storage in compared.values() for one in storage.drift or ()),
        empty="" if unknown else reader.word("drift.none"),
        landscape=has_servers(report),
    )


def _drift_row(one: Drift, reader: Reader) -> Row:
    missing = one.field == MISSING
    wanted = reader.word("yes") if missing else printable(one.wanted) or reader.word("not_set")
    found = reader.word("drift.missing") if missing else printable(one.found) or reader.word("not_set")
    cells = (printable(one.entry), reader.word("none") if missing else one.field, wanted, found)
    return Row(cells, state=JobState.BROKEN, group=printable(one.cluster))


def _storage_rows(storage: StorageReport, reader: Reader) -> Iterator[Row]:
    if not storage.states:
        yield _storage_row(storage, None, reader.word("unknown"), reader)
    elif storage.states[0].shared:
        # one node's word is enough for a shared storage; an active one knows the usage (D2)
        state = max(storage.states, key=lambda state: (state.active, state.total_bytes is not None))
        yield _storage_row(storage, state, reader.word("shared"), reader)
    else:
        for state in storage.states:
            yield _storage_row(storage, state, printable(state.node), reader)


def _storage_row(storage: StorageReport, state: StorageState | None, node: str, reader: Reader) -> Row:
    definition, language = storage.definition, reader.language
    disabled = (definition is not None and definition.disabled) or (state is not None and not state.enabled)
    kind = "disabled" if disabled else "unknown" if state is None else "active" if state.active else "inactive"
    if not storage.exists:
        kind = "missing"
    marks = {
        "disabled": JobState.PAUSED,
        "unknown": JobState.UNKNOWN,
        "active": JobState.ACTIVE,
        "inactive": JobState.BROKEN,
        "missing": JobState.BROKEN,
    }
    takes = "unknown" if definition is None else "yes" if "backup" in definition.content else "no"
    name = printable(storage.storage)
    if storage.description:
        name = reader.word("with_reason", state=name, reason=printable(storage.description))
    known = state is not None and state.active
    used, total = (state.used_bytes, state.total_bytes) if state is not None and known else (None, None)
    return Row(
        cells=(
            name,
            printable(storage.storage_type),
            node,
            reader.word(f"storage.{kind}"),
            reader.word(takes),
            format_bytes(used, language),
            format_bytes(total, language),
            format_ratio(used / total, language) if used is not None and total else reader.word("unknown"),
        ),
        state=marks[kind],
        anchor=f"storage-{storage.pve}-{storage.storage}-{state.node if state else ''}",
        group=printable(storage.pve),
    )
