"""The client against the simulated cluster: a whole server on the other side, in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from exporter.client.settings import ClientSettings
from exporter.client.source import SourceClient
from exporter.counters import Counters
from exporter.errors import Denied, FailureReason
from tests.exporter.clients import Naps, error_of, soon
from tests.simulator_process import SimulatorHandle, running_simulator


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorHandle]:
    with running_simulator("serve", "--guests", 20) as handle:
        yield handle


def client_of(simulator: SimulatorHandle, user: str = "auditor", **changed: Any) -> SourceClient:
    token_id, secret = next(pair for pair in simulator.tokens.items() if pair[0].startswith(f"{user}@"))
    values: dict[str, Any] = {
        "hosts": ((simulator.host, simulator.port),),
        "token_id": token_id,
        "token_secret": secret,
        "ca_file": str(simulator.ca_file),
        "read_timeout": 1.0,
    }
    return SourceClient(ClientSettings("lab", "pve", **{**values, **changed}), Counters(), sleep=Naps())


def test_both_ways_read_the_same_guests(simulator: SimulatorHandle) -> None:
    client = client_of(simulator)
    small = client.get("/cluster/resources", list[dict[str, Any]], soon(20), type="vm")
    large = client.get("/cluster/resources", list[dict[str, Any]], soon(20), large=True, type="vm")
    assert [row["vmid"] for row in small] == [row["vmid"] for row in large]
    assert len(small) == 20
    client.close()


def test_the_certificate_can_be_pinned(simulator: SimulatorHandle) -> None:
    client = client_of(simulator, ca_file=None, fingerprints=(simulator.fingerprint,))
    assert "version" in client.get("/version", dict[str, Any], soon(20))
    client.close()


def test_a_token_without_privileges_is_told_which_one_is_missing(simulator: SimulatorHandle) -> None:
    client = client_of(simulator, "nobody")
    error = error_of(client, "/cluster/backup", list[Any])
    assert isinstance(error, Denied)
    assert "lacks Sys.Audit on /" in error.detail
    client.close()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("401", FailureReason.UNAUTHORIZED),
        ("500", FailureReason.SERVER_ERROR),
        ("595", FailureReason.NODE_UNREACHABLE),
        ("html", FailureReason.MALFORMED),
        ("truncated", FailureReason.MALFORMED),
    ],
)
@pytest.mark.parametrize("large", [False, True])
def test_faults_of_the_server_are_named(
    simulator: SimulatorHandle, fault: str, reason: FailureReason, large: bool
) -> None:
    client = client_of(simulator)
    simulator.set_faults({"/cluster/status": fault})
    try:
        error = error_of(client, "/cluster/status", list[dict[str, Any]], large=large, deadline=soon(20))
    finally:
        simulator.set_faults({})
        client.close()
    assert error.reason is reason
