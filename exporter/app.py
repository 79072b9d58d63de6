"""The composition root: configuration → the parts of a running program. The only place where adapters are made."""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from exporter.bodies import Exposition
from exporter.bundle.content import Chain, Made
from exporter.bundle.write import write_report
from exporter.client.answered import Answered
from exporter.client.settings import ClientSettings
from exporter.client.source import SourceClient
from exporter.collect.drills import DrillFolder
from exporter.collect.gather import Collector, Gatherer, SourceFacts
from exporter.collect.pbs import ServerCollector
from exporter.collect.pbs_listing import ServerRhythm
from exporter.collect.pve import ClusterCollector, Rhythm
from exporter.config.load import LoadedConfig
from exporter.config.model import Config, Source
from exporter.config.section import DAY
from exporter.counters import Counters
from exporter.daemon import Daemon
from exporter.declared import DeclaredFile
from exporter.deliver import newest_pdf, remove_old
from exporter.delivery.build import channels_of
from exporter.delivery.deliveries import Deliveries
from exporter.delivery.outbox import FILE_NAME as OUTBOX_FILE
from exporter.errors import BundleError
from exporter.expectations import policy_of
from exporter.history.history import History
from exporter.history.reading import read_past
from exporter.logs import event
from exporter.memory import Memory
from exporter.metrics.exposition import render_exposition
from exporter.metrics.own import SelfStatus
from exporter.parts import Parts
from exporter.reports import PlannedReport, Written, planned_reports
from exporter.store import Snapshot, Store
from exporter.web.page import render_page
from exporter.web.server import WebServer
from exporter.web.settings import WebSettings
from report.analyse import analyse
from report.cut import cut_to
from report.model.report import Report
from report.past import NOTHING, Past
from report.rows.paper import build_paper
from report.rows.shared import Reader
from report.tables.json_report import to_json
from report.timeline import day_number
from report.version import VERSION

LOGGER = logging.getLogger("vzcover")
# of the refresh's deadline: how much of it one call may take, so that an answer that never ends leaves time for the others
ANSWER_SHARE = 1 / 3


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
    gatherer, memory = build_gatherer(loaded.config, counters), Memory(build_history(loaded.config, counters))
    declared = declared_file(loaded.config)
    deliveries = Deliveries((), loaded.config.state_dir / OUTBOX_FILE, counters, clock)

    def reload() -> Parts:
        nonlocal gatherer, declared
        fresh = load()
        channels = channels_of(fresh.config)
        gatherer = build_gatherer(fresh.config, counters, gatherer.held())
        declared = declared_file(fresh.config, declared)
        deliveries.use(channels)
        return build_parts(fresh, gatherer, memory, declared, deliveries)

    deliveries.use(channels_of(loaded.config))
    parts = build_parts(loaded, gatherer, memory, declared, deliveries)
    return Daemon(
        parts,
        store,
        server,
        counters,
        status,
        deliveries,
        reload=reload,
        report_at_start=report_at_start,
        clock=clock,
    )


