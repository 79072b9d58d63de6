"""Puts servers together from what was asked for, and says where they listen."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from simulator.answers import Answer
from simulator.cases import read_case
from simulator.certificate import fingerprint, write_throwaway
from simulator.faults import Faults
from simulator.model import Cluster, Token
from simulator.past.branch import add_branch
from simulator.past.files import file_shelves
from simulator.past.servers import admit, make_servers
from simulator.pbs.model import RELEASES as PBS_RELEASES
from simulator.pbs.routes import PbsApi
from simulator.pve.routes import Api
from simulator.reach import BackupServers
from simulator.replay import Replay
from simulator.scenario.access import auditor
from simulator.scenario.branch import make_branch
from simulator.scenario.build import make_present, make_streams, scenario
from simulator.scenario.wanted import RELEASES, Target, Wanted
from simulator.server import Server
from simulator.serving import real_or_fixed_clock

MOST_SERVERS = 9
# how the clusters after the first one differ, beside names, guests and entries of the backup servers
FURTHER: Mapping[str, Any] = {"guests": 12, "nodes": 2, "offline_node": None, "missing_pool": False, "bulk": 0}


@dataclass(frozen=True, slots=True)
class Started:
    """A server that is bound to its port, and what its users need to know."""

    server: Server
    certificate: Path
    tokens: Mapping[str, str]
    name: str = ""
    passwords: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, object] = field(default_factory=dict)
    backup_server: bool = False

    def row(self) -> dict[str, object]:
        host, port = _address(self.server)
        return {
            "url": f"https://{f'[{host}]' if ':' in host else host}:{port}",
            "host": host,
            "port": port,
            "fingerprint": fingerprint(self.certificate),
            "ca_file": str(self.certificate.resolve()),
            "tokens": dict(self.tokens),
        }

    def named_row(self) -> dict[str, object]:
        passwords = {"passwords": dict(self.passwords)} if self.backup_server else {}
        return {"name": self.name, **self.row(), **passwords}


def announce(started: Sequence[Started], ready_file: Path | None) -> None:
    """Write the ready line: where the first cluster listens, under `further` the others, under `pbs` backup servers."""
    document = {**started[0].row(), **started[0].more}
    for key, backup_servers in (("further", False), ("pbs", True)):
        rows = [one.named_row() for one in started[1:] if one.backup_server is backup_servers]
        if rows:
            document[key] = rows
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
    """The made-up clusters first, then their backup servers, which are bound first: storage entries name the ports."""
    _check(options)
    clock = real_or_fixed_clock(options.now)
    names = [f"pbs{number}" for number in range(1, options.pbs + 1)]
    files = {name: _own_files(folder, name) for name in names}
    bound = {
        name: Server((options.listen[0], 0), _Unready(), files[name], Faults(), clock, plain_errors=True)
        for name in names
    }
    targets = tuple(Target(name, *_address(bound[name]), fingerprint(files[name][0])) for name in names)
    if options.case:
        clusters, apis = [read_case(options.case)], list[PbsApi]()
    else:
        clusters, apis = _world(options, clock(), targets)
    servers = BackupServers(zip(targets, apis, strict=False))
    started = [_cluster(options, folder, number, cluster, servers) for number, cluster in enumerate(clusters)]
    for name, api in zip(names, apis, strict=False):
        bound[name].backend, bound[name].latency = api, options.latency / 1000
        own = api.server
        started.append(Started(bound[name], files[name][0], own.tokens, name, own.passwords, backup_server=True))
    return started


def _check(options: argparse.Namespace) -> None:
    if not 0 <= options.pbs <= MOST_SERVERS:
        raise ValueError(f"--pbs must be 0 to {MOST_SERVERS}")
    if not 1 <= options.clusters <= MOST_SERVERS or (options.case and options.clusters > 1):
        raise ValueError(f"--clusters must be 1 to {MOST_SERVERS}, and 1 with --case")
    if options.history_days < 1 or options.groups < 0 or options.groups_times < 1:
        raise ValueError("--history-days and --groups-times must be 1 or more, --groups not negative")
    for option, given in (("--groups", options.groups), ("--branch", options.branch)):
        if given and not options.pbs:
            raise ValueError(f"{option} needs --pbs")
    if options.branch and options.case:
        raise ValueError("--branch is nothing for --case")


def _address(server: Server) -> tuple[str, int]:
    return str(server.server_address[0]), int(server.server_address[1])


def _cluster(
    options: argparse.Namespace, folder: Path, number: int, cluster: Cluster, servers: BackupServers
) -> Started:
    """Bind a cluster's server: the first one to --listen, with the faults; the others to free ports."""
    address = (options.listen[0], 0) if number else options.listen
    own = _files(options, folder / cluster.name if number else folder)
    faults = Faults() if number else options.faults
    cluster = _with_tokens(cluster, options.tokens)
    api = Api(replace(cluster, passwords=servers.secrets(cluster)), servers)
    server = Server(address, api, own, faults, real_or_fixed_clock(options.now), options.latency / 1000)
    return Started(server, own[0], {token.identity: token.secret for token in cluster.tokens}, cluster.name)


