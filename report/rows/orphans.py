"""Section 10, in part: backups whose guest is gone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from report.model.groups import GroupMatch, GroupReport
from report.model.report import Report
from report.rows.retention import Place
from report.rows.shared import Reader
from report.sections import Row, Section
from report.words import all_seen, describe_place, format_instant, format_number, printable

NAMES_SHOWN = 6


def orphans(report: Report, reader: Reader) -> Section:
    """Given a report, return the part of section 10 on backups whose guest is gone, by datastore and namespace (D17)."""
    places: dict[Place, list[GroupReport]] = {}
    for group in report.groups:
        if group.match is GroupMatch.ORPHAN:
            places.setdefault((group.server, group.datastore, group.namespace), []).append(group)
    return Section(
        key="orphans",
        number=10,
        title=reader.word("section.orphans"),
        sentences=(reader.word("orphans.about"),) if places else (),
        columns=reader.columns(
            ("datastore", 3), ("groups>", 1.2), ("all_versions>", 1.2), ("newest", 2.5), ("group", 4)
        ),
        rows=tuple(_orphan_row(place, places[place], reader) for place in sorted(places)),
        empty=reader.word("orphans.none" if all_seen(report) else "orphans.none_known"),
        landscape=True,
    )


def _orphan_row(place: Place, groups: Sequence[GroupReport], reader: Reader) -> Row:
    server, datastore, namespace = place
    newest = max((group.newest_at for group in groups if group.newest_at is not None), default=None)
    return Row(
        cells=(
            describe_place(datastore, namespace),
            format_number(len(groups), reader.language),
            format_number(sum(group.snapshots for group in groups), reader.language),
            format_instant(newest, reader.zone, reader.language),
            _names(groups, reader),
        ),
        group=printable(server),
    )


def _names(groups: Iterable[GroupReport], reader: Reader) -> str:
    """Name the groups, those with the newest backups first, and count the rest."""
    ordered = sorted(groups, key=lambda group: (-(group.newest_at or 0), group.backup_type, group.backup_id))
    shown = ", ".join(printable(f"{group.backup_type}/{group.backup_id}") for group in ordered[:NAMES_SHOWN])
    more = len(ordered) - NAMES_SHOWN
    return reader.word("list_more", shown=shown, count=more) if more > 0 else shown
