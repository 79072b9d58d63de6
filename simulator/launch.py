"""Puts servers together from what was asked for, and says where they listen."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from simulator.answers import Answer
from simulator.cases import read_case
from simulator.certificate import fingerprint, write_throwaway
from simulator.faults import Faults
from simulator.model import Cluster, Token
from simulator.past.files import file_shelves
from simulator.past.servers import make_servers
from simulator.past.shelves import server_shelves
from simulator.pbs.model import RELEASES as PBS_RELEASES
from simulator.pbs.routes import PbsApi
from simulator.pve.routes import Api
from simulator.replay import Replay
from simulator.scenario.access import auditor
from simulator.scenario.build import make_present, make_streams
from simulator.scenario.wanted import RELEASES, Target, Wanted
from simulator.server import Server, real_or_fixed_clock, serve_until

__all__ = ["announce", "made_up", "replayed", "serve_until"]
MOST_SERVERS = 9


@dataclass(frozen=True, slots=True)
class Started:
    """A server that is bound to its port, and what its users need to know."""

    server: Server
    certificate: Path
    tokens: Mapping[str, str]
    name: str = ""
    passwords: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, object] = field(default_factory=dict)

    def row(self) -> dict[str, object]:
        host, port = str(self.server.server_address[0]), int(self.server.server_address[1])
        return {
            "url": f"https://{f'[{host}]' if ':' in host else host}:{port}",
            "host": host,
            "port": port,
            "fingerprint": fingerprint(self.certificate),
            "ca_file": str(self.certificate.resolve()),
            "tokens": dict(self.tokens),
        }

    def backup_server_row(self) -> dict[str, object]:
        return {"name": self.name, **self.row(), "passwords": dict(self.passwords)}


def announce(started: Sequence[Started], ready_file: Path | None) -> None:
    """Write the ready line: where the cluster listens, and under `pbs` the backup servers."""
    document = {**started[0].row(), **started[0].more}
    if len(started) > 1:
        document["pbs"] = [one.backup_server_row() for one in started[1:]]
    ready = json.dumps(document)
    if ready_file:
        partial = ready_file.with_name(f".{ready_file.name}.partial")
        partial.write_text(f"{ready}\n")
        partial.replace(ready_file)
    print(ready, flush=True)


def replayed(options: argparse.Namespace, backend: Replay, folder: Path) -> list[Started]:
    """The server that answers with recordings; its clock stands still, and the ready line says where it comes from."""
    files = _files(options, folder)
    now = options.now if options.now is not None else backend.recorded_at
    clock: Callable[[], int] = real_or_fixed_clock(None) if now is None else lambda: now
    server = Server(
        options.listen, backend, files, options.faults, clock, options.latency / 1000, backend.of_backup_server
    )
    source = backend.clock_source if options.now is None else "--now"
    return [Started(server, files[0], options.tokens, more={"clock": {"now": clock(), "source": source}})]


def made_up(options: argparse.Namespace, folder: Path) -> list[Started]:
    """The made-up cluster first, then its backup servers; they are bound first because storage entries name the ports."""
    if not 0 <= options.pbs <= MOST_SERVERS:
        raise ValueError(f"--pbs must be 0 to {MOST_SERVERS}")
    if options.history_days < 1 or options.groups < 0 or options.groups_times < 1:
        raise ValueError("--history-days and --groups-times must be 1 or more, --groups not negative")
    if options.groups and not options.pbs:
        raise ValueError("--groups needs --pbs")
    clock = real_or_fixed_clock(options.now)
    files = _files(options, folder)
    bound = [
        Server((options.listen[0], 0), _Unready(), _own_files(folder, number), Faults(), clock, plain_errors=True)
        for number in range(options.pbs)
    ]
    certificates = [folder / f"pbs{number + 1}" / "certificate.pem" for number in range(options.pbs)]
    targets = tuple(
        Target(f"pbs{number}", str(server.server_address[0]), int(server.server_address[1]), fingerprint(certificate))
        for number, (server, certificate) in enumerate(zip(bound, certificates, strict=True), 1)
    )
    if options.case:
        cluster, apis = read_case(options.case), list[PbsApi]()
    else:
        cluster, apis = _world(options, clock(), targets)
    cluster = _with_tokens(cluster, options.tokens)
    server = Server(options.listen, Api(cluster), files, options.faults, clock, options.latency / 1000)
    started = [Started(server, files[0], {token.identity: token.secret for token in cluster.tokens})]
    for one, api, certificate in zip(bound, apis, certificates, strict=False):
        one.backend, one.latency = api, options.latency / 1000
        started.append(Started(one, certificate, api.server.tokens, api.server.name, api.server.passwords))
    return started


class _Unready:
    """Stands in until the ports are known and the world can be made."""

    def answer(self, method: str, target: str, authorization: str | None, now: int) -> Answer:
        return Answer(503, "Service Unavailable")

    def change_job(self, identity: str, changes: Mapping[str, object]) -> None:
        raise KeyError(identity)

    def control(self, method: str, path: str, document: Mapping[str, object]) -> object:
        raise KeyError(path)


def _world(options: argparse.Namespace, now: int, targets: tuple[Target, ...]) -> tuple[Cluster, list[PbsApi]]:
    wanted = Wanted(
        guests=options.guests,
        nodes=options.nodes,
        seed=options.seed,
        release=RELEASES[options.pve_version],
        zone=options.zone,
        now=now,
        offline_node=options.offline_node,
        missing_pool=options.missing_pool,
        targets=targets,
        history_days=options.history_days,
        bulk=options.groups,
        bulk_times=options.groups_times,
    )
    cluster, runs, plan = make_present(wanted)
    streams = make_streams(cluster, runs, plan, wanted)
    servers = make_servers(cluster, streams, runs, wanted, PBS_RELEASES[options.pbs_version])
    apis = [PbsApi(server, options.pbs_delays == "on", options.seed) for server in servers]
    shelves, identities = server_shelves(cluster, apis)
    return replace(cluster, backups=file_shelves(cluster, streams) | shelves, identities=identities), apis


def _files(options: argparse.Namespace, folder: Path) -> tuple[Path, Path]:
    return (options.certificate, options.key) if options.certificate else write_throwaway(folder)


def _own_files(folder: Path, number: int) -> tuple[Path, Path]:
    own = folder / f"pbs{number + 1}"
    own.mkdir()
    return write_throwaway(own)


def _with_tokens(cluster: Cluster, wanted: Mapping[str, str]) -> Cluster:
    """Tokens with the secrets wanted; one beside the three ready-made ones gets the auditor's rights."""
    known = {token.identity: token for token in cluster.tokens}
    access = list(cluster.access)
    for identity, secret in wanted.items():
        if identity in known:
            known[identity] = replace(known[identity], secret=secret)
        else:
            known[identity] = Token(identity, secret, separated=True)
            access += auditor(identity)
    return replace(cluster, tokens=tuple(known.values()), access=tuple(access))
