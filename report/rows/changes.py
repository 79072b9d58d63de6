"""Section 3: what changed since the Report before."""

from __future__ import annotations

from collections import Counter

from report.model import Change, ChangeKind, Report
from report.rows.shared import Reader
from report.sections import Row, Section
from report.words import (
    capitalise,
    describe_finding,
    describe_protection,
    describe_reason,
    format_instant,
    join_phrases,
    printable,
)

_LOSSES = (ChangeKind.LOST, ChangeKind.WORSE, ChangeKind.UNCLEAR)


def changes_section(report: Report, reader: Reader, at_most: int) -> Section | None:
    """Given a report and how many rows page one has room for, return what changed since the one before; None where none is remembered."""
    if report.compared_with is None:
        return None
    shown = report.changes[:at_most]
    since = format_instant(report.compared_with, reader.zone, reader.language)
    counts = Counter(change.kind in _LOSSES for change in report.changes)
    sentence = reader.word("changes.since", since=since, lost=counts[True], other=counts[False])
    return Section(
        key="changes",
        number=3,
        title=reader.word("section.changes"),
        sentences=(sentence,) if report.changes else (),
        columns=reader.columns(("guest", 3), ("change", 3), ("reason", 6)),
        rows=tuple(_change(change, report, reader) for change in shown),
        empty=reader.word("changes.none", since=since),
    )


def _change(change: Change, report: Report, reader: Reader) -> Row:
    label = f"{change.pve}/{change.vmid} {printable(change.name)}" if change.name else f"{change.pve}/{change.vmid}"
    known = dict.fromkeys(state for state in (change.before, change.after) if state)
    states = [describe_protection(state, reader.language) for state in known]
    phrases = [describe_reason(cause, reader.language, reader.zone) for cause in change.causes]
    phrases += [
        describe_finding(finding, reader.language, reader.zone, report.created_at) for finding in change.findings
    ]
    return Row(
        cells=(
            label,
            reader.word(f"change.{change.kind}", states=" → ".join(states)),
            capitalise(join_phrases(phrases, reader.language)),
        ),
        state=change.after or "",
        link="" if change.kind is ChangeKind.GONE else f"guest-{change.pve}-{change.vmid}",
    )
