"""Hypothesis strategies for calendar events: texts that the grammar accepts (F1–F4), zones, instants near clock changes."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from hypothesis import strategies as st

ZONES = tuple(
    ZoneInfo(name)
    for name in (
        *("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"),
        # half an hour; at midnight; at midnight the other way; winter counts as summer time
        *("Australia/Lord_Howe", "America/Havana", "Asia/Beirut", "Europe/Dublin"),
    )
)
_CHANGES = (1774746000, 1792890000)  # the instants of 2026 at which clocks change in Europe
EPOCHS = st.integers(1767225600, 1830297600) | st.sampled_from(_CHANGES).flatmap(
    lambda change: st.integers(change - 7300, change + 7300)
)
_DAYS = ("mon", "tue", "wednesday", "Thu", "FRI", "saturday", "sun")


def _entry(low: int, high: int, open_steps: bool) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(sorted)
    forms = [
        number.map(str),
        span.map(lambda pair: f"{pair[0]}..{pair[1]}"),
        st.tuples(span, st.integers(0, high)).map(lambda pair: f"{pair[0][0]}..{pair[0][1]}/{pair[1]}"),
    ]
    if open_steps:
        forms.append(st.tuples(number, st.integers(0, high)).map(lambda pair: f"{pair[0]}/{pair[1]}"))
    return st.one_of(forms)


def _field(low: int, high: int, open_steps: bool) -> st.SearchStrategy[str]:
    forms = [st.just("*"), st.lists(_entry(low, high, open_steps), min_size=1, max_size=3).map(",".join)]
    if open_steps:
        forms.append(st.integers(1, high).map(lambda step: f"*/{step}"))
    return st.one_of(forms)


def _schedules(open_steps: bool) -> st.SearchStrategy[str]:
    weekday = st.sampled_from(_DAYS)
    weekdays = st.lists(weekday | st.tuples(weekday, weekday).map("..".join), min_size=1, max_size=3).map(",".join)
    month_day = st.tuples(_field(1, 12, open_steps), _field(1, 31, open_steps)).map("-".join)
    dates = month_day | st.tuples(_field(2025, 2029, open_steps), month_day).map("-".join)
    minutes = _field(0, 59, open_steps)
    with_hours = st.tuples(_field(0, 23, open_steps), minutes).map(":".join)
    times = minutes | with_hours | st.tuples(with_hours, _field(0, 59, open_steps)).map(":".join)
    parts = st.tuples(st.none() | weekdays, st.none() | dates, times, st.none() | st.just("UTC"))
    return parts.map(lambda parts: " ".join(part for part in parts if part is not None))


schedules = _schedules(open_steps=True)
closed_schedules = _schedules(open_steps=False)
