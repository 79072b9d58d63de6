"""Sections 13 and 14: how each guest is restored, and which exceptions are in force. To have on paper when the cluster is gone."""

from __future__ import annotations

from collections.abc import Iterator

from report.findings import FindingCode
from report.model.guests import GuestReport, Protection
from report.model.jobs import StorageReport
from report.model.report import Report
from report.policy import NO_END, Waiver
from report.restores import STORAGE
from report.rows.shared import Reader, guest_anchor, guest_label
from report.sections import Row, Section
from report.storage_options import DEFAULT_PORT, add_command
from report.words import (
    PBS,
    capitalise,
    describe_finding,
    describe_guest_type,
    describe_place,
    describe_reason,
    describe_scope,
    describe_waived,
    format_date,
    format_instant,
    format_number,
    join_phrases,
    printable,
)


def runbook(report: Report, reader: Reader) -> Section:
    """Given a report, return section 13: for each guest its newest usable backup, the command that restores it and what that needs, or
    why there is none. Guests that policy does not demand are in it where they have a backup.
    """
    guests = [guest for guest in report.guests if guest.demanded or guest.usable]
    return Section(
        key="runbook",
        number=13,
        title=reader.word("section.runbook"),
        sentences=(reader.word("runbook.about"),) if guests else (),
        columns=reader.columns(("guest", 3), ("type", 1.4), ("newest", 2.4), ("command", 7), ("needs", 4)),
        rows=tuple(_restore(guest, report, reader) for guest in guests),
        empty=reader.word("runbook.none"),
        landscape=True,
    )


def storages_to_restore_from(report: Report, reader: Reader) -> tuple[Section, ...]:
    """Given a report, return the part of section 13 that comes first when a cluster is gone: its storages on backup servers, and the
    command that brings each back; nothing without any.
    """
    found = [storage for storage in report.storages if storage.exists and storage.storage_type == PBS]
    if not found:
        return ()
    section = Section(
        key="runbook_storages",
        number=13,
        title=reader.word("section.runbook_storages"),
        sentences=(reader.word("runbook_storages.about"),),
        columns=reader.columns(
            ("storage", 1.6),
            ("server", 1.8),
            ("datastore", 1.4),
            ("namespace", 1.4),
            ("fingerprint", 3),
            ("add_command", 6),
            ("key", 2.4),
        ),
        rows=tuple(_storage(storage, reader) for storage in found),
        landscape=True,
    )
    return (section,)


def _storage(storage: StorageReport, reader: Reader) -> Row:
    definition, unknown, none = storage.definition, reader.word("unknown"), reader.word("none")
    name, group = printable(storage.storage), printable(storage.pve)
    if definition is None:
        return Row((name, *[unknown] * 6), group=group)
    port = "" if definition.port in (None, DEFAULT_PORT) else f":{definition.port}"
    key = {None: none, "1": unknown}.get(definition.encryption_key, definition.encryption_key)
    cells = (
        name,
        printable(f"{definition.server}{port}") if definition.server else unknown,
        printable(definition.datastore or "") or unknown,
        printable(definition.namespace or "") or reader.word("namespace.root"),
        printable((definition.fingerprint or "").upper()) or none,
        printable(add_command(definition)),
        printable(key or none),
    )
    return Row(cells, group=group)


def _restore(guest: GuestReport, report: Report, reader: Reader) -> Row:
    usable = guest.usable
    newest = format_instant(usable.at, reader.zone, reader.language) if usable else reader.word("none")
    return Row(
        cells=(
            guest_label(guest),
            describe_guest_type(guest.guest, reader.language),
            newest,
            printable(guest.restore_command or "") or _no_command(guest, report, reader),
            join_phrases(_needs(guest, reader), reader.language),
        ),
        state=guest.protection,
        link=guest_anchor(guest),
    )


