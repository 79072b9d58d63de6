"""When a guest's next backup is due and how far apart its backups may lie, by the schedules of its active jobs (F10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import lru_cache

from report.facts import BackupJob
from report.jobs import parse_schedule
from report.schedules import CalendarEvent, largest_gap_of

DAY_SECONDS = 86400


@dataclass(slots=True)
class Calendar:
    """Next events as of `now` (epoch), each schedule's computed once; largest gaps, each set of schedules' once a day."""

    now: int
    _next: dict[tuple[str, tzinfo], int | None] = field(default_factory=dict)

    def next_backup(self, jobs: Sequence[BackupJob], zone: tzinfo) -> int | None:
        """Given the active jobs of a guest and its node's zone, return the first event after now (epoch), or None."""
        return min((event for job in jobs if (event := self._next_event(job, zone)) is not None), default=None)

    def rpo_seconds(self, jobs: Sequence[BackupJob], zone: tzinfo) -> int | None:
        """Given the active jobs of a guest and its node's zone, return the longest distance between consecutive events, in seconds.

        It is measured from the start of the day, so that it does not change from one refresh to the next.
        """
        schedules = frozenset((job.schedule or "", zone) for job in jobs)
        return _largest_gap(schedules, self.now - self.now % DAY_SECONDS)

    def _next_event(self, job: BackupJob, zone: tzinfo) -> int | None:
        key = (job.schedule or "", zone)
        if key not in self._next:
            event = parse_schedule(key[0])
            self._next[key] = event.next_after(self.now, zone) if event else None
        return self._next[key]


@lru_cache(maxsize=4096)
def _largest_gap(schedules: frozenset[tuple[str, tzinfo]], since: int) -> int | None:
    events: list[tuple[CalendarEvent, tzinfo]] = [
        (event, zone) for schedule, zone in sorted(schedules, key=str) if (event := parse_schedule(schedule))
    ]
    return largest_gap_of(events, since) if events else None
