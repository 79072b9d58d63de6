"""Sections 6 and 12: the datastores of the backup servers, how full they are, and the jobs that work on them."""

from __future__ import annotations

from report.backups import GarbageCollection
from report.model.jobs import JobState
from report.model.report import Report
from report.model.servers import DatastoreReport
from report.rows.shared import Reader, datastore_anchor, shortened
from report.sections import Gauge, Row, Section
from report.words import (
    all_seen,
    capitalise,
    describe_datastore_state,
    describe_forecast,
    describe_last_run,
    format_bytes,
    format_instant,
    format_number,
    format_ratio,
    join_known,
    printable,
)

LINES_AT_MOST = 8


def capacity(report: Report, reader: Reader) -> Section:
    """Given a report, return section 6: a line a datastore, those without figures first, then the fullest, with the estimate (H13)."""
    ordered = sorted(report.datastores, key=_fullest_first)
    section = Section(
        key="capacity",
        number=6,
        title=reader.word("section.capacity"),
        columns=reader.columns(("datastore", 2.5), ("used", 3), ("bar", 1.5), ("full_on", 4)),
        rows=tuple(_capacity_row(store, reader) for store in ordered[:LINES_AT_MOST]),
        empty=reader.word(_no_datastore(report)),
    )
    return shortened(section, LINES_AT_MOST, "datastores", reader, count=len(ordered))


def _fullest_first(report: DatastoreReport) -> tuple[bool, float, str, str]:
    ratio = _ratio(report)
    return ratio is not None, -(ratio or 0.0), report.server, report.datastore.name


def _capacity_row(report: DatastoreReport, reader: Reader) -> Row:
    store, ratio = report.datastore, _ratio(report)
    used = reader.word("unknown")
    if ratio is not None:
        used = reader.word(
            "capacity.used",
            used=format_bytes(store.used_bytes, reader.language),
            total=format_bytes(store.total_bytes, reader.language),
        )
    if report.state != "online":
        used = join_known((_state(report, reader), used if ratio is not None else ""), reader.language)
    full = describe_forecast(report.forecast, reader.zone, reader.language)
    place = reader.word("place", server=report.server, place=store.name)
    return Row(
        cells=(place, capitalise(used), _percent(ratio, reader), capitalise(full)),
        # a full datastore may well be online: a mark of good beside 99 % would mislead
        state="" if report.state == "online" else _mark(report),
        link=datastore_anchor(report.server, store.name),
        drawings=_gauge(2, ratio),
    )


def _percent(ratio: float | None, reader: Reader) -> str:
    return reader.word("unknown") if ratio is None else format_ratio(ratio, reader.language)


def _gauge(place: int, ratio: float | None) -> tuple[tuple[int, Gauge], ...]:
    return () if ratio is None else ((place, Gauge(min(1.0, max(0.0, ratio)))),)


def datastores(report: Report, reader: Reader) -> Section:
    """Given a report, return the datastores of section 12: state, usage, deduplication, garbage collection (H11, H12)."""
    unfinished = any(group.unfinished for group in report.groups)
    return Section(
        key="datastores",
        number=12,
        title=reader.word("section.datastores"),
        sentences=(reader.word("datastores.unfinished"),) if unfinished else (),
        columns=reader.columns(
            ("datastore", 2),
            ("state", 2.6),
            ("used>", 1.3),
            ("size>", 1.3),
            ("bar", 1.5),
            ("full_on", 2.4),
            ("deduplication>", 1.6),
            ("pending>", 1.5),
            ("garbage_collection", 3),
            ("groups>", 1.2),
            ("all_versions>", 1.2),
        ),
        rows=tuple(_datastore_row(store, reader) for store in report.datastores),
        empty=reader.word(_no_datastore(report)),
        landscape=True,
    )


def _datastore_row(report: DatastoreReport, reader: Reader) -> Row:
    language, store, collection = reader.language, report.datastore, report.garbage_collection
    ratio, deduplication = _ratio(report), report.deduplication_ratio
    unknown = reader.word("unknown")
    return Row(
        cells=(
            printable(store.name),
            _state(report, reader),
            unknown if ratio is None else format_bytes(store.used_bytes, language),
            unknown if ratio is None else format_bytes(store.total_bytes, language),
            _percent(ratio, reader),
            describe_forecast(report.forecast, reader.zone, language),
            unknown if deduplication is None else format_number(round(deduplication, 1), language),
            format_bytes(collection.pending_bytes if collection else None, language),
            _collection(collection, reader),
            unknown if report.groups is None else format_number(report.groups, language),
            unknown if report.snapshots is None else format_number(report.snapshots, language),
        ),
        state=_mark(report),
        anchor=datastore_anchor(report.server, store.name),
        group=printable(report.server),
        drawings=_gauge(4, ratio),
    )


def _ratio(report: DatastoreReport) -> float | None:
    """Return how full a datastore is; a total of 0 means that it was not told, not that it is full."""
    used, total = report.datastore.used_bytes, report.datastore.total_bytes
    return used / total if used is not None and total else None


def _state(report: DatastoreReport, reader: Reader) -> str:
    detail = {"maintenance": report.datastore.maintenance, "error": report.datastore.error}.get(report.state)
    return describe_datastore_state(report.state, detail, reader.language)


def _mark(report: DatastoreReport) -> str:
    marks = {"online": JobState.ACTIVE, "maintenance": JobState.PAUSED, "unmounted": JobState.PAUSED}
    return marks.get(report.state, JobState.BROKEN)


def _collection(collection: GarbageCollection | None, reader: Reader) -> str:
    """Say how the last garbage collection ended and when, and whether it met corrupt chunks; one that has left figures did run (H11)."""
    if collection is None:
        return reader.word("unknown")
    if collection.last_run_at is None and collection.last_run_state is None:
        return describe_last_run("never" if collection.index_data_bytes is None else "running", reader.language)
    state, text = _result(collection.last_run_state), collection.last_run_state
    corrupt = reader.word("gc.corrupt", count=format_number(collection.still_bad or 0, reader.language))
    run = run_in_words(state, collection.last_run_at, text, reader)
    return join_known((run, corrupt if collection.still_bad else ""), reader.language)


def _result(text: str | None) -> str | None:
    """Read a task's end as PBS writes it (H8)."""
    if text is None or text == "unknown":
        return None
    return "ok" if text == "OK" else "warning" if text.startswith("WARNINGS") else "error"


def run_in_words(state: str | None, at: int | None, text: str | None, reader: Reader) -> str:
    """Given how a run of a PBS ended (None: not told), when (epoch) and with which text, return it in words."""
    shown = describe_last_run(state, reader.language)
    if at is not None:
        shown = reader.word("last_run", state=shown, instant=format_instant(at, reader.zone, reader.language))
    return reader.word("last_run.status", run=shown, status=text) if state in ("warning", "error") and text else shown


def _no_datastore(report: Report) -> str:
    return "datastores.none" if all_seen(report) else "datastores.none_visible"
