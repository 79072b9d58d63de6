"""`python -m simulator serve` and `replay`: arguments, the ready line, and the end on a signal."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from simulator.cases import read_case
from simulator.certificate import fingerprint, write_throwaway
from simulator.faults import Faults
from simulator.model import Cluster, Token
from simulator.pve.routes import Api
from simulator.replay import Replay
from simulator.scenario.access import auditor
from simulator.scenario.build import scenario
from simulator.scenario.wanted import RELEASES, Wanted
from simulator.server import Backend, Server, real_or_fixed_clock, serve_until


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the simulator with command-line arguments; return the exit code: 0 ended by a signal, 2 wrong arguments."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        ZoneInfo(options.zone)
        faults = Faults(dict(_pair(text, "--fault") for text in options.fault))
        tokens = dict(_pair(text, "--token", last=False) for text in options.token)
        backend: Backend
        if options.command == "serve":
            backend, now, tokens = _made_up(options, tokens)
        else:
            backend, now = _replayed(options)
    except (OSError, ValueError, ZoneInfoNotFoundError) as error:
        parser.error(str(error))
    with tempfile.TemporaryDirectory(prefix="simulator-") as folder:
        try:
            return _run(options, backend, faults, now, tokens, Path(folder))
        except OSError as error:
            host, port = options.listen
            print(f"cannot serve on {host}:{port}: {error}", file=sys.stderr)
            return 2


def _made_up(options: argparse.Namespace, tokens: dict[str, str]) -> tuple[Backend, int | None, dict[str, str]]:
    clock = real_or_fixed_clock(options.now)
    cluster = read_case(options.case) if options.case else _scenario(options, clock())
    cluster = _with_tokens(cluster, tokens)
    return Api(cluster), options.now, {token.identity: token.secret for token in cluster.tokens}


def _scenario(options: argparse.Namespace, now: int) -> Cluster:
    return scenario(
        Wanted(
            guests=options.guests,
            nodes=options.nodes,
            seed=options.seed,
            release=RELEASES[options.pve_version],
            zone=options.zone,
            now=now,
            offline_node=options.offline_node,
            missing_pool=options.missing_pool,
        )
    )


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


def _replayed(options: argparse.Namespace) -> tuple[Backend, int | None]:
    replayed = Replay([options.folder, *options.base], options.zone)
    return replayed, options.now if options.now is not None else replayed.recorded_at


def _run(
    options: argparse.Namespace,
    backend: Backend,
    faults: Faults,
    now: int | None,
    tokens: Mapping[str, str],
    folder: Path,
) -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    files = (options.certificate, options.key) if options.certificate else write_throwaway(folder)
    clock = real_or_fixed_clock(now) if options.command == "serve" or now is None else lambda: now
    server = Server(options.listen, backend, files, faults, clock, options.latency / 1000)
    host, port = str(server.server_address[0]), int(server.server_address[1])
    ready = json.dumps(
        {
            "url": f"https://{f'[{host}]' if ':' in host else host}:{port}",
            "host": host,
            "port": port,
            "fingerprint": fingerprint(files[0]),
            "ca_file": str(files[0].resolve()),
            "tokens": dict(tokens),
        }
    )
    if options.ready_file:
        _write_atomically(options.ready_file, ready)
    print(ready, flush=True)
    serve_until(server, stop)
    return 0


def _write_atomically(file: Path, text: str) -> None:
    partial = file.with_name(f".{file.name}.partial")
    partial.write_text(f"{text}\n")
    partial.replace(file)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulator", description="A Proxmox VE cluster over HTTPS, for tests."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve a made-up cluster")
    serve.add_argument("--guests", type=int, default=60, help="how many guests (default 60)")
    serve.add_argument("--nodes", type=int, default=3, help="how many nodes (default 3)")
    serve.add_argument("--seed", type=int, default=1, help="same seed, same cluster")
    serve.add_argument("--pve-version", choices=sorted(RELEASES), default="9.1", help="whose forms to answer in")
    serve.add_argument("--offline-node", metavar="NODE", help="this node is dead")
    serve.add_argument("--case", metavar="FILE#ID", help="serve that cluster of a recorded selection table instead")
    serve.add_argument("--missing-pool", action="store_true", help="add a job whose pool does not exist")
    replay = commands.add_parser("replay", help="serve recorded answers")
    replay.add_argument("folder", type=Path, metavar="DIR", help="a folder of recordings")
    replay.add_argument("base", type=Path, nargs="*", metavar="BASE", help="folders below it, the topmost first")
    # the recordings of PVE were made in UTC
    for command, zone in ((serve, "Europe/Vienna"), (replay, "UTC")):
        _common(command, zone)
    return parser


def _common(command: argparse.ArgumentParser, zone: str) -> None:
    command.add_argument(
        "--listen", type=_address, default=("127.0.0.1", 0), metavar="HOST:PORT", help="port 0: a free one"
    )
    command.add_argument("--zone", default=zone, help="zone of the nodes (default %(default)s)")
    command.add_argument("--now", type=int, metavar="EPOCH", help="the time at the start, instead of the real one")
    command.add_argument("--latency", type=float, default=0, metavar="MS", help="wait before each answer")
    command.add_argument(
        "--fault", action="append", default=[], metavar="PATH=KIND[:COUNT]", help="path below /api2/json, * is any text"
    )
    command.add_argument(
        "--token", action="append", default=[], metavar="ID=SECRET", help="one more token, or a secret"
    )
    command.add_argument("--certificate", type=Path, metavar="FILE", help="PEM; without it a throwaway one is made")
    command.add_argument("--key", type=Path, metavar="FILE", help="the certificate's key, PEM")
    command.add_argument("--ready-file", type=Path, metavar="FILE", help="write the ready line there too")


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


def _pair(text: str, option: str, last: bool = True) -> tuple[str, str]:
    key, equals, value = text.rpartition("=") if last else text.partition("=")
    if not equals or not key or not value:
        raise ValueError(f"{option} {text!r} is not KEY=VALUE")
    return key, value