def build_history(config: Config, counters: Counters) -> History | None:
    """Given a configuration and the live counters, return where days are kept, None where that is switched off."""
    if not config.history.enabled:
        return None
    return History(config.history_file, config.history.keep // DAY, counters.count_history_failure)


def build_gatherer(
    config: Config,
    counters: Counters,
    held: Mapping[str, SourceFacts] | None = None,
    observe: Callable[[str, Answered], None] | None = None,
    *,
    once: bool = False,
) -> Gatherer:
    """Given a configuration, the live counters, facts held from before (by source), who is told of each answer of a source (None:
    nobody), and whether there is one refresh only, return what reads all sources.
    """
    rhythm = Rhythm(config.refresh.interval, config.refresh.guest_config_interval, once)

    def client(source: Source) -> SourceClient:
        told = partial(observe, source.name) if observe else None
        settings = replace(
            client_settings(source, config.refresh.attempts), answer_timeout=config.refresh.deadline * ANSWER_SHARE
        )
        return SourceClient(settings, counters, observe=told)

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
    drills = DrillFolder(config.drills_dir) if config.drills_dir else None
    return Gatherer(collectors, config.refresh.deadline, kept, drills=drills)


def build_parts(
    loaded: LoadedConfig,
    gatherer: Gatherer,
    memory: Memory,
    declared: DeclaredFile | None,
    deliveries: Deliveries,
) -> Parts:
    """Given a configuration, what reads its sources, what is remembered, the file of storages where there is one, and what delivers
    reports, return the parts of the daemon that depend on them.
    """
    config = loaded.config
    reader = reader_of(config)
    policy = policy_of(config)

    def write(planned: PlannedReport, report: Report, due: int | None) -> Written:
        told = cut_to(report, planned.scope)
        written = write_report(planned, told, made_with(loaded, Chain(planned.name), due), _passed_over)
        deliveries.reported(planned, told, written)
        if planned.is_daily:
            memory.reported(report)
        return written

    def remove(planned: PlannedReport, now: int) -> Sequence[Path]:
        return remove_old(planned.folder, now, planned.keep_number, planned.keep_age, planned.prefix)

    return Parts(
        config=config,
        config_hash=loaded.sha256,
        reports=planned_reports(config),
        refresh=lambda now: memory.judge(gatherer.gather(now), declared.added_to(policy) if declared else policy, now),
        json=lambda report: to_json(report, reader.language).encode(),
        page=lambda report, pdf: render_page(build_paper(report, reader.language, reader.zone), pdf=pdf).encode(),
        write_report=write,
        remove_old=remove,
        newest_pdf=lambda: newest_pdf(config.report.output),
        close=gatherer.close,
    )


def made_with(loaded: LoadedConfig, chain: Chain, due: int | None = None) -> Made:
    """Given a configuration, and the chain and the due time (epoch) that a bundle is for, return how it is made here."""
    return Made(chain, due, loaded.sha256, platform.python_version())


def _passed_over(error: BundleError) -> None:
    event(LOGGER, logging.WARNING, "a bundle cannot be read; the new one does not name it", error=str(error))


def refresh_once(loaded: LoadedConfig, now: int, counters: Counters | None = None) -> Report:
    """Given a configuration, now (epoch) and what counts its requests (None: nobody asks), make one refresh and return its Report.

    For the commands that end after it: what the daemon kept is read, and nothing is written.
    """
    gatherer = build_gatherer(loaded.config, counters or Counters(), once=True)
    policy, declared = policy_of(loaded.config), declared_file(loaded.config)
    past, baseline = kept_past(loaded.config, now)
    try:
        return analyse(gatherer.gather(now), declared.added_to(policy) if declared else policy, now, past, baseline)
    finally:
        gatherer.close()


def kept_past(config: Config, now: int) -> tuple[Past, Past]:
    """Given a configuration and now (epoch), return what the daemon kept: of the last Report, and of the one changes start from."""
    if not config.history.enabled:
        return NOTHING, NOTHING
    return read_past(config.history_file, day_number(now, config.report.zone_info))


def exposition_of(report: Report, config_hash: str, counters: Counters) -> Exposition:
    """Given a Report made without a daemon, and what was counted meanwhile, return its metrics."""
    return render_exposition(report, SelfStatus(VERSION, platform.python_version(), config_hash), counters)


def reader_of(config: Config) -> Reader:
    """Given a configuration, return for whom reports are written."""
    return Reader(config.report.language, config.report.zone_info)


def declared_file(config: Config, before: DeclaredFile | None = None) -> DeclaredFile | None:
    """Given a configuration and what read its file of storages until now, return what reads it from now on; None without such a file."""
    if config.storages_file is None:
        return None
    return DeclaredFile.following(before, config.storages_file, tuple(source.name for source in config.pve))


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
        header_seconds=config.web.request_timeout,
        stalled_seconds=config.web.stall_timeout,
        max_header_bytes=config.web.max_request_bytes,
    )
