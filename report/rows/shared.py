"""What the builders of sections share: where they write for (language, zone), columns, labels and anchors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from report.model import Coverage, GuestReport, Protection, Reason, ReasonCode, Report
from report.sections import Column
from report.words import capitalise, describe_reason, describe_remedy, join_phrases, printable, word

# reasons of the other axis, protection; a row on coverage does not repeat them
_OF_PROTECTION = frozenset({ReasonCode.NOT_DEMANDED, ReasonCode.BACKUPS_NOT_READ})
_WORST_FIRST = (Coverage.NOT_PLANNED, Coverage.UNDECIDED, Coverage.PLANNED)


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom rows are written: "en" or "fr", and the zone that instants are shown in."""

    language: str
    zone: tzinfo

    def word(self, key: str, **params: object) -> str:
        """Given a key of the words table, return the text in the reader's language."""
        return word(key, self.language, **params)

    def columns(self, *columns: tuple[str, float]) -> tuple[Column, ...]:
        """Given keys and weights, return the columns; a key that ends in ">" is right-aligned."""
        return tuple(
            Column(self.word(f"column.{key.rstrip('>')}"), weight, right=key.endswith(">")) for key, weight in columns
        )


def guest_anchor(guest: GuestReport) -> str:
    """Given a guest, return the anchor of its row in the list of all guests."""
    return f"guest-{guest.pve}-{guest.guest.vmid}"


def job_anchor(pve: str, job: str) -> str:
    """Given a cluster and a job id, return the anchor of the job's row."""
    return f"job-{pve}-{job}"


def guest_label(guest: GuestReport) -> str:
    """Given a guest, return how lists of several clusters name it: "lab/104 web-1"; without a name while that is not known (A4)."""
    label = f"{guest.pve}/{guest.guest.vmid}"
    return f"{label} {printable(guest.guest.name)}" if guest.guest.name else label


def reasons_in_words(reasons: Iterable[Reason], reader: Reader) -> str:
    """Given a guest's reasons, return those that speak of coverage as one text."""
    phrases = [
        describe_reason(reason, reader.language, reader.zone) for reason in reasons if reason.code not in _OF_PROTECTION
    ]
    return capitalise(join_phrases(phrases, reader.language))


def remedies_in_words(guest: GuestReport, reader: Reader) -> str:
    """Given a guest, return what to do about the first of its reasons that something can be done about: one step is enough."""
    remedies = (describe_remedy(reason, reader.language, guest.guest.vmid) for reason in guest.reasons)
    return next((remedy for remedy in remedies if remedy), "")


def needing_attention(report: Report) -> Sequence[GuestReport]:
    """Given a report, return the demanded guests that no active job is known for, worst first, then by cluster and vmid."""
    guests = [guest for guest in report.guests if guest.demanded and guest.coverage is not Coverage.PLANNED]
    return sorted(guests, key=lambda guest: (_WORST_FIRST.index(guest.coverage), guest.pve, guest.guest.vmid))


def guest_state(guest: GuestReport) -> str:
    """Given a guest, return the state that marks its row: coverage, but "waived" for one without cover that policy does not demand."""
    if not guest.demanded and guest.coverage is not Coverage.PLANNED:
        return Protection.WAIVED
    return guest.coverage
