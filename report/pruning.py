"""Which snapshots of one group a keep policy keeps, as PVE and PBS both decide it (rulebook E12–E23)."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import chain

from report.readings import Keep

KEEP, REMOVE, PROTECTED, KEEP_PARTIAL = "keep", "remove", "protected", "keep-partial"
# the order in which the options are worked off, whatever the order they are written in (E14)
OPTIONS = ("keep-last", "keep-hourly", "keep-daily", "keep-weekly", "keep-monthly", "keep-yearly")

Options = tuple[tuple[int, int], ...]  # positions in `OPTIONS` with their counts

_LAST, _HOURLY = 0, 1
_HOUR_SECONDS, _DAY_SECONDS = 3600, 86400
_CHUNK_BITS = 25  # offsets from UTC are looked up once for 2**25 seconds (388 days)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def marks(
    times: Sequence[int],
    keep: Mapping[str, int] | Keep,
    zone: tzinfo,
    protected: Collection[int] = (),
    unfinished: Collection[int] = (),
) -> list[str]:
    """Given one group's snapshots, return what a prune does with each: `keep`, `remove`, `protected` or `keep-partial`, in the same order.

    `times` are epoch seconds in ascending order (equal ones count as newer the later they stand), `protected` and `unfinished` are
    positions in it, `zone` is that of the host that prunes (E16). Renamed files (E12) are not to be among them. Without a positive
    option everything is kept (E13, E22); other keys than `OPTIONS` are ignored.
    """
    policy, left_out = options_of(keep), (frozenset(protected), frozenset(unfinished))
    if policy and policy[0][0] == _LAST and len(set(times)) < len(times):
        # equal instants are one period of `keep-last`
        return _marked(times, wall_clocks(times, zone), policy, *left_out)
    seconds = _HOUR_SECONDS if any(at == _HOURLY for at, _ in policy) else _DAY_SECONDS
    periods = array("q", wall_clocks(times, zone, seconds))
    return list(_marked_by_periods(periods.tobytes(), seconds, policy, *left_out))


@lru_cache(maxsize=1 << 12)
def _marked_by_periods(
    periods: bytes, seconds: int, policy: Options, protected: frozenset[int], unfinished: frozenset[int]
) -> tuple[str, ...]:
    """Given the hours or the days (so many seconds) of snapshots of distinct times, return their marks: nothing else decides them, and many
    groups have the same.
    """
    walls = [period * seconds for period in array("q", periods)]
    return tuple(_marked(range(len(walls)), walls, policy, protected, unfinished))


def _marked(
    times: Sequence[int], walls: Sequence[int], policy: Options, protected: frozenset[int], unfinished: frozenset[int]
) -> list[str]:
    result = [REMOVE if policy else KEEP] * len(times)
    if policy:
        left_out = protected | unfinished
        newest_first = [position for position in range(len(times) - 1, -1, -1) if position not in left_out]
        for position in kept_positions(newest_first, [(count, PERIOD_IDS[at](times, walls)) for at, count in policy]):
            result[position] = KEEP
    newest = len(times) - 1
    if newest in unfinished:  # the only unfinished one that a prune spares; it counts for nothing (E21)
        result[newest] = KEEP_PARTIAL
    for position in protected:
        result[position] = PROTECTED
    return result


def options_of(keep: Mapping[str, int] | Iterable[tuple[str, int]]) -> Options:
    """Given a policy, return (position in `OPTIONS`, count) of its positive options in the order of E14; empty: it keeps everything."""
    return _options(keep if isinstance(keep, tuple) else tuple(dict(keep).items()))


@lru_cache(maxsize=1024)
def _options(keep: Keep) -> Options:
    counts = dict(keep)
    return tuple((at, counts[name]) for at, name in enumerate(OPTIONS) if counts.get(name, 0) > 0)


def kept_positions(newest_first: Sequence[int], options: Iterable[tuple[int, Sequence[int]]]) -> list[int]:
    """Given the positions to decide on and, for each option, its count and the period ids by position, return those kept (E14, E15)."""
    kept: list[int] = []
    unmarked = newest_first
    for count, ids in options:
        covered = {ids[position] for position in kept}
        taken: set[int] = set()
        skipped: list[int] = []
        for walked, position in enumerate(unmarked):
            period = ids[position]
            if period in covered:
                skipped.append(position)
            elif period not in taken:
                if len(taken) == count:
                    skipped += unmarked[walked:]
                    break
                taken.add(period)
                kept.append(position)
            # else: second of its period in this option, removed for good
        unmarked = skipped
    return kept


def wall_clocks(times: Sequence[int], zone: tzinfo, unit: int = 1) -> Sequence[int]:
    """Given ascending instants (epoch seconds), return the zone's wall clock in units of so many seconds since 1970-01-01 00:00 of that
    clock.
    """
    walls: list[int] = []
    start = 0
    while start < len(times):
        for until, offset in _offsets(zone, times[start] >> _CHUNK_BITS):
            end = bisect_left(times, until, start)
            walls += [(time + offset) // unit for time in times[start:end]]
            start = end
    return walls


def _last(times: Sequence[int], walls: Sequence[int]) -> Sequence[int]:
    return times


def _hourly(times: Sequence[int], walls: Sequence[int]) -> Sequence[int]:
    return [wall // _HOUR_SECONDS for wall in walls]


def _daily(times: Sequence[int], walls: Sequence[int]) -> Sequence[int]:
    return [wall // _DAY_SECONDS for wall in walls]


def _weekly(times: Sequence[int], walls: Sequence[int]) -> Sequence[int]:
    return [(wall // _DAY_SECONDS + 3) // 7 for wall in walls]  # 1970-01-01 was a Thursday; ISO weeks begin on Monday


def _monthly(times: Sequence[int], walls: Sequence[int]) -> Sequence[int]:
    return [_month(wall // _DAY_SECONDS) for wall in walls]


def _yearly(times: Sequence[int], walls: Sequence[int]) -> Sequence[int]:
    return [_month(wall // _DAY_SECONDS) // 12 for wall in walls]


# one for each of OPTIONS: (instants, wall clocks) → a number each, equal within a period of local time (E16)
PERIOD_IDS: tuple[Callable[[Sequence[int], Sequence[int]], Sequence[int]], ...] = (
    _last,
    _hourly,
    _daily,
    _weekly,
    _monthly,
    _yearly,
)


@lru_cache(maxsize=1 << 16)
def _month(day: int) -> int:
    """Given a day since 1970-01-01, return 12 × year + month − 1. Any day will do: an odd file time must not stop a report."""
    era, day_of_era = divmod(day + 719468, 146097)  # eras of 400 years that begin on 1 March
    year = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    month_from_march = (5 * (day_of_era - 365 * year - year // 4 + year // 100) + 2) // 153
    return 12 * (year + 400 * era) + month_from_march + 2


@lru_cache(maxsize=1 << 12)
def _offsets(zone: tzinfo, chunk: int) -> tuple[tuple[int, int], ...]:
    """Return (until, the zone's distance from UTC in seconds before that instant) for a chunk of 2**25 seconds, ascending.

    Two changes within one day are not seen; none is known.
    """
    start, end = chunk << _CHUNK_BITS, (chunk + 1) << _CHUNK_BITS
    found: list[tuple[int, int]] = []
    at, offset = start, _offset(zone, start)
    for later in chain(range(start + _DAY_SECONDS, end, _DAY_SECONDS), (end,)):
        after = _offset(zone, later)
        if after != offset:
            low, high = at, later
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
            found.append((high, offset))
        at, offset = later, after
    return (*found, (end, offset))


def _offset(zone: tzinfo, epoch: int) -> int:
    """Return the zone's distance from UTC in seconds; 0 outside the years 1 to 9999."""
    try:
        offset = (_EPOCH + timedelta(seconds=epoch)).astimezone(zone).utcoffset()
    except (OverflowError, ValueError):
        return 0
    return offset.days * _DAY_SECONDS + offset.seconds if offset is not None else 0
