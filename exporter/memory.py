"""What the daemon remembers between refreshes: the Report before, for the ages of findings, the days before, and the Report that changes
are told against. The history keeps it over a restart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import tzinfo

from exporter.history.history import History
from report.analyse import analyse
from report.facts import Facts
from report.model.report import Report
from report.past import NOTHING, Past, only_verdicts, recalled, remember
from report.policy import Policy
from report.timeline import day_number

# changes are told against the last daily report; where none is written, against a Report of at most this age: a day across a clock change
BASELINE_SECONDS = 25 * 3600


@dataclass(slots=True)
class Memory:
    """Lives as long as the process, across reloads. `judge` is called by the refresh thread, `reported` by the report thread.

    `history`: where it is kept, None where it is not.
    """

    history: History | None = None
    _last: Past = NOTHING
    _baseline: Past = NOTHING
    _recalled: bool = False
    # that people were given a Report since the process began
    _reported: bool = False

    def judge(self, facts: Facts, policy: Policy, now: int) -> Report:
        """Given facts, policy and now (epoch), return the Report, and remember it."""
        self.recall(policy.zone, now)
        report = analyse(facts, policy, now, self._last, self._baseline)
        self.keep(report)
        return report

    def recall(self, zone: tzinfo, now: int) -> None:
        """Given the zone of the days and now (epoch), open the history unless it is open; take what was kept there the first time that this
        works, and remember why it does not.
        """
        if self.history is None:
            return
        kept = self.history.open(now, day_number(now, zone))
        if kept is not None and not self._recalled:
            last, baseline = kept
            self._recalled = True
            self._last = recalled(last, self._last)
            # a history that opens late tells of an older Report than the one that people were given meanwhile
            if baseline.at is not None and not self._reported:
                self._baseline = baseline
        self._last = replace(self._last, failure=self.history.failure)

    def keep(self, report: Report) -> None:
        """Given the newest Report, remember it, and keep it in the history."""
        self._last = remember(report, self._last)
        # a baseline that lies ahead as far was made by a wrong clock
        if self._baseline.at is None or abs(report.created_at - self._baseline.at) > BASELINE_SECONDS:
            self._baseline = only_verdicts(self._last)
        if self.history is not None:
            self.history.keep(report, self._last, self._baseline)

    def reported(self, report: Report) -> None:
        """Given a Report that people were given, tell the changes from now on against it."""
        self._baseline = only_verdicts(remember(report))
        self._reported = True
        if self.history is not None:
            self.history.keep_baseline(self._baseline)
