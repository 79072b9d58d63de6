"""Sections 7 and 10: guests at risk, volumes left out, verification and encryption by place, copies and their lag."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from report.findings import Area, Finding, FindingCode
from report.model.groups import GroupMatch, GroupReport
from report.model.guests import Copy, Coverage, GuestReport, Protection
from report.model.report import EstateFinding, Report
from report.rows.attention import protection_section
from report.rows.shared import Reader, guest_anchor, guest_label, needing_attention
from report.sections import Row, Section
from report.words import (
    all_seen,
    capitalise,
    describe_finding,
    describe_finding_remedy,
    describe_place,
    format_duration,
    format_instant,
    format_number,
    join_phrases,
    printable,
    short_key,
)

COPIES_SHOWN = 4
# rows of what is worth knowing; the JSON has all
KNOWING_SHOWN = 200
_VOLUMES = (FindingCode.VOLUMES_EXCLUDED, FindingCode.NO_VOLUME_SAVED, FindingCode.VOLUMES_NOT_IN_BACKUP)
_CHECKS = (Area.VERIFICATION, Area.ENCRYPTION)


def guests_at_risk(report: Report, reader: Reader) -> tuple[Section, ...]:
    """Given a report, return the demanded guests in an active job whose backups need attention; nothing while no backup was read."""
    if not report.summary.backups_read:
        return ()
    guests = tuple(guest for guest in needing_attention(report) if guest.coverage is Coverage.PLANNED)
    if not guests:
        return ()
    return (protection_section(guests, report, reader, key="guests_at_risk", number=7),)


def worth_knowing(report: Report, reader: Reader) -> tuple[Section, ...]:
    """Given a report, return the findings that lower nothing: of demanded guests, and of jobs, stores and waivers; nothing without any."""
    told = [
        _finding_row(guest, finding, report, reader)
        for guest in report.guests
        for finding in guest.findings
        if guest.demanded and not finding.lowers
    ]
    told += [_estate_row(each, report, reader) for each in report.findings if not each.finding.lowers]
    if not told:
        return ()
    more = len(told) - KNOWING_SHOWN
    section = Section(
        key="worth_knowing",
        number=10,
        title=reader.word("section.worth_knowing"),
        sentences=(reader.word("estate.more", count=more),) if more > 0 else (),
        columns=reader.columns(("guest", 3), ("finding", 6), ("since", 2), ("remedy", 5)),
        rows=tuple(told[:KNOWING_SHOWN]),
    )
    return (section,)


def _estate_row(each: EstateFinding, report: Report, reader: Reader) -> Row:
    finding = each.finding
    return Row(
        cells=(
            printable(each.source) or reader.word("none"),
            capitalise(describe_finding(finding, reader.language, reader.zone, report.created_at)),
            reader.word("none"),
            describe_finding_remedy(finding, reader.language, 0),
        ),
    )


def volumes(report: Report, reader: Reader) -> Section:
    """Given a report, return section 10's first table: the demanded guests of which a restore would not bring back every volume."""
    rows = [
        _finding_row(guest, finding, report, reader)
        for guest in report.guests
        for finding in guest.findings
        if guest.demanded and finding.code in _VOLUMES
    ]
    return Section(
        key="volumes",
        number=10,
        title=reader.word("section.volumes"),
        columns=reader.columns(("guest", 3), ("finding", 6), ("since", 2), ("remedy", 5)),
        rows=tuple(rows),
        empty=reader.word(f"volumes.{_no_volume(report)}"),
    )


def _no_volume(report: Report) -> str:
    """Given a report without volumes left out, return the key of the sentence that is true then."""
    planned = [guest for guest in report.guests if guest.coverage is Coverage.PLANNED]
    if any(guest.excluded_volumes is None for guest in planned):
        return "none_known"
    return "none" if all_seen(report) else "none_visible"


def _finding_row(guest: GuestReport, finding: Finding, report: Report, reader: Reader) -> Row:
    return Row(
        cells=(
            guest_label(guest),
            capitalise(describe_finding(finding, reader.language, reader.zone, report.created_at)),
            format_instant(finding.since, reader.zone, reader.language),
            describe_finding_remedy(finding, reader.language, guest.guest.vmid),
        ),
        state=guest.protection,
        link=guest_anchor(guest),
    )


