"""`python -m simulator serve` and `replay`: arguments, the ready line, and the end on a signal."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from simulator import launch, replay, serving
from simulator.faults import Faults
from simulator.pbs.model import RELEASES as PBS_RELEASES
from simulator.scenario.wanted import RELEASES

CLUSTERS = (
    "With --clusters N every cluster has a port, a certificate and tokens of its own. The ready line describes the first"
    " one; the others are listed under `further`, smaller and with other nodes, guests and storage entries. All name"
    " the backup servers of --pbs: each further cluster has a namespace and an account of its own there"
    " (cluster-b and backup@pbs!cluster-b, then c, and so on). Tokens that may write storage entries:"
    " vzcover-apply@pve!storages and root@pam!full."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the simulator with command-line arguments; return the exit code: 0 ended by a signal, 2 wrong arguments."""
    parser = _parser()
    options = parser.parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if options.end_with_stdin:
        serving.end_with_pipe(sys.stdin.fileno(), stop)
    try:
        ZoneInfo(options.zone)
        options.faults = Faults(dict(_pair(text, "--fault") for text in options.fault))
        options.tokens = dict(_pair(text, "--token", last=False) for text in options.token)
        with tempfile.TemporaryDirectory(prefix="simulator-") as folder:
            return _run(options, Path(folder), stop)
    except (ValueError, ZoneInfoNotFoundError, FileNotFoundError) as error:
        parser.error(str(error))
    except OSError as error:
        host, port = options.listen
        print(f"cannot serve on {host}:{port}: {error}", file=sys.stderr)
        return 2


def _run(options: argparse.Namespace, folder: Path, stop: threading.Event) -> int:
    if options.command == "serve":
        started = launch.made_up(options, folder)
    else:
        backend = replay.Replay([options.folder, *options.base], options.zone)
        started = launch.replayed(options, backend, folder)
    launch.announce(started, options.ready_file)
    serving.serve_until([one.server for one in started], stop)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="Proxmox VE clusters and backup servers over HTTPS, for tests. What is read was compared with"
        " recordings of genuine servers; writes to /storage follow the rulebook and the API schema, and were not recorded.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve a made-up cluster, or several", epilog=CLUSTERS)
    serve.add_argument("--guests", type=int, default=60, help="how many guests (default 60)")
    serve.add_argument("--nodes", type=int, default=3, help="how many nodes (default 3)")
    serve.add_argument(
        "--clusters",
        type=int,
        default=1,
        metavar="N",
        help="how many clusters with the same backup servers (default 1)",
    )
    serve.add_argument("--seed", type=int, default=1, help="same seed, same cluster")
    serve.add_argument("--pve-version", choices=sorted(RELEASES), default="9.1", help="whose forms to answer in")
    serve.add_argument("--offline-node", metavar="NODE", help="this node is dead")
    serve.add_argument("--case", metavar="FILE#ID", help="serve that cluster of a recorded selection table instead")
    serve.add_argument("--missing-pool", action="store_true", help="add a job whose pool does not exist")
    serve.add_argument(
        "--branch",
        action="store_true",
        help="add the small cluster `branch`, listed under `further`, that writes into the first one's namespace by mistake",
    )
    _backup_servers(serve)
    replay_command = commands.add_parser("replay", help="serve recorded answers")
    replay_command.add_argument("folder", type=Path, metavar="DIR", help="a folder of recordings")
    replay_command.add_argument(
        "base", type=Path, nargs="*", metavar="BASE", help="folders below it, the topmost first"
    )
    # the recordings of PVE were made in UTC
    for command, zone in ((serve, "Europe/Vienna"), (replay_command, "UTC")):
        _common(command, zone)
    return parser


def _backup_servers(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--pbs", type=int, default=0, metavar="N", help="how many backup servers beside it (default 0)"
    )
    command.add_argument(
        "--pbs-version", choices=sorted(PBS_RELEASES), default="3.2", help="whose forms they answer in"
    )
    command.add_argument(
        "--pbs-delays", choices=("on", "off"), default="off", help="refuse as late as genuine ones: 401 3 s, 403 0.5 s"
    )
    command.add_argument("--history-days", type=int, default=60, help="how far back the past goes (default 60)")
    command.add_argument(
        "--groups", type=int, default=0, metavar="N", help="for benches: N groups on datastore bulk of the first one"
    )
    command.add_argument(
        "--groups-times", type=int, default=100, metavar="N", help="how many daily snapshots each of them has"
    )


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
    command.add_argument(
        "--end-with-stdin", action="store_true", help="end when standard input ends, as when the starter is killed"
    )
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
