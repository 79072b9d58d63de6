"""Section 9: what prunes the backups of each datastore and namespace, and what that leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from report.model.groups import GroupMatch, GroupPolicy, GroupReport, RetentionState
from report.model.guests import GuestReport
from report.model.report import Report
from report.rows.shared import Reader, guest_anchor, guest_label
from report.sections import Bullet, Drawing, LegendEntry, Row, Section
from report.value import changed
from report.words import (
    all_seen,
    describe_bullet,
    describe_delta,
    describe_match,
    describe_place,
    describe_pruning,
    describe_retention,
    format_instant,
    format_number,
    join_phrases,
    printable,
)

POLICIES_SHOWN = 3
_OFF = (RetentionState.SHORT, RetentionState.EXCESS)

Place = tuple[str, str, str]


@dataclass(slots=True)
class _Pruning:
    """Groups of a place that are pruned alike, and how many versions of them the next prune will remove, as far as that is known."""

    policy: GroupPolicy
    known: bool
    groups: int = 0
    removes: int = 0
    told: int = 0


@dataclass(slots=True)
class _Total:
    """Sums over the groups of a place; those from `compared` on over the groups whose expected number is known."""

    groups: int = 0
    versions: int = 0
    compared: int = 0
    expected: int = 0
    actual: int = 0
    nominal: int = 0
    promising: int = 0
    delta: int = 0
    short: int = 0
    excess: int = 0
    prunings: dict[tuple[GroupPolicy, bool], _Pruning] = field(default_factory=dict)

    def add(self, group: GroupReport) -> None:
        """Count a group."""
        self.groups += 1
        self.versions += group.snapshots
        if group.match is GroupMatch.GUEST or group.policy.pruned_by:
            self._add_pruning(group)
        if group.expected is None or group.actual is None:
            return
        self.compared += 1
        self.expected += group.expected
        self.actual += group.actual
        if group.nominal is not None:
            self.promising += 1
            self.nominal += group.nominal
        self.delta += group.actual - group.expected if group.delta is None else group.delta
        self.short += group.state is RetentionState.SHORT
        self.excess += group.state is RetentionState.EXCESS

    @property
    def promised(self) -> int | None:
        """Return the sum of what was promised; None unless that is known of each group that is compared."""
        return self.nominal if self.promising == self.compared else None

    def _add_pruning(self, group: GroupReport) -> None:
        policy = changed(group.policy, next_prune_removes=None)
        known = bool(policy.pruned_by) or group.state is not RetentionState.UNKNOWN
        pruning = self.prunings.setdefault((policy, known), _Pruning(policy, known))
        pruning.groups += 1
        if group.policy.next_prune_removes is not None:
            pruning.told += 1
            pruning.removes += group.policy.next_prune_removes


def retention(report: Report, reader: Reader) -> tuple[Section, ...]:
    """Given a report, return section 9: a row for each datastore and namespace, then the groups that are short or excess, worst first."""
    return _by_place(report, reader), _off_groups(report, reader)


def _by_place(report: Report, reader: Reader) -> Section:
    places: dict[Place, _Total] = {}
    for group in report.groups:
        places.setdefault((group.server, group.datastore, group.namespace), _Total()).add(group)
    return Section(
        key="retention",
        number=9,
        title=reader.word("section.retention"),
        sentences=(reader.word("retention.about"),) if places else (),
        columns=reader.columns(
            ("datastore", 2.2),
            ("pruning", 5),
            ("groups>", 1.1),
            ("all_versions>", 1.1),
            ("compared>", 1.2),
            ("promised>", 1.2),
            ("expected>", 1.2),
            ("actual>", 1.1),
            ("bullet", 2),
            ("delta>", 1),
            ("short>", 1),
            ("excess>", 1),
        ),
        rows=tuple(_place_row(place, places[place], reader) for place in sorted(places)),
        empty=reader.word("retention.none" if all_seen(report) else "retention.none_known"),
        landscape=True,
        legend=_legend(reader) if any(total.compared for total in places.values()) else (),
    )


def _place_row(place: Place, total: _Total, reader: Reader) -> Row:
    server, datastore, namespace = place
    counts = [total.groups, total.versions, total.compared]
    sums: list[str] = [reader.word("none")] * 7
    drawings: tuple[tuple[int, Drawing], ...] = ()
    if total.compared:
        promised = reader.word("none") if total.promised is None else _number(total.promised, reader)
        numbers = [_number(count, reader) for count in (total.expected, total.actual)]
        off = [_number(count, reader) for count in (total.short, total.excess)]
        bullet = Bullet(total.actual, total.expected, total.promised)
        sums = [promised, *numbers, _bullet(bullet, reader), describe_delta(total.delta, reader.language), *off]
        drawings = ((8, bullet),)
    return Row(
        cells=(
            describe_place(datastore, namespace),
            _prunings(total, reader),
            *(_number(count, reader) for count in counts),
            *sums,
        ),
        group=printable(server),
        drawings=drawings,
    )


def _bullet(bullet: Bullet, reader: Reader) -> str:
    return describe_bullet(bullet.actual, bullet.expected, bullet.promised, reader.language)


def _legend(reader: Reader) -> tuple[LegendEntry, ...]:
    return tuple(LegendEntry(part, "", reader.word(f"bullet.{part}")) for part in ("actual", "expected", "promised"))


def _number(count: int, reader: Reader) -> str:
    return format_number(count, reader.language)


def _prunings(total: _Total, reader: Reader) -> str:
    """Say what prunes the groups of a place: the ways that reach most groups first, the others counted."""
    ordered = sorted(total.prunings.values(), key=lambda pruning: (-pruning.groups, str(pruning.policy)))
    texts = [_pruning(pruning, reader) for pruning in ordered[:POLICIES_SHOWN]]
    if not texts:
        return reader.word("none")
    shown, more = join_phrases(texts, reader.language), len(ordered) - POLICIES_SHOWN
    return reader.word("list_more", shown=shown, count=more) if more > 0 else shown


def _pruning(pruning: _Pruning, reader: Reader) -> str:
    floor = pruning.told < pruning.groups
    removes = None if floor and not pruning.removes else pruning.removes
    policy = changed(pruning.policy, next_prune_removes=removes)
    return describe_pruning(policy, reader.language, reader.zone, known=pruning.known, floor=floor)


def _off_groups(report: Report, reader: Reader) -> Section:
    guests = {(guest.pve, guest.guest.vmid): guest for guest in report.guests}
    off = sorted((group for group in report.groups if group.state in _OFF), key=_worst_first)
    compared = any(group.expected is not None for group in report.groups)
    return Section(
        key="retention_groups",
        number=9,
        title=reader.word("section.retention_groups"),
        columns=reader.columns(
            ("group", 3), ("place", 2.5), ("bullet", 2), ("comparison", 3.5), ("newest", 2), ("pruning", 5)
        ),
        rows=tuple(_off_row(group, guests, reader) for group in off),
        empty=reader.word("retention_groups.none" if compared else "retention_groups.none_compared"),
        landscape=True,
        legend=_legend(reader) if off else (),
    )


def _worst_first(group: GroupReport) -> tuple[bool, int, str, str, str, str, str]:
    """Order: too few before too many, the larger gap first, then by name."""
    short = group.state is RetentionState.SHORT
    gap = group.missing if short else group.surplus
    size = abs(group.delta or 0) if gap is None else gap
    return (not short, -size, group.server, group.datastore, group.namespace, group.backup_type, group.backup_id)


def _off_row(group: GroupReport, guests: Mapping[tuple[str, int], GuestReport], reader: Reader) -> Row:
    guest = guests.get((group.pve or "", group.vmid or 0)) if group.match is GroupMatch.GUEST else None
    named = printable(f"{group.backup_type}/{group.backup_id}")
    label = (
        guest_label(guest)
        if guest
        else reader.word("group.of_host", group=named, match=describe_match(group.match, reader.language))
    )
    place = describe_place(group.datastore, group.namespace)
    known = group.actual is not None and group.expected is not None
    bullet = Bullet(group.actual or 0, group.expected or 0, group.nominal) if known else None
    return Row(
        cells=(
            label,
            reader.word("place", server=group.server, place=place),
            _bullet(bullet, reader) if bullet else reader.word("none"),
            describe_retention(group, reader.language),
            format_instant(group.newest_at, reader.zone, reader.language),
            describe_pruning(group.policy, reader.language, reader.zone),
        ),
        link=guest_anchor(guest) if guest else "",
        drawings=((2, bullet),) if bullet else (),
    )
