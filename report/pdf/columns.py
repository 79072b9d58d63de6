"""How a width is divided. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Sequence


def share(total: float, weights: Sequence[float], least: Sequence[float]) -> list[float]:
    """Given a length, weights, and the least part of each, return parts in proportion that add up to the length.

    Where the least parts do not fit together, the parts are equal.
    """
    if sum(least) > total:
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
