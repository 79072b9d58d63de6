"""Values as lists in words: runs, steps, and which values come in every round. A part of `report.wording.schedule_phrases`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from report.calendar.fields import CalendarFields, Field
from report.calendar.traps import skipped_values
from report.wording.schedule_table import Wording


def listed(items: Sequence[str], words: Wording) -> str:
    """Join items: `a`, `a and b`, `a, b and c`."""
    return words.also.join([*filter(None, [", ".join(items[:-1])]), items[-1]])


def runs(values: Sequence[int], forms: tuple[str, str], name: Callable[[int], str]) -> list[str]:
    """Given rising values, return them as phrases; three and more that follow each other become one `from to`."""
    phrases: list[str] = []
    start = 0
    for end in range(1, len(values) + 1):
        if end < len(values) and values[end] == values[end - 1] + 1:
            continue
        run = values[start:end]
        if len(run) > 2:
            phrases.append(forms[1].format(name(run[0]), name(run[-1])))
        else:
            phrases += [forms[0].format(name(value)) for value in run]
        start = end
    return phrases


def progression(values: Sequence[int]) -> int | None:
    """Return the step of three or more evenly spaced values, else None."""
    steps = {later - earlier for earlier, later in pairwise(values)}
    return steps.pop() if len(values) > 2 and len(steps) == 1 else None


def steady(fields: CalendarFields, part: Field) -> tuple[int, ...]:
    """Return the field's values that come in every round (F6)."""
    skipped = skipped_values(fields, part)
    return tuple(value for value in part.values if value not in skipped)


def even(values: Sequence[int], size: int) -> int | None:
    """Return the step of values that divide a round evenly from its start (0, 15, 30, 45), else None."""
    step = size // len(values)
    return step if len(values) > 1 and list(values) == list(range(0, size, step)) and size % step == 0 else None