def _no_command(guest: GuestReport, report: Report, reader: Reader) -> str:
    """Say why there is no command: no backup, or none that an entry of the guest's own cluster leads to."""
    if guest.usable is not None:
        place = describe_place(guest.usable.datastore, guest.usable.namespace)
        return reader.word("runbook.no_entry", server=printable(guest.usable.server), place=place)
    told = (FindingCode.NEVER_BACKED_UP, FindingCode.NO_USABLE_BACKUP)
    found = [finding for finding in guest.findings if finding.code in told]
    phrases = [describe_finding(finding, reader.language, reader.zone, report.created_at) for finding in found]
    if not found:
        phrases = [describe_reason(reason, reader.language, reader.zone) for reason in guest.reasons[-1:]]
    return capitalise(join_phrases(phrases, reader.language))


def _needs(guest: GuestReport, reader: Reader) -> Iterator[str]:
    """Yield what the restore needs, and how far the backup may be trusted."""
    usable = guest.usable
    if usable is None:
        return
    if usable.storage:
        yield reader.word("needs.storage", storage=usable.storage)
    if usable.nodes:
        yield reader.word("needs.nodes", nodes=printable(", ".join(usable.nodes)))
    if guest.restore_command and guest.guest.guest_type == "lxc":
        known = not guest.restore_command.endswith(f"--storage {STORAGE}")
        yield reader.word("needs.container" if known else "needs.container.storage")
    if guest.restore_command and guest.guest.guest_type == "qemu" and usable.on_pbs:
        yield reader.word("needs.live")
    if usable.encrypted:
        yield reader.word("needs.key", fingerprint=usable.key or reader.word("unknown"))
    if usable.verified_elsewhere is not None:
        yield reader.word("needs.verified_elsewhere", source=usable.verified_elsewhere)
    elif usable.verified is not None:
        yield reader.word("needs.verified" if usable.verified else "needs.not_verified")
    for kind, proof in (("observed", guest.restore_seen), ("reported", guest.restore_reported)):
        if proof is not None:
            date = format_date(proof.at, reader.zone, reader.language)
            yield reader.word(f"needs.proof.{kind}", date=date, by=proof.by)


def waivers(report: Report, reader: Reader) -> Section:
    """Given a report, return section 14: every waiver, those that ran out first, with what it excuses now."""
    return Section(
        key="waivers",
        number=14,
        title=reader.word("section.waivers"),
        columns=reader.columns(
            ("scope", 3), ("finding", 2.4), ("reason", 5), ("owner", 2), ("until", 2), ("guests>", 1), ("origin", 1.8)
        ),
        rows=tuple(_waiver(waiver, guests, report, reader) for waiver, guests in waivers_with_guests(report)),
        empty=reader.word("waivers.none"),
    )


def waivers_with_guests(report: Report) -> Iterator[tuple[Waiver, int]]:
    """Given a report, yield every waiver of the policy, of notes and of tags, the first to end first, and how many guests it excuses."""
    used: dict[Waiver, int] = {}
    for guest in report.guests:
        for waiver in {*([guest.waiver] if guest.waiver else []), *(waived.waiver for waived in guest.waived)}:
            used[waiver] = used.get(waiver, 0) + 1
    every = sorted({*report.policy.waivers, *used}, key=lambda waiver: (waiver.until, waiver.subject, waiver.reason))
    return ((waiver, used.get(waiver, 0)) for waiver in every)


def _waiver(waiver: Waiver, guests: int, report: Report, reader: Reader) -> Row:
    ended = not waiver.holds(report.created_at)
    until = end_in_words(waiver.until, reader)
    return Row(
        cells=(
            capitalise(describe_scope(waiver.scope, reader.language)),
            describe_waived(waiver.code, waiver.volume, reader.language) or reader.word("waivers.whole"),
            printable(waiver.reason),
            printable(waiver.owner) or reader.word("none"),
            reader.word("waivers.ended", until=until) if ended else until,
            format_number(guests, reader.language),
            reader.word(f"waivers.origin.{waiver.origin}"),
        ),
        state=Protection.UNKNOWN if ended else Protection.WAIVED,
    )


def end_in_words(until: int, reader: Reader) -> str:
    """Given the end of a waiver, return its date, or that it has none."""
    return reader.word("waivers.no_end") if until >= NO_END else format_date(until, reader.zone, reader.language)
