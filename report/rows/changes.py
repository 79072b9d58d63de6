"""Section 3: what changed since the Report before, on page one a few rows of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from report.model.report import Change, ChangeKind, Report
from report.rows.shared import Reader, guest_label, needing_attention, open_since, shortened
from report.sections import Row, Section
from report.words import (
    capitalise,
    describe_finding,
    describe_protection,
    describe_reason,
    format_date,
    format_duration,
    format_instant,
    join_phrases,
    plural,
    printable,
)

ROWS_AT_MOST = 4
"""On page one, which has to hold what is worst too."""

CAUSES_AT_MOST = 2
"""Told of a change there, where all changes are told elsewhere."""

_LOSSES = (ChangeKind.LOST, ChangeKind.WORSE, ChangeKind.UNCLEAR)


def changes_section(report: Report, reader: Reader) -> Section | None:
    """Given a report, return what changed since the one before, as page one has it; None where none is remembered."""
    if report.compared_with is None:
        return None
    shown, more = _losses_first(report)[:ROWS_AT_MOST], len(report.changes) > ROWS_AT_MOST
    section = _changes(report, shown, reader, "changes", CAUSES_AT_MOST if more else None)
    section = replace(section, sentences=(*section.sentences, *_still_open(report, report.compared_with, reader)))
    return shortened(section, ROWS_AT_MOST, "changes_all", reader, count=len(report.changes))


def all_changes(report: Report, reader: Reader) -> tuple[Section, ...]:
    """Given a report, return all that changed; nothing without any."""
    if report.compared_with is None or not report.changes:
        return ()
    return (_changes(report, _losses_first(report), reader, "changes_all"),)


def _still_open(report: Report, before: int, reader: Reader) -> Iterator[str]:
    """Yield how many guests have a warning that the report before had too, and which has it for longest; nothing without any."""
    opened = [(since, guest) for guest in needing_attention(report) if (since := open_since(guest)) and since <= before]
    if not opened:
        return
    since, guest = min(opened, key=lambda each: each[0])
    yield plural(
        "changes.open",
        len(opened),
        reader.language,
        guest=guest_label(guest),
        date=format_date(since, reader.zone, reader.language),
        age=format_duration(report.created_at - since, reader.language),
    )


def _losses_first(report: Report) -> Sequence[Change]:
    return sorted(report.changes, key=lambda change: change.kind not in _LOSSES)


def _changes(report: Report, shown: Sequence[Change], reader: Reader, key: str, causes: int | None = None) -> Section:
    since = format_instant(report.compared_with, reader.zone, reader.language)
    counts = Counter(change.kind in _LOSSES for change in report.changes)
    sentence = reader.word("changes.since", since=since, lost=counts[True], other=counts[False])
    return Section(
        key=key,
        number=3,
        title=reader.word(f"section.{key}"),
        sentences=(sentence,) if report.changes else (),
        columns=reader.columns(("guest", 3), ("change", 3), ("reason", 6)),
        rows=tuple(_change(change, report, reader, causes) for change in shown),
        empty=reader.word("changes.none", since=since),
    )


def _change(change: Change, report: Report, reader: Reader, causes: int | None) -> Row:
    """Given a change and how many of its causes are told (None: all), return its row."""
    label = f"{change.pve}/{change.vmid} {printable(change.name)}" if change.name else f"{change.pve}/{change.vmid}"
    known = dict.fromkeys(state for state in (change.before, change.after) if state)
    states = [describe_protection(state, reader.language) for state in known]
    phrases = [describe_reason(cause, reader.language, reader.zone) for cause in change.causes]
    phrases += [
        describe_finding(finding, reader.language, reader.zone, report.created_at) for finding in change.findings
    ]
    more = 0 if causes is None else len(phrases) - causes
    phrases = [*phrases[:causes], plural("reasons.more", more, reader.language)] if more > 0 else phrases
    return Row(
        cells=(
            label,
            reader.word(f"change.{change.kind}", states=" → ".join(states)),
            capitalise(join_phrases(phrases, reader.language)),
        ),
        state=change.after or "",
        link="" if change.kind is ChangeKind.GONE else f"guest-{change.pve}-{change.vmid}",
    )
