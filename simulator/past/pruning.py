"""Pruning as both systems do it (E12-E23), written apart from the product's own code so that it can bear witness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache

KEEP, REMOVE, PROTECTED, PARTIAL = "keep", "remove", "protected", "keep-partial"
# in the order in which they are applied (E14)
OPTIONS = ("keep-last", "keep-hourly", "keep-daily", "keep-weekly", "keep-monthly", "keep-yearly")
HOUR, DAY = 3600, 86_400
EPOCH = date(1970, 1, 1)
QUARTER = 900  # clocks change at no finer step


@dataclass(frozen=True, slots=True)
class Entry:
    """A backup to be judged."""

    time: int
    protected: bool = False
    finished: bool = True


@lru_cache(1 << 14)
def _offset(quarter: int, zone: tzinfo) -> int:
    """By how many seconds the local clock is ahead of UTC in a quarter of an hour since the epoch."""
    offset = datetime.fromtimestamp(quarter * QUARTER, zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


@lru_cache(1 << 14)
def _month(day: int) -> int:
    first = EPOCH + timedelta(days=day)
    return first.year * 12 + first.month


def period_of(option: str, time: int, zone: tzinfo) -> int:
    """What two backups share if they are of one period of the option, on the local clock (E16, E23)."""
    if option == "keep-last":
        return time
    local = time + _offset(time // QUARTER, zone)
    if option == "keep-hourly":
        return local // HOUR
    day = local // DAY
    if option == "keep-daily":
        return day
    if option == "keep-weekly":
        return (day + 3) // 7  # weeks begin on Monday, the epoch on a Thursday
    return _month(day) if option == "keep-monthly" else (_month(day) - 1) // 12


def positive(keep: Mapping[str, object]) -> dict[str, int]:
    """The options that count, in their order; empty where everything is kept (E13)."""
    counts = {option: int(str(keep.get(option) or 0)) for option in OPTIONS}
    return {option: count for option, count in counts.items() if count > 0}


def marks(entries: Sequence[Entry], keep: Mapping[str, object], zone: tzinfo) -> list[str]:
    """Given the backups of one group and a policy, return a mark for each, in the same order.

    Without any positive option everything that is not protected is marked `remove`: whoever asks keeps all then.
    """
    newest_first = sorted(range(len(entries)), key=lambda number: entries[number].time, reverse=True)
    found: dict[int, str] = {}
    for position, number in enumerate(newest_first):
        if not entries[number].finished:
            found[number] = PARTIAL if position == 0 else REMOVE
    for option, count in positive(keep).items():
        _apply(option, count, [number for number in newest_first if number not in found], entries, found, zone)
    return [PROTECTED if entry.protected else found.get(number, REMOVE) for number, entry in enumerate(entries)]


def cluster_marks(entries: Sequence[Entry], keep: Mapping[str, object], zone: tzinfo) -> list[str]:
    """The marks as the cluster's storage layer gives them: without a positive option all are kept, no partial ones."""
    if not positive(keep):
        return [PROTECTED if entry.protected else KEEP for entry in entries]
    return [mark.removesuffix("-partial") for mark in marks(entries, keep, zone)]


def _apply(
    option: str, count: int, order: Sequence[int], entries: Sequence[Entry], found: dict[int, str], zone: tzinfo
) -> None:
    """One option over what has no mark yet: the newest of a period is kept, the others of it are lost for good."""
    covered = {period_of(option, entries[number].time, zone) for number, mark in found.items() if mark == KEEP}
    taken: set[int] = set()
    for number in order:
        if entries[number].protected:
            found[number] = PROTECTED
            continue
        period = period_of(option, entries[number].time, zone)
        if period in covered:
            continue
        if period in taken:
            found[number] = REMOVE
            continue
        if len(taken) == count:
            return
        taken.add(period)
        found[number] = KEEP


def survivors(entries: Sequence[Entry], keep: Mapping[str, object], zone: tzinfo) -> list[Entry]:
    """What one run of a prune leaves; everything where the policy keeps nothing in particular (E13)."""
    if not positive(keep):
        return list(entries)
    return [entry for entry, mark in zip(entries, marks(entries, keep, zone), strict=True) if mark != REMOVE]
