"""What a row is: an alert, or a recorded expression; and what alerts about guests have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# how a text names the guest that it is about; a guest may have no name that is known
GUEST = "{{ $labels.pve }}/{{ $labels.vmid }}{{ with $labels.name }} ({{ . }}){{ end }}"
# guests that are waived or not demanded
WAIVED = 'vzcover_guest_protection{state="waived"} == 1'
# one series a guest, also where two vzcover are scraped
GUEST_NAMES = "max by (pve, vmid, name, pool) (vzcover_guest_info)"
AGE = (
    '{{ with printf "time() - vzcover_guest_last_backup_timestamp_seconds{pve=%%q,vmid=%%q}" $labels.pve $labels.vmid | query }}'
    " Its newest good backup is {{ . | first | value | humanizeDuration }} old.{{ end }}"
)


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. `expression`, `summary` and `description` may name settings as `%(name)s`, and write a percent sign twice.

    `severity`: critical wakes somebody up, warning waits for the morning. `patience`: a key of `patience` in the settings.
    `lingers`: stays for a while after its cause is gone.
    """

    name: str
    severity: str
    patience: str
    expression: str
    summary: str
    description: str
    lingers: bool = True


@dataclass(frozen=True, slots=True)
class Record:
    """One recorded expression: its name (`labels:metric:operation`) and what it is, with settings as in an alert."""

    name: str
    expression: str


def of_guests(condition: str) -> str:
    """Given an expression with one series for each `pve, vmid` (and maybe more labels) that is to be told, return the expression without
    the guests that are waived or not demanded, and with the labels `name` and `pool`.
    """
    return f"(\n  {condition}\n  unless on (pve, vmid) ({WAIVED})\n)\n* on (pve, vmid) group_left (name, pool)\n  {GUEST_NAMES}"


def guest_state(condition: str) -> str:
    """Given a selector of a guest's state, return the expression of the demanded guests for which it is 1."""
    return of_guests(f"max by (pve, vmid) ({condition}) == 1")


def finding(name: str, severity: str, patience: str, summary: str, meanings: Mapping[str, str]) -> Alert:
    """Given what the alert's summary says of a guest, and what each code of a finding means for it, return the alert on these codes.

    A finding that was lowered to information is not told.
    """
    codes = "|".join(meanings)
    selector = f'vzcover_guest_finding{{code=~"{codes}", severity!="info"}}'
    return Alert(
        name,
        severity,
        patience,
        of_guests(f"max by (pve, vmid, code) ({selector})"),
        f"{GUEST} {summary}",
        f"{GUEST}: {_either(meanings)}.{AGE}",
    )


def estate_finding(code: str, place: str = "") -> str:
    """Given a code of a finding about a job, a store or a waiver, return the expression of how many there are, by the source that has
    them as the label `place` (`pve` or `server`); without a place in all.

    A finding that was lowered to information is not told.
    """
    found = f'vzcover_estate_findings{{code="{code}", severity!="info"}}'
    if not place:
        return f"max({found}) > 0"
    return f'max by ({place}) (\n  label_replace({found}, "{place}", "$1", "source", "(.+)")\n) > 0'


def _either(meanings: Mapping[str, str]) -> str:
    """Return a template that says what the code in the labels means."""
    if len(meanings) == 1:
        return next(iter(meanings.values()))
    parts = [f'{{{{ if eq $labels.code "{code}" }}}}{meaning}' for code, meaning in meanings.items()]
    return "{{ else }}".join(parts) + "{{ end }}" * len(parts)