@dataclass(slots=True)
class _Checked:
    """Sums over the groups of guests in one place."""

    groups: int = 0
    versions: int = 0
    verified: int = 0
    failed: int = 0
    elsewhere: int = 0
    encrypted: int = 0
    newest_verified_at: int = 0
    keys: set[str] = field(default_factory=set)

    def add(self, group: GroupReport) -> None:
        """Count a group."""
        self.groups += 1
        self.versions += group.snapshots
        self.verified += group.verified
        self.failed += group.verify_failed
        self.elsewhere += group.verified_elsewhere
        self.encrypted += group.encrypted
        self.newest_verified_at = max(self.newest_verified_at, group.newest_verified_at or 0)
        self.keys.update(group.key_fingerprints)


def checks(report: Report, reader: Reader) -> tuple[Section, ...]:
    """Given a report, return section 10's table on verification and encryption by place, and the guests of which they say something.

    File storages have neither and are left out.
    """
    servers = {source.name for source in report.sources if source.kind == "pbs"}
    places: dict[tuple[str, str, str], _Checked] = {}
    for group in report.groups:
        if group.server in servers and group.match is GroupMatch.GUEST:
            places.setdefault((group.server, group.datastore, group.namespace), _Checked()).add(group)
    copied = any(total.elsewhere for total in places.values())
    about = [reader.word("checks.about"), *([reader.word("checks.elsewhere")] if copied else [])]
    by_place = Section(
        key="checks",
        number=10,
        title=reader.word("section.checks"),
        sentences=tuple(about) if places else (),
        columns=reader.columns(
            ("datastore", 3),
            ("groups>", 1.2),
            ("all_versions>", 1.2),
            ("verified>", 1.2),
            ("verify_failed>", 1.2),
            *((("verified_elsewhere>", 1.4),) if copied else ()),
            ("never_verified>", 1.4),
            ("newest_verified", 2.2),
            ("encrypted>", 1.2),
            ("keys", 2.6),
        ),
        rows=tuple(_checked_row(place, places[place], reader, copied=copied) for place in sorted(places)),
        empty=reader.word("checks.none" if all_seen(report) else "checks.none_known"),
        landscape=True,
    )
    found = [
        _finding_row(guest, finding, report, reader)
        for guest in report.guests
        for finding in guest.findings
        if guest.demanded and finding.area in _CHECKS and finding.lowers
    ]
    if not found:
        return (by_place,)
    by_guest = Section(
        key="checks_guests",
        number=10,
        title=reader.word("section.checks_guests"),
        columns=reader.columns(("guest", 3), ("finding", 6), ("since", 2), ("remedy", 5)),
        rows=tuple(found),
    )
    return by_place, by_guest


def _checked_row(place: tuple[str, str, str], total: _Checked, reader: Reader, *, copied: bool) -> Row:
    server, datastore, namespace = place
    never = total.versions - total.verified - total.failed - total.elsewhere
    elsewhere = (total.elsewhere,) if copied else ()
    counts = (total.groups, total.versions, total.verified, total.failed, *elsewhere, never)
    newest = format_instant(total.newest_verified_at, reader.zone, reader.language)
    return Row(
        cells=(
            describe_place(datastore, namespace),
            *(format_number(count, reader.language) for count in counts),
            newest if total.newest_verified_at else reader.word("none"),
            format_number(total.encrypted, reader.language),
            _listed([short_key(key) for key in sorted(total.keys)], reader) or reader.word("none"),
        ),
        state=Protection.AT_RISK if total.failed else "",
        group=printable(server),
    )


