"""How many runs of a job never happened: events of its schedule that passed on a node without a task (rulebook B25)."""

from __future__ import annotations

from report.history import STARTED_WITHIN_SECONDS, ClusterHistory
from report.jobs import JudgedJob, parse_schedule
from report.occurrences import events_between
from report.runs import GRACE_SECONDS, has_part
from report.schedules import CalendarEvent
from report.view import ClusterView

WITHIN_SECONDS = 7 * 86_400


def missed_runs(judged: JudgedJob, history: ClusterHistory, view: ClusterView, now: int) -> int | None:
    """Given a judged job, its cluster's task history and view, and now (epoch), return how many of its events of the last 7 days
    certainly passed without a task, summed over the nodes that have a part in it.

    None where none has, where the schedule does not read, and where the history of one of these nodes is not known.
    """
    event = parse_schedule(judged.job.schedule or "")
    nodes = [node for node in view.nodes or () if has_part(judged, node)]
    if event is None or not nodes or any(node not in history.reach for node in nodes):
        return None
    return sum(_missed_on(judged.job.id, node, event, history, view, now) for node in nodes)


def _missed_on(job: str, node: str, event: CalendarEvent, history: ClusterHistory, view: ClusterView, now: int) -> int:
    """Count back from the newest event that history can tell of: a task that may have made it up may have made up all before it too."""
    until = min(now - GRACE_SECONDS, history.read_at.get(node, 0) - STARTED_WITHIN_SECONDS)
    count = 0
    for at in reversed(events_between(event, view.zone(node), now - WITHIN_SECONDS, until)):
        if not history.missed(job, node, at, now):
            break
        count += 1
    return count