class _Unready:
    """Stands in until the ports are known and the world can be made."""

    def answer(self, method: str, target: str, authorization: str | None, now: int) -> Answer:
        return Answer(503, "Service Unavailable")

    def change_job(self, identity: str, changes: Mapping[str, object]) -> None:
        raise KeyError(identity)

    def control(self, method: str, path: str, document: Mapping[str, object]) -> object:
        raise KeyError(path)


def _world(options: argparse.Namespace, now: int, targets: tuple[Target, ...]) -> tuple[list[Cluster], list[PbsApi]]:
    wanted = Wanted(
        guests=options.guests,
        nodes=options.nodes,
        seed=options.seed,
        release=RELEASES[options.pve_version],
        zone=options.zone,
        now=now,
        offline_node=options.offline_node,
        missing_pool=options.missing_pool,
        branch=options.branch,
        targets=targets,
        history_days=options.history_days,
        bulk=options.groups,
        bulk_times=options.groups_times,
    )
    cluster, runs, plan = make_present(wanted)
    streams = make_streams(cluster, runs, plan, wanted)
    servers = make_servers(cluster, streams, runs, wanted, PBS_RELEASES[options.pbs_version])
    clusters = [replace(cluster, backups=file_shelves(cluster, streams))]
    if wanted.branch:
        branch = make_branch(cluster, streams, plan, wanted)
        add_branch(servers, branch, wanted)
        clusters.append(branch.cluster)
    for number in range(1, options.clusters):
        further = replace(wanted, number=number, seed=wanted.seed + number, **FURTHER)
        clusters.append(scenario(further))
        for server in servers:
            admit(server, further)
    return clusters, [PbsApi(server, options.pbs_delays == "on", options.seed) for server in servers]


def _files(options: argparse.Namespace, folder: Path) -> tuple[Path, Path]:
    if options.certificate:
        return options.certificate, options.key
    folder.mkdir(exist_ok=True)
    return write_throwaway(folder)


def _own_files(folder: Path, name: str) -> tuple[Path, Path]:
    own = folder / name
    own.mkdir()
    return write_throwaway(own)


def _with_tokens(cluster: Cluster, wanted: Mapping[str, str]) -> Cluster:
    """Tokens with the secrets wanted; one beside the ready-made ones gets the auditor's rights."""
    known = {token.identity: token for token in cluster.tokens}
    access = list(cluster.access)
    for identity, secret in wanted.items():
        if identity in known:
            known[identity] = replace(known[identity], secret=secret)
        else:
            known[identity] = Token(identity, secret, separated=True)
            access += auditor(identity)
    return replace(cluster, tokens=tuple(known.values()), access=tuple(access))
