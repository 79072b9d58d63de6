"""One refresh with every answer kept, scrubbed, and the configuration that reads its replay."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from exporter.app import build_gatherer
from exporter.client.answered import Answered
from exporter.config.load import LoadedConfig
from exporter.config.model import Source
from exporter.counters import Counters
from exporter.doctor.hosts import shown_host
from exporter.record.names import Names
from exporter.record.scrub import Recorded, scrub
from report.facts import Facts

CONFIGURATION = """\
# Reads the replay of a recording made by `vzcover record`; any secret will do there.
{sources}report: {{output: reports}}
web: {{listen: "127.0.0.1:0"}}
state_dir: state
"""
SOURCE = """\
  - name: {name}
    hosts: ["{host}"]
    token_id: "{token_id}"
    token_secret: "recorded"
    tls: {{verify: false}}
"""


@dataclass(frozen=True, slots=True)
class Recording:
    """What was recorded at `now` (epoch): by source, under another name, the answers and the address that its replay listens on."""

    now: int
    sources: Mapping[str, Sequence[Recorded]]
    listen: Mapping[str, str]
    config: str


@dataclass(slots=True)
class _Kept:
    """The last answer to each request of each source; told from many threads."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _answers: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], Answered]] = field(default_factory=dict)

    def keep(self, source: str, answer: Answered) -> None:
        key = (answer.path, tuple(sorted(answer.query.items())))
        with self._lock:
            self._answers.setdefault(source, {})[key] = answer

    def of(self, source: str) -> list[Answered]:
        """Return a source's answers by path and query."""
        return [answer for _, answer in sorted(self._answers.get(source, {}).items())]


def record(loaded: LoadedConfig, now: int) -> Recording:
    """Given a configuration and now (epoch), refresh once and return what the sources answered, scrubbed."""
    kept = _Kept()
    gatherer = build_gatherer(loaded.config, Counters(), observe=kept.keep)
    try:
        facts = gatherer.gather(now)
    finally:
        gatherer.close()
    sources = loaded.config.sources
    answers = {source.name: kept.of(source.name) for source in sources}
    names = _names(sources, facts)
    scrubbed = scrub([answer for source in sources for answer in answers[source.name]], names)
    by_source: dict[str, Sequence[Recorded]] = {}
    shown = _shown_names(sources)
    for source in sources:
        count = len(answers[source.name])
        by_source[shown[source.name]], scrubbed = scrubbed[:count], scrubbed[count:]
    listen = {shown[source.name]: _first_address(source, names) for source in sources}
    return Recording(now, by_source, listen, _configuration(sources, shown, listen, names))


def _names(sources: Sequence[Source], facts: Facts) -> Names:
    """Collect what the configuration names; a storage entry that pins a server's certificate means that server by another address."""
    names = Names()
    first = {source.name: source.hosts[0].host for source in sources}
    pinned = {server.certificate_fingerprint: first[server.name] for server in facts.servers}
    for cluster in facts.clusters:
        for storage in cluster.storages.value or ():
            known = pinned.get((storage.fingerprint or "").replace(":", "").lower())
            if known is not None and storage.server:
                names.same_address(storage.server, known)
    for source in sources:
        names.auth_id(source.token_id)
        for host in source.hosts:
            names.address(host.host)
    return names


def _shown_names(sources: Sequence[Source]) -> dict[str, str]:
    kinds = [source.kind for source in sources]
    return {
        source.name: f"{source.kind}-{kinds[: place + 1].count(source.kind)}" for place, source in enumerate(sources)
    }


def _first_address(source: Source, names: Names) -> str:
    host = source.hosts[0]
    return shown_host(names.address(host.host), host.port)


def _configuration(sources: Sequence[Source], shown: Mapping[str, str], listen: Mapping[str, str], names: Names) -> str:
    parts = []
    for kind in ("pve", "pbs"):
        rows = [
            SOURCE.format(
                name=shown[source.name], host=listen[shown[source.name]], token_id=names.auth_id(source.token_id)
            )
            for source in sources
            if source.kind == kind
        ]
        parts += [f"{kind}:\n", *rows] if rows else []
    return CONFIGURATION.format(sources="".join(parts))
