"""The configured reports as the daemon makes them: the daily one, and those beside it, which take from it what they do not say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from exporter.config.kinds import suggestion
from exporter.config.model import Config
from exporter.config.reports import DAILY, FurtherReport
from exporter.deliver import PREFIX
from exporter.errors import ConfigError, ConfigProblem
from exporter.expectations import scope_of
from exporter.schedule import Days, DueTimes
from report.policy import EVERY_GUEST, Scope
from report.rows.shared import Reader


@dataclass(frozen=True, slots=True)
class PlannedReport:
    """A report: when it is due, for whom, about which guests, and where its files go.

    `enabled`: whether the daemon makes it. `keep_age` is in seconds. `channels` get it; the daily one goes to those that want it daily.
    """

    name: str
    enabled: bool
    due: DueTimes
    reader: Reader
    scope: Scope
    formats: tuple[str, ...]
    folder: Path
    keep_number: int
    keep_age: int
    channels: frozenset[str]

    @property
    def is_daily(self) -> bool:
        """Whether it is the report of `report:`, which the page serves and changes are told against."""
        return self.name == DAILY

    @property
    def prefix(self) -> str:
        """How the names of its files begin."""
        return prefix_of(self.name)


@dataclass(frozen=True, slots=True)
class Written:
    """The files that were made of a report; `bundle_sha256`: the hash of the audit bundle, which is the last of them, None without one."""

    paths: tuple[Path, ...] = ()
    bundle_sha256: str | None = None


def prefix_of(name: str) -> str:
    """Given a report's name, return how the names of its files begin."""
    return PREFIX if name == DAILY else f"{PREFIX}-{name}"


def planned_reports(config: Config) -> tuple[PlannedReport, ...]:
    """Given a configuration, return its reports: the daily one, whether or not it is enabled, then the others in their order."""
    settings = config.report
    daily = PlannedReport(
        name=DAILY,
        enabled=settings.enabled,
        due=DueTimes(settings.at, settings.zone_info, Days.of(settings.days)),
        reader=Reader(settings.language, settings.zone_info),
        scope=EVERY_GUEST,
        formats=settings.formats,
        folder=settings.output,
        keep_number=settings.keep_number,
        keep_age=settings.keep_age,
        channels=frozenset(channel.name for channel in config.deliver if DAILY in channel.when),
    )
    return (daily, *(_further(report, config) for report in config.reports))


def _further(said: FurtherReport, config: Config) -> PlannedReport:
    default = config.report
    zone = ZoneInfo(said.zone or default.zone)
    days = default.days if said.days is None else said.days
    return PlannedReport(
        name=said.name,
        enabled=True,
        due=DueTimes(said.at or default.at, zone, Days.of(days)),
        reader=Reader(said.language or default.language, zone),
        scope=scope_of(said.match),
        formats=said.formats or default.formats,
        folder=said.output or default.output / said.name,
        keep_number=said.keep_number or default.keep_number,
        keep_age=said.keep_age or default.keep_age,
        channels=frozenset(said.deliver),
    )


def report_called(name: str, reports: Sequence[PlannedReport]) -> PlannedReport:
    """Given a name and the configured reports, return the one that has it; raise ConfigError where there is none."""
    found = next((report for report in reports if report.name == name), None)
    if found is None:
        message = f"no report is called {name}; {suggestion(name, [report.name for report in reports])}"
        raise ConfigError([ConfigProblem("command line", None, "--name", message)])
    return found
