"""A genuine Prometheus scrapes the daemon; curl reads it with and without compression."""

from __future__ import annotations

import json
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Daemon, serving, wait_for, write_config
from tests.simulator_process import running_simulator
from tests.tools import require

CONFIGURATION = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: vzcover
    static_configs: [{{targets: ["{target}"]}}]
"""


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    url: str
    target: str

    def ask(self, path: str, **query: str) -> Any:
        """Ask its API; None while it is not there yet."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=5) as answer:
                return json.loads(answer.read())["data"]
        except OSError:
            return None

    def vector(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series that an expression yields, once there are any."""

        def look() -> Any:
            found = self.ask("query", query=expression)
            return found and found["result"]

        return [(each["metric"], float(each["value"][1])) for each in wait_for(look, f"series for {expression}")]


@pytest.fixture(scope="module")
def vzcover(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with running_simulator("serve", "--guests", 20) as simulator:
        config = write_config(tmp_path_factory.mktemp("vzcover"), simulator)
        with serving(config) as running:
            yield running


@pytest.fixture(scope="module")
def prometheus(vzcover: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    program = require("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "prometheus.yml").write_text(CONFIGURATION.format(target=vzcover.address))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            running = Prometheus(f"http://{address}", vzcover.address)
            wait_for(lambda: running.ask("status/buildinfo"), f"Prometheus; see {folder / 'log'}")
            yield running
        finally:
            process.kill()
            process.wait()


def test_it_is_up(prometheus: Prometheus) -> None:
    def up() -> bool:
        return [value for _, value in prometheus.vector('up{job="vzcover"}')] == [1]

    wait_for(up, "up")
    (target,) = prometheus.ask("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")


def test_series_arrive_with_their_labels_and_none_of_them_is_renamed(prometheus: Prometheus) -> None:
    guests = prometheus.vector("vzcover_guest_info")
    labels = {"__name__", "instance", "job", "pve", "vmid", "guest_type", "name", "node", "pool"}

    assert len(guests) == 20
    # Prometheus drops empty labels, and would prefix `exported_` to one that it has a use for itself
    assert all({"pve", "vmid", "guest_type", "name", "node"} <= each.keys() <= labels for each, _ in guests)
    assert {(each["pve"], each["job"], each["instance"], value) for each, value in guests} == {
        ("lab", "vzcover", prometheus.target, 1.0)
    }


def test_each_guest_is_in_one_state_of_coverage(prometheus: Prometheus) -> None:
    assert {value for _, value in prometheus.vector("sum by (pve, vmid) (vzcover_guest_coverage)")} == {1.0}
    by_status = {each["status"] for each, _ in prometheus.vector("sum by (status) (vzcover_guest_coverage)")}
    counted = {each["status"] for each, _ in prometheus.vector("sum by (status) (vzcover_guests)")}
    assert by_status == counted == {"sauvegarde_planifiee", "non_sauvegardee", "indetermine"}


def test_everything_that_was_sent_was_taken(prometheus: Prometheus, vzcover: Daemon) -> None:
    ((_, scraped),) = prometheus.vector('scrape_samples_scraped{job="vzcover"}')
    ((_, kept),) = prometheus.vector('scrape_samples_post_metric_relabeling{job="vzcover"}')

    assert scraped == kept == len(vzcover.samples())


def test_openmetrics_is_what_the_two_agree_on(prometheus: Prometheus, vzcover: Daemon) -> None:
    prometheus.vector("vzcover_build_info")
    # in OpenMetrics a family of info or counters has its suffix on the sample, and Prometheus knows the type by the family
    metadata = prometheus.ask("metadata", metric="vzcover_api_requests") or prometheus.ask(
        "metadata", metric="vzcover_api_requests_total"
    )
    ((entry, *_),) = metadata.values()

    assert entry["type"] == "counter"
    # what Prometheus sends as its wish
    wish = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    assert vzcover.get("/metrics", {"Accept": wish})[1].endswith(b"# EOF\n")


@pytest.mark.parametrize("path", ["/metrics", "/", "/api/v1/report"])
def test_curl_reads_the_same_with_and_without_compression(path: str, vzcover: Daemon, tmp_path: Path) -> None:
    curl = require("curl")

    def fetch(*options: str) -> tuple[bytes, str]:
        headers = tmp_path / "headers"
        url = f"http://{vzcover.address}{path}"
        command: list[str | Path] = [
            curl,
            "--silent",
            "--show-error",
            "--fail",
            "--noproxy",
            "*",
            "--dump-header",
            headers,
            *options,
            url,
        ]
        return subprocess.run(command, capture_output=True, check=True).stdout, headers.read_text().lower()

    plain, plain_headers = fetch()
    unpacked, packed_headers = fetch("--compressed")
    packed, _ = fetch("--header", "Accept-Encoding: gzip")

    assert plain == unpacked
    assert len(packed) < len(plain) / 3
    assert "content-encoding" not in plain_headers
    assert "content-encoding: gzip" in packed_headers
