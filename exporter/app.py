"""The composition root: configuration → the parts of a running program. The only place where adapters are made."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping

from exporter.bodies import Exposition
from exporter.client.settings import ClientSettings
from exporter.client.source import SourceClient
from exporter.collect.gather import Collector, Gatherer, SourceFacts
from exporter.collect.pbs import ServerCollector
from exporter.collect.pbs_listing import ServerRhythm
from exporter.collect.pve import ClusterCollector, Rhythm
from exporter.config.load import LoadedConfig
from exporter.config.model import Config, Source
from exporter.counters import Counters
from exporter.daemon import Daemon
from exporter.deliver import Reader, newest_pdf, remove_old, write_files
from exporter.metrics.exposition import render_exposition
from exporter.metrics.own import SelfStatus
from exporter.parts import Parts
from exporter.schedule import DailyTime
from exporter.store import Snapshot, Store
from exporter.web.page import render_page
from exporter.web.server import WebServer
from exporter.web.settings import WebSettings
from report.analyse import analyse
from report.model import Report
from report.policy import Policy
from report.rows.paper import build_paper
from report.tables.json_report import to_json
from report.version import VERSION


def build_daemon(
    loaded: LoadedConfig,
    load: Callable[[], LoadedConfig],
    *,
    report_at_start: bool = False,
    clock: Callable[[], float] = time.time,
) -> Daemon:
    """Given a configuration and how to read it anew, return the daemon, wired. Raises ConfigError if web.config_file cannot be used."""
    counters = Counters()
    status = SelfStatus(VERSION, platform.python_version(), loaded.sha256, config_reloaded=True)
    store = Store(Snapshot(render_exposition(None, status, counters)))
    server = WebServer(store, web_settings(loaded.config))
    gatherer = build_gatherer(loaded.config, counters)

    def reload() -> Parts:
        nonlocal gatherer
        fresh = load()
        gatherer = build_gatherer(fresh.config, counters, gatherer.held())
        return build_parts(fresh, gatherer)

    parts = build_parts(loaded, gatherer)
    return Daemon(parts, store, server, counters, status, reload=reload, report_at_start=report_at_start, clock=clock)


def build_gatherer(config: Config, counters: Counters, held: Mapping[str, SourceFacts] | None = None) -> Gatherer:
    """Given a configuration, the live counters, and facts held from before (by source), return what reads all sources."""
    rhythm = Rhythm(config.refresh.interval, config.refresh.guest_config_interval)

    def client(source: Source) -> SourceClient:
        return SourceClient(client_settings(source, config.refresh.attempts), counters)

    collectors: list[Collector] = [
        ClusterCollector(source.name, source.token_id, client(source), counters, rhythm, source.max_requests)
        for source in config.pve
    ]
    collectors += [
        ServerCollector(
            source.name, source.token_id, client(source), ServerRhythm(config.refresh.interval), source.max_requests
        )
        for source in config.pbs
    ]
    kept = {name: facts for name, facts in (held or {}).items() if name in {source.name for source in config.sources}}
    return Gatherer(collectors, config.refresh.deadline, kept)


def build_parts(loaded: LoadedConfig, gatherer: Gatherer) -> Parts:
    """Given a configuration and what reads its sources, return the parts of the daemon that depend on them."""
    config = loaded.config
    reader = reader_of(config)
    policy = policy_of(config)
    settings = config.report

    return Parts(
        config=config,
        config_hash=loaded.sha256,
        daily=DailyTime(settings.at, settings.zone_info),
        refresh=lambda now: analyse(gatherer.gather(now), policy, now),
        json=lambda report: to_json(report, reader.language).encode(),
        page=lambda report, pdf: render_page(build_paper(report, reader.language, reader.zone), pdf=pdf).encode(),
        write_report=lambda report: write_files(settings.output, report, reader, settings.formats),
        remove_old=lambda now: remove_old(settings.output, now, settings.keep_number, settings.keep_age),
        newest_pdf=lambda: newest_pdf(settings.output),
        close=gatherer.close,
    )


def refresh_once(loaded: LoadedConfig, now: int, counters: Counters | None = None) -> Report:
    """Given a configuration, now (epoch) and what counts its requests (None: nobody asks), make one refresh and return its Report.

    For the commands that end after it.
    """
    gatherer = build_gatherer(loaded.config, counters or Counters())
    try:
        return analyse(gatherer.gather(now), policy_of(loaded.config), now)
    finally:
        gatherer.close()


def exposition_of(report: Report, config_hash: str, counters: Counters) -> Exposition:
    """Given a Report made without a daemon, and what was counted meanwhile, return its metrics."""
    return render_exposition(report, SelfStatus(VERSION, platform.python_version(), config_hash), counters)


def policy_of(config: Config) -> Policy:
    """Given a configuration, return what the operator expects."""
    return Policy(demand_templates=config.policy.demand_templates)


def reader_of(config: Config) -> Reader:
    """Given a configuration, return for whom reports are written."""
    return Reader(config.report.language, config.report.zone_info)


def client_settings(source: Source, attempts: int) -> ClientSettings:
    """Given a configured source and how often a call may be tried, return what its client needs to know."""
    return ClientSettings(
        name=source.name,
        kind="pve" if source.kind == "pve" else "pbs",
        hosts=tuple((host.host, host.port) for host in source.hosts),
        token_id=source.token_id,
        token_secret=source.token_secret.get_secret_value(),
        verify=source.tls.verify,
        ca_file=str(source.tls.ca_file) if source.tls.ca_file else None,
        fingerprints=source.tls.fingerprint,
        connect_timeout=source.connect_timeout,
        read_timeout=source.timeout,
        attempts=attempts,
        max_requests=source.max_requests,
    )


def web_settings(config: Config) -> WebSettings:
    """Given a configuration, return what the web server needs to know."""
    return WebSettings(
        listen=config.web.listen,
        web_config_file=config.web.config_file,
        max_connections=config.web.max_connections,
        keep_alive_seconds=config.web.idle_timeout,
    )
