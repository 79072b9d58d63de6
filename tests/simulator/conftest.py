"""Simulators shared by the tests of one module; those that change one put it back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulator_process import SimulatorHandle, running_simulator

NOW = 1_795_227_919


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorHandle]:
    """The scenario with its default size at a fixed time."""
    with running_simulator("serve", "--now", NOW) as handle:
        yield handle
