"""`python -m bench.soak CONFIG REFRESHES`: refreshes one after the other, as the daemon makes them, and the memory at each tenth."""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from pathlib import Path

from bench.process import memory_bytes
from exporter.app import build_gatherer
from exporter.config.load import load_config
from exporter.counters import Counters
from exporter.expectations import policy_of
from exporter.interpreter import prepare
from exporter.memory import Memory

PARTS = 10


def main(path: Path, refreshes: int) -> None:
    """Make the refreshes, five minutes apart by their own clock, and print the resident bytes after each tenth of them."""
    loaded = load_config(path, {})
    gatherer, memory, policy = build_gatherer(loaded.config, Counters()), Memory(), policy_of(loaded.config)
    prepare()
    started, resident, now = time.monotonic(), [], int(time.time())
    try:
        for number in range(1, refreshes + 1):
            memory.judge(gatherer.gather(now + number), policy, now + number)
            if number % max(1, refreshes // PARTS) == 0:
                gc.collect()
                resident.append(memory_bytes(os.getpid()))
    finally:
        gatherer.close()
    json.dump({"resident": resident, "seconds": time.monotonic() - started}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
