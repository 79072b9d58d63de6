"""Writes the table anew, or its rows of the paths that are given: `python -m tests.faults.expected [PATH…]`; read the difference."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack

from exporter.collect import pve_logs
from tests.faults.effects import EXPECTED, effects_of, expected, row_of
from tests.faults.table import CALLED, MISSING
from tests.faults.world import PERIOD, World, running_world


def main() -> None:
    """Try each endpoint with one failure and with what is missing; the other failures must cost the same, which the test looks at."""
    pve_logs.LOGS_AT_MOST = pve_logs.RESTORE_LOGS_AT_MOST = 500
    pve_logs.RESTORES_SECONDS = PERIOD
    paths = sys.argv[1:]
    table = expected() if paths else {}
    with ExitStack() as stack:
        worlds: dict[str, World] = {}
        for called in (each for each in CALLED if not paths or each.path in paths):
            if called.world not in worlds:
                more = (called.world,) if called.world else ()
                worlds[called.world] = World(stack.enter_context(running_world(*more)))
                worlds[called.world].learn()
            trial = worlds[called.world].trial
            faults = {kind: {called.source: {called.pattern: kind}} for kind in ("500", *MISSING)}
            table[called.name] = row_of({kind: effects_of(trial(fault)) for kind, fault in faults.items()})
            print(called.name, flush=True)
    EXPECTED.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