def copies(report: Report, reader: Reader) -> Section:
    """Given a report, return section 10's table on copies: every demanded guest with more than one copy, or fewer than demanded.

    3-2-1 is stated as numbers: copies within the limit, stores, kinds of media, off-site.
    """
    guests = [guest for guest in report.guests if guest.demanded and _tells_of_copies(guest)]
    return Section(
        key="copies",
        number=10,
        title=reader.word("section.copies"),
        sentences=(_copies_in_words(report, reader),) if report.guests else (),
        columns=reader.columns(
            ("guest", 3), ("copies>", 1), ("stores", 5), ("media", 2), ("offsite", 2.6), ("finding", 4)
        ),
        rows=tuple(_copies_row(guest, report, reader) for guest in guests),
        empty=reader.word("copies.none" if all_seen(report) else "copies.none_known"),
        landscape=True,
    )


def _tells_of_copies(guest: GuestReport) -> bool:
    return len(guest.copies) > 1 or any(finding.area is Area.COPIES for finding in guest.findings)


def _copies_in_words(report: Report, reader: Reader) -> str:
    """Count the demanded guests by how many stores hold a recent backup of theirs."""
    counts = Counter(_recent(guest) for guest in report.guests if guest.demanded)
    none, one, more = counts[0], counts[1], sum(count for copies, count in counts.items() if copies > 1)
    offsite = sum(1 for guest in report.guests if guest.demanded and _offsite_at(guest) is not None)
    told = {"none": none, "one": one, "more": more, "offsite": offsite}
    return reader.word("copies.about", **{name: format_number(count, reader.language) for name, count in told.items()})


def _recent(guest: GuestReport) -> int:
    return sum(1 for copy in guest.copies if copy.within_limit)


def _offsite_at(guest: GuestReport) -> int | None:
    return max((copy.newest_at for copy in guest.copies if copy.offsite), default=None)


def _copies_row(guest: GuestReport, report: Report, reader: Reader) -> Row:
    stores = [_store(copy, reader) for copy in guest.copies]
    found = [finding for finding in guest.findings if finding.area is Area.COPIES]
    phrases = [describe_finding(finding, reader.language, reader.zone, report.created_at) for finding in found]
    media = sorted({copy.media for copy in guest.copies if copy.media})
    return Row(
        cells=(
            guest_label(guest),
            format_number(_recent(guest), reader.language),
            _listed(stores, reader),
            ", ".join(printable(kind) for kind in media) or reader.word("none"),
            _offsite(guest, report.created_at, reader),
            capitalise(join_phrases(phrases, reader.language)),
        ),
        state=Protection.AT_RISK if any(finding.lowers for finding in found) else "",
        link=guest_anchor(guest),
    )


def _store(copy: Copy, reader: Reader) -> str:
    """Say where a copy lies, where that is, and by which sync job it comes, with how that one ended."""
    name = f"{printable(copy.server)}/{printable(copy.datastore)}"
    told = [printable(copy.site)] if copy.site else []
    told += [reader.word("copies.immutable")] if copy.immutable else []
    if copy.sync_job:
        status = copy.sync_status or ""
        ended = reader.word(f"last_run.{status}") if status in ("never", "running") else printable(status)
        told.append(reader.word("copies.sync", job=printable(copy.sync_job), status=ended))
    return f"{name} ({', '.join(told)})" if told else name


def _listed(texts: Sequence[str], reader: Reader) -> str:
    shown = ", ".join(texts[:COPIES_SHOWN])
    more = len(texts) - COPIES_SHOWN
    return reader.word("list_more", shown=shown, count=more) if more > 0 else shown


def _offsite(guest: GuestReport, now: int, reader: Reader) -> str:
    """Say how old the newest off-site copy is, and how far it is behind the newest backup."""
    newest = _offsite_at(guest)
    if newest is None or guest.newest_backup_at is None:
        return reader.word("none")
    age = format_duration(now - newest, reader.language)
    lag = format_duration(guest.newest_backup_at - newest, reader.language)
    return reader.word("copies.offsite", age=age, lag=lag)


def protection_sections(report: Report, reader: Reader) -> Iterable[Section]:
    """Given a report, return the tables of section 10 about guests; nothing while no backup was read."""
    if not report.summary.backups_read:
        return ()
    return (
        volumes(report, reader),
        *checks(report, reader),
        copies(report, reader),
        *worth_knowing(report, reader),
    )
