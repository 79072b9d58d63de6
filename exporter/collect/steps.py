"""The steps of one refresh of one source: what each call told, what is held where it failed, and how each collector fared."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from exporter.errors import FailureReason, Malformed, SourceError
from report.facts import Inventory, OracleAnswer
from report.readings import CollectorRun, Failure, Reading

T = TypeVar("T")
S = TypeVar("S", bound=Hashable)

# a value may be relied on for three periods of the collector it came from
STALE_AFTER_PERIODS = 3
# failures after which asking this source for anything else is likely to fail the same way, slowly
NO_ANSWER = frozenset(
    {
        FailureReason.CONNECT,
        FailureReason.TLS,
        FailureReason.TIMEOUT,
        FailureReason.RESET,
        FailureReason.DEADLINE,
        FailureReason.UNAUTHORIZED,
    }
)

Doubt = Callable[[Any], Failure | None]


def no_answer(reading: Reading[Any]) -> bool:
    """Given a reading, say whether its call got no answer at all."""
    return reading.failure is not None and reading.failure.code in NO_ANSWER


def kept(held: Reading[T], failure: Failure, max_age: int | None = None) -> Reading[T]:
    """Given what is held and why nothing new came, return it with its age and the failure."""
    return replace(held, failure=failure, max_age=held.max_age if max_age is None else max_age)


@dataclass(slots=True)
class Steps:
    """One refresh: `label` is how people see the source (`pbs vault`), `period` its seconds between refreshes. The calls of a step
    run side by side in `pool`; each step is noted in `runs`. `held_runs` are those of the refresh before. `answered`: at least one
    call had a real answer; a step with nothing to ask succeeds too, and proves nothing. `failures`: the first one of each collector.
    `once`: no refresh follows that could read what this one leaves.
    """

    label: str
    now: int
    period: int
    held_runs: Sequence[CollectorRun]
    pool: ThreadPoolExecutor
    runs: list[CollectorRun] = field(default_factory=list)
    answered: bool = False
    failures: dict[str, Failure] = field(default_factory=dict)
    once: bool = False

    @property
    def max_age(self) -> int:
        """Seconds that a value read in this refresh may be relied on."""
        return STALE_AFTER_PERIODS * self.period

    def one(self, collector: str, held: Reading[T], fetch: Callable[[], T], doubt: Doubt | None = None) -> Reading[T]:
        """Fetch one value and note it; see `read`."""
        started = time.monotonic()
        reading = self.read(held, fetch, doubt)
        self.note(collector, [reading], started, _count(reading.value))
        return reading

    def many(
        self,
        collector: str,
        subjects: Iterable[S],
        held: Mapping[S, Reading[T]],
        fetch: Callable[[S], T],
        doubt: Callable[[S], Doubt] | None = None,
        away: Mapping[S, Failure] | None = None,
    ) -> dict[S, Reading[T]]:
        """Fetch one value for each subject, side by side, and note it; subjects in `away` are not asked, for the reason given."""
        started = time.monotonic()
        not_asked = away or {}

        def read(subject: S) -> Reading[T]:
            before: Reading[T] = held.get(subject, Reading())
            if subject in not_asked:
                return kept(before, not_asked[subject])
            return self.read(before, lambda: fetch(subject), doubt(subject) if doubt else None)

        names = list(dict.fromkeys(subjects))
        readings = dict(zip(names, self.pool.map(read, names), strict=True))
        asked = [reading for name, reading in readings.items() if name not in not_asked]
        self.note(collector, asked, started, len(asked))
        return readings

    def read(self, held: Reading[T], fetch: Callable[[], T], doubt: Doubt | None = None) -> Reading[T]:
        """Fetch one value; on failure keep the held one and say why.

        `doubt`, given the value, says why it may not be all there is: then it is marked partial, and an empty one tells nothing (D4).
        """
        try:
            value = fetch()
            self.answered = True
            failure = doubt(value) if doubt else None
        except (SourceError, ValueError, OverflowError) as error:
            return kept(held, self.failure_of(error), self.max_age)
        if failure and not value:
            return kept(held, failure, self.max_age)
        return Reading(value, self.now, self.max_age, failure, partial=failure is not None)

    def distrust(self, collector: str, held: Reading[T], failure: Failure) -> Reading[T]:
        """Given what is held and why an answer that came cannot be all there is, keep what is held; the collector failed."""
        self.failed(collector, failure)
        return kept(held, failure, self.max_age)

    def failed(self, collector: str, failure: Failure) -> None:
        """Note that a collector that had an answer did not get all it asked for, and why."""
        self.failures.setdefault(collector, failure)
        before = next((run.last_success_at for run in self.held_runs if run.collector == collector), None)
        self.runs = [
            replace(run, success=False, last_success_at=before) if run.collector == collector else run
            for run in self.runs
        ]

    def failure_of(self, error: Exception) -> Failure:
        """Given what a call or its parsing raised, return the failure."""
        if not isinstance(error, SourceError):
            error = Malformed(self.label, "an answer", f"a value that cannot be right: {error}")
        return Failure(error.reason, error.endpoint, str(error))

    def note(self, collector: str, readings: Sequence[Reading[Any]], started: float, items: int | None) -> None:
        """Note how a collector fared: its readings, when it started (monotonic), how many things it told."""
        failure = next((reading.failure for reading in readings if reading.failure is not None), None)
        success = failure is None
        if failure is not None:
            self.failures.setdefault(collector, failure)
        before = next((run.last_success_at for run in self.held_runs if run.collector == collector), None)
        seconds = time.monotonic() - started
        self.runs.append(CollectorRun(collector, success, seconds, self.now if success else before, items))

    def missed(self) -> list[CollectorRun]:
        """Return the runs of the refresh before whose collectors had no turn in this one, as failed."""
        noted = {run.collector for run in self.runs}
        return [
            replace(run, success=False, duration_seconds=0.0) for run in self.held_runs if run.collector not in noted
        ]


def _count(value: object) -> int | None:
    """Count what a reading holds, None where that means nothing."""
    if isinstance(value, Inventory):
        return len(value.guests)
    if isinstance(value, OracleAnswer):
        value = value.value
    return len(value) if isinstance(value, tuple | frozenset) else None
