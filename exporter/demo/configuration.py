"""A complete configuration for the simulated clusters: sources, policy with rules and waivers, marks of stores, reported drills."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from exporter.files import write_atomically

AUDITOR = "auditor@"

CONFIGURATION = """\
# Made by `vzcover demo` for simulated clusters; config.example.yaml explains every setting.
pve:
{pve}{pbs}policy:
  waive_by_tag: no-backup
  waive_in_notes: true
  rules:
    - name: personnel files
      match: {{vmids: 140}}
      encrypted: true
      restore_proven_within: 90d
    - name: crown jewels
      match: {{pools: [prod/db]}}
      verified_within: 3d
      offsite: true
      offsite_max_age: 48h
    - name: customer data
      match: {{vmids: "117,200,207"}}
      max_age: 48h
      copies: 2
      offsite: true
    - name: audited
      match: {{vmids: "160,169,172"}}
      verified_within: 14d
    - name: infrastructure
      match: {{pools: [infra]}}
      max_age: 26h
  waivers:
    - guest: {name}/202
      finding: volumes_excluded
      reason: scratch space, rebuilt by the build itself
      owner: build team
      until: {next_year}
    - guest: {name}/204
      reason: being replaced
      owner: network team
      until: {next_week}
    - guest: {name}/160
      finding: volumes_excluded
      reason: to be moved to the archive
      owner: storage team
      until: {last_week}
{storages_file}drills_dir: drills
report:
  output: reports
  zone: Europe/Vienna
  language: {language}
web:
  listen: "{listen}"
state_dir: state
"""
SOURCE = """\
  - name: {name}
    hosts: ["{host}:{port}"]
    token_id: "{token_id}"
    token_secret_file: {name}.secret
    tls:
      fingerprint: "{fingerprint}"
"""
# the backup server that stands elsewhere, where there are two
OFFSITE = "pbs2"
STORAGES = "pbs-storages.yaml"
# the storage entries as they should be: somebody gave the second one a retention of its own in PVE
ENTRIES = (
    ("pbs-main", 0, "main", "{keep_daily: 14, keep_weekly: 8, keep_monthly: 12}"),
    ("pbs-offsite", 1, "copy", "{keep_all: true}"),
)
ENTRY = """\
  - name: {name}
    server: {host}
    port: {port}
    datastore: {datastore}
    clusters: [{cluster}]
    namespace: prod
    username: backup@pbs!pve
    fingerprint: "{fingerprint}"
    prune_backups: {keep}
"""
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A simulated source: its name, where it listens, its certificate's fingerprint, and its tokens with their secrets."""

    name: str
    host: str
    port: int
    fingerprint: str
    tokens: Mapping[str, str]

    @property
    def token_id(self) -> str:
        """Return the token that may read everything."""
        return next(token for token in self.tokens if token.startswith(AUDITOR))


@dataclass(frozen=True, slots=True)
class Simulator:
    """A running simulator: a cluster, the backup servers beside it, and further clusters that save there."""

    cluster: Endpoint
    servers: tuple[Endpoint, ...]
    further: tuple[Endpoint, ...] = ()


def write_configuration(
    folder: Path, simulator: Simulator, language: str, now: int, listen: str = "127.0.0.1:0"
) -> Path:
    """Given a folder, the simulator and now (epoch), write a complete configuration there, the secrets and drills beside it; return its
    path.
    """
    clusters = (simulator.cluster, *simulator.further)
    servers = "".join(_server(server) for server in simulator.servers)
    today = datetime.fromtimestamp(now, UTC)
    text = CONFIGURATION.format(
        pve="".join(map(_source, clusters)),
        pbs=f"pbs:\n{servers}" if servers else "",
        storages_file=f"storages_file: {STORAGES}\n" if servers else "",
        language=language,
        listen=listen,
        name=simulator.cluster.name,
        next_year=(today + 300 * DAY).date(),
        next_week=(today + 7 * DAY).date(),
        last_week=(today - 7 * DAY).date(),
    )
    for source in (*clusters, *simulator.servers):
        write_atomically(folder / f"{source.name}.secret", source.tokens[source.token_id].encode(), mode=0o600)
    if servers:
        write_atomically(folder / STORAGES, _entries(simulator.cluster.name, simulator.servers).encode())
    _write_drills(folder / "drills", simulator.cluster.name, today)
    write_atomically(folder / "config.yaml", text.encode())
    return folder / "config.yaml"


def _entries(cluster: str, servers: Sequence[Endpoint]) -> str:
    """Return the file of storages: the entries of a cluster that lead to the backup servers there are."""
    return "pbs_storages:\n" + "".join(
        ENTRY.format(
            name=name,
            host=servers[number].host,
            port=servers[number].port,
            fingerprint=servers[number].fingerprint,
            datastore=datastore,
            cluster=cluster,
            keep=keep,
        )
        for name, number, datastore, keep in ENTRIES
        if number < len(servers)
    )


def _write_drills(folder: Path, cluster: str, today: datetime) -> None:
    """Report a drill that worked and one that did not."""
    folder.mkdir(parents=True, exist_ok=True)
    worked = {"vmid": 108, "at": (today - 20 * DAY).isoformat(), "result": "ok", "by": "Ada"}
    failed = {
        "vmid": 174,
        "at": (today - 3 * DAY).isoformat(),
        "result": "failed",
        "by": "Ada",
        "message": "the service did not come up",
    }
    for name, drill in (("worked", worked), ("failed", failed)):
        write_atomically(folder / f"{name}.json", json.dumps({"cluster": cluster, **drill}).encode())


def _server(source: Endpoint) -> str:
    """Return a backup server's part; the second one is marked as standing elsewhere."""
    mark = "    site: second site\n    offsite: true\n" if source.name == OFFSITE else ""
    return _source(source) + mark


def _source(source: Endpoint) -> str:
    return SOURCE.format(
        name=source.name,
        host=source.host,
        port=source.port,
        token_id=source.token_id,
        fingerprint=source.fingerprint,
    )
