"""The one place that asks again: only what may pass, bounded by attempts and by the deadline, with jitter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenacity import RetryCallState, Retrying, retry_if_result, stop_after_attempt, wait_exponential_jitter

from exporter.client.calls import Failure
from exporter.client.deadline import Deadline

_BACKOFF = wait_exponential_jitter(multiplier=0.5, max=8, jitter=0.5)


def retrying(attempts: int, deadline: Deadline, sleep: Callable[[float], Any]) -> Retrying:
    """Given the bounds, return what calls a function until it returns no transient Failure; the last result is returned.

    A wait that would pass the deadline is not begun.
    """
    return Retrying(
        retry=retry_if_result(lambda outcome: isinstance(outcome, Failure) and outcome.transient),
        wait=_wait,
        stop=lambda state: stop_after_attempt(attempts)(state) or state.upcoming_sleep >= deadline.remaining(),
        sleep=sleep,
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )


def _wait(state: RetryCallState) -> float:
    backoff = _BACKOFF(state)
    outcome = state.outcome.result() if state.outcome else None
    asked_for = outcome.retry_after if isinstance(outcome, Failure) else None
    return backoff if asked_for is None else max(asked_for, backoff)
