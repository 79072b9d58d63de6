"""`python -m bench.decoding CONFIG WAY CA_FILE`: one large answer through proxmoxer as it comes, or through our client."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import requests
from proxmoxer import ProxmoxAPI
from proxmoxer.backends.https import JsonSerializer

from bench.process import own_cost
from exporter.app import client_settings
from exporter.client.answers import Envelope
from exporter.client.deadline import Deadline
from exporter.client.source import SourceClient
from exporter.collect.pve_rows import ResourceRow, VersionRow
from exporter.config.load import load_config
from exporter.config.model import Source
from exporter.counters import Counters

REPEATS = 5
VERSION, PATH = "/version", "/cluster/resources"
WAYS = ("proxmoxer", "vzcover")
DEADLINE_SECONDS = 60


def main(config: Path, way: str, ca_file: str) -> None:
    """Given a configuration, the way and the source's CA, read and decode the answer some times; print each cost as JSON."""
    source = load_config(config, {}).config.pve[0]
    response = _fetched(source, ca_file)
    decode: Callable[[], Any] = (
        _our_decoding(response) if way == "vzcover" else lambda: JsonSerializer().loads(response)
    )
    read = _our_reading(source) if way == "vzcover" else _their_reading(source, ca_file)
    read(VERSION)  # so that the connection, and whatever is imported late, cost none of the times below
    json.dump({"decode": _repeated(decode), "read": _repeated(lambda: read(PATH)), "rows": len(decode())}, sys.stdout)


def _repeated(work: Callable[[], object]) -> list[dict[str, float]]:
    costs = []
    for _ in range(REPEATS):
        with own_cost() as cost:
            made = work()
        del made
        costs.append(asdict(cost))
    return costs


def _fetched(source: Source, ca_file: str) -> requests.Response:
    address, secret = source.hosts[0], source.token_secret.get_secret_value()
    session = requests.Session()
    session.trust_env = False
    token = {"Authorization": f"PVEAPIToken={source.token_id}={secret}"}
    response = session.get(
        f"https://{address}/api2/json{PATH}", headers=token, verify=ca_file, timeout=DEADLINE_SECONDS
    )
    response.raise_for_status()
    return response


def _our_decoding(response: requests.Response) -> Callable[[], Any]:
    decoder = msgspec.json.Decoder(Envelope[list[ResourceRow]], strict=False)
    return lambda: decoder.decode(response.content).data


def _our_reading(source: Source) -> Callable[[str], object]:
    client = SourceClient(client_settings(source, attempts=1), Counters())

    def read(path: str) -> object:
        deadline = Deadline.after(DEADLINE_SECONDS)
        if path == VERSION:
            return client.get(path, VersionRow, deadline)
        return client.get(path, list[ResourceRow], deadline, large=True)

    return read


def _their_reading(source: Source, ca_file: str) -> Callable[[str], object]:
    user, _, token = source.token_id.partition("!")
    secret = source.token_secret.get_secret_value()
    host, port = source.hosts[0].host, source.hosts[0].port
    api = ProxmoxAPI(host, port=port, user=user, token_name=token, token_value=secret, verify_ssl=ca_file)
    return lambda path: api(path).get()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
