"""The daemon: a refresh loop, reports and deliveries, each in a thread of its own, a web server, and signals that only set flags."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from exporter.bodies import LazyBody
from exporter.counters import Counters
from exporter.delivery.deliveries import Deliveries
from exporter.errors import ConfigError
from exporter.interpreter import prepare
from exporter.logs import event
from exporter.metrics.exposition import render_exposition
from exporter.metrics.own import SelfStatus
from exporter.parts import Parts, Server
from exporter.reporting import Reporting
from exporter.signals import Flags, signal_flags
from exporter.store import Snapshot, Store
from exporter.systemd import notify, reloading, watchdog_seconds
from report.model.report import Report

LOGGER = logging.getLogger("vzcover")
# how often the main thread looks at its flags and feeds the watchdog
TICK_SECONDS = 0.2
# how long threads may take to finish their unit of work after SIGTERM; they are daemon threads and die with the process after it,
# which has to be gone 5 s after the signal
STOP_SECONDS = 3.0
# settings that a reload leaves as they were
NEED_RESTART = ("web", "state_dir", "history")


@dataclass(frozen=True, slots=True)
class Started:
    """What can be told once the first refresh is done: where the page is, the Report, and the first PDF if one was asked for."""

    urls: tuple[str, ...]
    report: Report
    pdf: Path | None


class Daemon:
    """Runs until a signal.

    `reload` makes the parts anew for SIGHUP and raises ConfigError if the new configuration cannot be used;
    `report_at_start` writes a report right after the first refresh; `clock` is epoch seconds.
    """

    def __init__(
        self,
        parts: Parts,
        store: Store,
        server: Server,
        counters: Counters,
        status: SelfStatus,
        deliveries: Deliveries,
        *,
        reload: Callable[[], Parts],
        report_at_start: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._parts = parts
        self._store = store
        self._server = server
        self._counters = counters
        self._status = status
        self._deliveries = deliveries
        self._config_reloaded = status.config_reloaded
        self._make_parts = reload
        self._clock = clock
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._refreshed = threading.Event()
        self._retired: list[Parts] = []
        self._down: dict[str, bool] = {}
        self._reporting = Reporting(
            lambda: self._parts, store, counters, self._stopping, self._refreshed, at_start=report_at_start, clock=clock
        )

    def run(self, on_started: Callable[[Started], None] | None = None, *, hang_up_ends: bool = False) -> int:
        """Serve until SIGTERM or SIGINT; return the exit code. `on_started` is called after the first refresh (and report, if that
        was asked for). SIGHUP reloads, or ends too if `hang_up_ends`. Raises ConfigError if an address cannot be bound.
        """
        with signal_flags(hang_up_ends=hang_up_ends) as flags:
            self._server.bind()
            prepare()
            self._reporting.recall()
            self._server.start()
            threads = [
                threading.Thread(target=self._refresh_loop, name="refresh", daemon=True),
                threading.Thread(target=self._reporting.loop, name="report", daemon=True),
                threading.Thread(target=self._deliveries.loop, args=(self._stopping,), name="deliveries", daemon=True),
            ]
            for thread in threads:
                thread.start()
            event(LOGGER, logging.INFO, "started", listen=", ".join(self._server.addresses))
            self._watch(flags, on_started)
            self._stop(threads)
        return 0

    def _watch(self, flags: Flags, on_started: Callable[[Started], None] | None) -> None:
        """Wait for signals; tell systemd that the program is ready after the first refresh, and alive as long as it serves."""
        ready = False
        interval = watchdog_seconds()
        fed = time.monotonic()
        while not flags.stop:
            self._stopping.wait(TICK_SECONDS)
            if flags.reload:
                flags.reload = False
                self._reload()
            if not ready and self._first_is_done():
                ready = True
                notify("READY=1\nSTATUS=serving on " + ", ".join(self._server.addresses))
                report = self._store.current.report
                if on_started and report:
                    on_started(Started(self._server.urls, report, self._store.latest_pdf))
            if interval and time.monotonic() - fed >= interval and self._server.alive:
                fed = time.monotonic()
                notify("WATCHDOG=1")

    def _first_is_done(self) -> bool:
        return self._refreshed.is_set() and self._reporting.started.is_set()

    def _stop(self, threads: list[threading.Thread]) -> None:
        """Let the unit of work finish, within limits, and end."""
        notify("STOPPING=1")
        event(LOGGER, logging.INFO, "stopping")
        self._stopping.set()
        self._wake.set()
        # a refresh that began before a reload still reads through the old parts
        for parts in (self._parts, *self._retired):
            parts.close()
        deadline = time.monotonic() + STOP_SECONDS
        self._server.stop()
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    # the refresh loop: the only writer of snapshots

    def _refresh_loop(self) -> None:
        while not self._stopping.is_set():
            started = time.monotonic()
            try:
                self._refresh()
            except Exception:  # a bug must not end the loop; the metric that says "stale" and this line tell of it
                LOGGER.exception("the refresh failed; the last report stays")
            interval = self._parts.config.refresh.interval
            spread = interval * self._parts.config.refresh.jitter
            pause = interval - (time.monotonic() - started) + random.uniform(-spread, spread)  # noqa: S311
            self._wake.wait(max(1.0, pause))
            self._wake.clear()

    def _refresh(self) -> None:
        while self._retired:
            self._retired[0].close()
            del self._retired[0]
        parts, started, now = self._parts, time.monotonic(), int(self._clock())
        report = parts.refresh(now)
        if self._stopping.is_set():
            return
        self._log_changes(report)
        self._status = replace(self._status, refresh_seconds=time.monotonic() - started, refreshed_at=now)
        self._publish(report)
        self._deliveries.offer(report)
        self._refreshed.set()

    def _publish(self, report: Report) -> None:
        """Render what a scrape reads, and offer the rest to be rendered when somebody asks."""
        parts, reports = self._parts, tuple(self._reporting.statuses())
        status = replace(
            self._status,
            config_hash=parts.config_hash,
            config_reloaded=self._config_reloaded,
            web_config_reloaded=self._server.web_config_reloaded,
            report_seconds=reports[0].last_seconds,
            reported_at=reports[0].last_at,
            reports=reports,
        )
        exposition = render_exposition(report, status, self._counters, parts.config.metrics.leave_out)
        page = LazyBody(lambda: parts.page(report, self._store.latest_pdf is not None))
        self._store.replace(Snapshot(exposition, report, LazyBody(lambda: parts.json(report)), page))

    def _log_changes(self, report: Report) -> None:
        """Log one line when a source goes, and one when it returns."""
        for source in report.sources:
            was_down = self._down.get(source.name, False)
            if not source.up and not was_down:
                reason = source.failure.message if source.failure else "no answer"
                event(LOGGER, logging.WARNING, "source is down", source=source.name, error=reason)
            elif source.up and was_down:
                event(LOGGER, logging.INFO, "source is back", source=source.name)
            self._down[source.name] = not source.up

    # reloading

    def _reload(self) -> None:
        """Put a new configuration in force between two refreshes; a bad one leaves the old in force and says so in a metric."""
        notify(reloading())
        old = self._parts
        try:
            self._parts = self._make_parts()
        except ConfigError as error:
            self._config_reloaded = False
            event(
                LOGGER,
                logging.ERROR,
                "the new configuration is not usable; the old one stays in force",
                error=str(error),
            )
        else:
            for name in NEED_RESTART:
                if getattr(self._parts.config, name) != getattr(old.config, name):
                    event(LOGGER, logging.WARNING, "a changed setting needs a restart", setting=name)
            self._retired.append(old)
            self._config_reloaded = True
            event(LOGGER, logging.INFO, "configuration reloaded", sha256=self._parts.config_hash)
        self._wake.set()
        notify("READY=1")
