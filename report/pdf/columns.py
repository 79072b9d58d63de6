"""How a width is divided. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_ROUNDING = 1e-6


def share(total: float, weights: Sequence[float], least: Sequence[float]) -> list[float]:
    """Given a length, weights, and the least part of each, return parts in proportion that add up to the length.

    Where the least parts do not fit together, the parts are equal.
    """
    if sum(least) > total + _ROUNDING:
        return [total / len(weights)] * len(weights)
    parts = list(least)
    free = set(range(len(weights)))
    while free:
        left = total - sum(parts[i] for i in range(len(parts)) if i not in free)
        weight = sum(weights[i] for i in free)
        wanted = {i: left * weights[i] / weight if weight else left / len(free) for i in free}
        short = {i for i in free if wanted[i] < least[i]}
        if not short:
            for i in free:
                parts[i] = wanted[i]
            break
        free -= short
    return parts


def even_out(parts: Sequence[float], needed: Sequence[float]) -> list[float]:
    """Given parts and what each needs, return parts of the same sum, where those that have too much give to those that lack.

    The smallest lacks are filled first; those that give do so in proportion to what they can spare.
    """
    spare = [max(0.0, part - need) for part, need in zip(parts, needed, strict=True)]
    left = sum(spare)
    result = list(parts)
    lacking = sorted((need - part, i) for i, (part, need) in enumerate(zip(parts, needed, strict=True)) if need > part)
    for rank, (lack, i) in enumerate(lacking):
        given = min(lack, left / (len(lacking) - rank))
        result[i] += given
        left -= given
    moved = sum(spare) - left
    if moved:
        result = [part - share_of * moved / sum(spare) for part, share_of in zip(result, spare, strict=True)]
    return result


Lines = Callable[[int, float], Sequence[int]]


def flatten(parts: Sequence[float], least: Sequence[float], lines: Lines, step: float) -> list[float]:
    """Given parts, the least of each, and how many lines each row of a column has at a width, return parts of the same sum at which the
    rows have fewest lines together, as far as moving a little from one column to another finds them.
    """
    now = list(parts)
    held = [lines(place, part) for place, part in enumerate(now)]
    total = _total(held)
    for _ in range(12 * len(now)):
        best = _best_move(now, least, held, lines, step)
        if best is None or best[0] >= total:
            break
        total, giving, taking = best
        for place, change in ((giving, -step), (taking, step)):
            now[place] += change
            held[place] = lines(place, now[place])
    return now


def _best_move(
    parts: Sequence[float], least: Sequence[float], held: Sequence[Sequence[int]], lines: Lines, step: float
) -> tuple[int, int, int] | None:
    """Return the lines that are left by the best move, the column that gives, and the one that takes."""
    moves = []
    for giving, part in enumerate(parts):
        if part - step < least[giving]:
            continue
        for taking in range(len(parts)):
            if taking != giving:
                tried = list(held)
                tried[giving], tried[taking] = lines(giving, part - step), lines(taking, parts[taking] + step)
                moves.append((_total(tried), giving, taking))
    return min(moves, default=None)


def _total(held: Sequence[Sequence[int]]) -> int:
    return sum(map(max, zip(*held, strict=True)))
