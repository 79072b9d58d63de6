"""What the daemon is made of, as plain types: `exporter.app` wires them, `exporter.daemon` runs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from exporter.config.model import Config
from exporter.reports import PlannedReport, Written
from report.model.report import Report


@dataclass(frozen=True, slots=True)
class Parts:
    """What a configuration stands for, wired by `exporter.app`; made anew when the configuration is reloaded.

    `reports`: the configured ones, the daily one first. `refresh`: now (epoch) → Report. `json`, `page`: Report (and whether there is a
    PDF) → body. `write_report`: a configured report, the Report of a refresh and the due time that it serves (epoch; None: at none) →
    the files written. `remove_old`: a configured report and now → the files removed. Both raise OutputError, the former BundleError too.
    `newest_pdf`: the newest PDF of the daily report. `close`: let go of all connections.
    """

    config: Config
    config_hash: str
    reports: tuple[PlannedReport, ...]
    refresh: Callable[[int], Report]
    json: Callable[[Report], bytes]
    page: Callable[[Report, bool], bytes]
    write_report: Callable[[PlannedReport, Report, int | None], Written]
    remove_old: Callable[[PlannedReport, int], Sequence[Path]]
    newest_pdf: Callable[[], Path | None]
    close: Callable[[], None]


class Server(Protocol):
    """The web server as the daemon sees it."""

    @property
    def addresses(self) -> tuple[str, ...]: ...
    @property
    def urls(self) -> tuple[str, ...]: ...
    @property
    def alive(self) -> bool: ...
    @property
    def web_config_reloaded(self) -> bool | None: ...
    def bind(self) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
