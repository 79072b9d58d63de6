"""Threads that decode answers of one type for the first time do not end the process."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import msgspec

from exporter.client.answers import decode

sys.setswitchinterval(1e-6)
for turn in range(60):
    inner = msgspec.defstruct(f"Inner{turn}", [(f"field{number}", "int | None", None) for number in range(40)])
    outer = msgspec.defstruct(f"Outer{turn}", [("rows", list[inner])])
    barrier = Barrier(4)

    def ask(into):
        barrier.wait()
        return decode(None, b'{"data": {"rows": [{"field0": 1}]}}' if into is outer else b'{"data": [{"field0": 1}]}', into)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, [outer, list[inner], outer, list[inner]]))
    assert answers[0].rows[0].field0 == answers[1][0].field0 == 1
print("fine")
"""


def test_types_that_several_threads_meet_for_the_first_time_are_laid_out_by_one() -> None:
    """msgspec keeps what it knows of a type on the type itself, from before that is complete."""
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout.strip()) == (0, "fine"), ended.stderr[-500:]
