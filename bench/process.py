"""What Linux knows of a process: CPU time and memory, out of /proc."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
Costs = dict[str, dict[str, Any]]

TICKS = os.sysconf("SC_CLK_TCK")
UTIME = 11  # position of the user time behind the command's closing bracket; the system time is next
KIB = 1024
RESET_PEAK = "5"


def cpu_seconds(pid: int) -> float:
    """Given a process, return the CPU time of all its threads so far, in steps of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    return (int(fields[UTIME]) + int(fields[UTIME + 1])) / TICKS


def memory_bytes(pid: int) -> int:
    """Given a process, return what it has in memory now (VmRSS)."""
    return _status(pid, "VmRSS")


def peak_bytes(pid: int) -> int:
    """Given a process, return the most it had in memory since its start or the last `reset_peak` (VmHWM)."""
    return _status(pid, "VmHWM")


def reset_peak(pid: int) -> None:
    """Given a process of ours, let its peak start again from what it has now."""
    Path(f"/proc/{pid}/clear_refs").write_text(RESET_PEAK, encoding="ascii")


def _status(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * KIB
    raise ValueError(f"process {pid} has no {field}: it has ended")


@dataclass(slots=True)
class Cost:
    """What something cost, in seconds and bytes; `growth` is the peak above what was in memory before."""

    wall: float = 0.0
    cpu: float = 0.0
    growth: int = 0


@contextmanager
def own_cost() -> Iterator[Cost]:
    """Measure what this process spends meanwhile; the Cost is filled in at the end."""
    cost = Cost()
    pid = os.getpid()
    reset_peak(pid)
    before, wall, cpu = memory_bytes(pid), time.perf_counter(), time.process_time()
    yield cost
    cost.wall, cost.cpu = time.perf_counter() - wall, time.process_time() - cpu
    cost.growth = max(0, peak_bytes(pid) - before)


def measured(costs: Costs, name: str, work: Callable[[], T]) -> T:
    """Do some work in this process, write down what it cost under a name, and return what it made."""
    with own_cost() as cost:
        made = work()
    costs[name] = asdict(cost)
    return made
