"""The gauge table and the live counters → docs/metrics.md. Run: python -m exporter.metrics.documentation > docs/metrics.md"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from exporter.counters import Counters
from exporter.metrics.estate import JOB_METRICS, STORAGE_METRICS
from exporter.metrics.groups import GROUP_METRICS
from exporter.metrics.guests import GUEST_METRICS
from exporter.metrics.own import SELF_METRICS, SOURCE_METRICS
from exporter.metrics.rows import Metric
from exporter.metrics.servers import DATASTORE_METRICS, PBS_JOB_METRICS

HEAD = """# Metrics

Made from the code by `python -m exporter.metrics.documentation > docs/metrics.md`; a test compares.

Served on `/metrics` as Prometheus text 0.0.4, and as OpenMetrics 1.0 when asked for. Values are as of the last refresh.
A value that is not known is an absent series, never 0. `info` metrics are always 1; `state` metrics have a series for each
state, 1 on the one that holds. Both are gauges in both formats. Names of guests, pools and nodes stand only in info metrics:
join on the other labels.
"""

SECTIONS: tuple[tuple[str, tuple[Metric[Any, Any], ...]], ...] = (
    ("Guests", GUEST_METRICS),
    ("Backup groups and retention", GROUP_METRICS),
    ("Datastores of Proxmox Backup Servers", DATASTORE_METRICS),
    ("Storages", STORAGE_METRICS),
    ("Backup jobs", JOB_METRICS),
    ("Jobs of Proxmox Backup Servers", PBS_JOB_METRICS),
    ("Sources", SOURCE_METRICS),
    ("vzcover itself", SELF_METRICS),
)


def document() -> str:
    """Return the whole of docs/metrics.md."""
    parts = [HEAD]
    for title, metrics in SECTIONS:
        parts += [f"\n## {title}\n\n", "| metric | type | labels | meaning |\n|---|---|---|---|\n", *map(_row, metrics)]
    parts += ["\n## Counted where it happens\n\n", "| metric | type | meaning |\n|---|---|---|\n", *_live_rows()]
    return "".join(parts)


def _row(metric: Metric[Any, Any]) -> str:
    return f"| `{metric.full_name}` | {metric.kind} | {', '.join(_labels(metric))} | {metric.help} |\n"


def _labels(metric: Metric[Any, Any]) -> Iterator[str]:
    """Yield each label, the last one with its closed set of values if it has one."""
    for label in metric.labels:
        closed = metric.values if label == metric.labels[-1] else ()
        yield f"`{label}`" + (f" ({_either(closed)})" if closed else "")


def _either(values: Iterable[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _live_rows() -> Iterator[str]:
    """Read the live families off their own text: `# HELP name text`, then `# TYPE name type`."""
    meaning = ""
    for line in Counters().render(openmetrics=False).decode().splitlines():
        if line.startswith("# HELP "):
            meaning = line.split(" ", 3)[3]
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            yield f"| `{name}` | {kind} | {meaning.rstrip('.')} |\n"


if __name__ == "__main__":
    sys.stdout.write(document())
