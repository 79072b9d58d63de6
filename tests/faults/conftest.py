"""The worlds of the fault matrix: each is started once a worker and read without faults before the first trial."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from exporter.collect import pve_logs
from tests.faults.world import PERIOD, World, running_world


@pytest.fixture(scope="package")
def _eager_logs() -> Iterator[None]:
    """Everything that is read now and then is read at every refresh, so that each trial asks every endpoint."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pve_logs, "LOGS_AT_MOST", 500)
        patch.setattr(pve_logs, "RESTORE_LOGS_AT_MOST", 500)
        patch.setattr(pve_logs, "RESTORES_SECONDS", PERIOD)
        yield


@pytest.fixture(scope="package")
def world_with(_eager_logs: None) -> Iterator[Callable[[str], World]]:
    """Return the world with an option of the simulator; "" is the ordinary one."""
    worlds: dict[str, World] = {}
    with ExitStack() as stack:

        def find(option: str) -> World:
            if option not in worlds:
                more = (option,) if option else ()
                worlds[option] = World(stack.enter_context(running_world(*more)))
                worlds[option].learn()
            return worlds[option]

        yield find
