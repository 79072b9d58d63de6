"""The gauge table and the live counters → docs/metrics.md. Run: python -m exporter.metrics.documentation > docs/metrics.md"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from exporter.config.families import FAMILIES
from exporter.counters import Counters
from exporter.metrics.estate import (
    DRIFT,
    ESTATE_FINDINGS,
    ESTATE_METRICS,
    JOB_METRICS,
    JOBS,
    STORAGE_METRICS,
    STORAGES,
    VIEWS,
)
from exporter.metrics.families import family_of
from exporter.metrics.groups import GROUP_METRICS, GROUPS
from exporter.metrics.guests import FINDINGS, GUEST_METRICS, GUESTS, INVENTORIES
from exporter.metrics.own import (
    COLLECTORS,
    MISSING_PRIVILEGES,
    SCHEDULED_REPORTS,
    SELF_METRICS,
    SOURCE_METRICS,
    SOURCES,
)
from exporter.metrics.rows import Metric
from exporter.metrics.servers import DATASTORE_METRICS, DATASTORES, ORPHANS, PBS_JOB_METRICS, PBS_JOBS

HEAD = """# Metrics

Made from the code by `python -m exporter.metrics.documentation > docs/metrics.md`; a test compares.

Served on `/metrics` as Prometheus text 0.0.4, and as OpenMetrics 1.0 when asked for. Values are as of the last refresh.
A value that is not known is an absent series, never 0. `info` metrics are always 1; `state` metrics have a series for each
state, 1 on the one that holds. Both are gauges in both formats. Names of guests, pools and nodes stand only in info metrics:
join on the other labels.

## Families

Each can be left out: `metrics.leave_out` in the configuration, or `vzcover serve --no-collector.NAME`; panels, rules and alerts that need
it are then empty and silent. States and counts of guests, sources, vzcover itself and what is counted where it happens are always there.

| family | what is in it |
|---|---|
"""

SECTIONS: tuple[tuple[str, tuple[Metric[Any, Any], ...]], ...] = (
    ("Guests", GUEST_METRICS),
    ("Backup groups and retention", GROUP_METRICS),
    ("Datastores of Proxmox Backup Servers", DATASTORE_METRICS),
    ("Storages", STORAGE_METRICS),
    ("Backup jobs", JOB_METRICS),
    ("Jobs, stores and waivers", ESTATE_METRICS),
    ("Jobs of Proxmox Backup Servers", PBS_JOB_METRICS),
    ("Sources", SOURCE_METRICS),
    ("vzcover itself", SELF_METRICS),
)
# what there is one of for each combination of these labels
THINGS: Mapping[tuple[str, ...], str] = {
    GUESTS.labels: "guest",
    FINDINGS.labels: "code of an open finding of a guest, out of a closed list ([findings.md](findings.md))",
    INVENTORIES.labels: "cluster",
    GROUPS.labels: "backup group",
    DATASTORES.labels: "datastore",
    ORPHANS.labels: "namespace of a datastore",
    STORAGES.labels: "storage",
    VIEWS.labels: "storage and node that sees it; shared ones once",
    DRIFT.labels: "option of a storage that is not as declared",
    JOBS.labels: "vzdump job",
    ESTATE_FINDINGS.labels: "code of an open finding about jobs, stores or waivers of a source",
    PBS_JOBS.labels: "job of a Proxmox Backup Server",
    SOURCES.labels: "source: cluster or server",
    COLLECTORS.labels: "collector of a source",
    MISSING_PRIVILEGES.labels: "privilege that a token lacks on a path",
    SCHEDULED_REPORTS.labels: "configured report, the daily one included",
    (): "vzcover itself",
}
CARDINALITY = """
## Cardinality

No label holds an instant, a message or a task id, so that the number of series follows the estate and not time. At most, without the
counters:

| for each | series |
|---|---|
"""


def document() -> str:
    """Return the whole of docs/metrics.md."""
    parts = [HEAD, *(f"| `{family}` | {meaning} |\n" for family, meaning in FAMILIES.items())]
    for title, metrics in SECTIONS:
        parts += [
            f"\n## {title}\n\n",
            "| metric | type | family | labels | meaning |\n|---|---|---|---|---|\n",
            *map(_row, metrics),
        ]
    parts += ["\n## Counted where it happens\n\n", "| metric | type | meaning |\n|---|---|---|\n", *_live_rows()]
    parts += [CARDINALITY, *_cardinality()]
    return "".join(parts)


def _row(metric: Metric[Any, Any]) -> str:
    family = family_of(metric)
    cells = metric.kind, f"`{family}`" if family else "always", ", ".join(_labels(metric)), metric.help
    return f"| `{metric.full_name}` | {' | '.join(cells)} |\n"


def _labels(metric: Metric[Any, Any]) -> Iterator[str]:
    """Yield each label, the last one with its closed set of values if it has one."""
    for label in metric.labels:
        closed = metric.values if label == metric.labels[-1] else ()
        yield f"`{label}`" + (f" ({_either(closed)})" if closed else "")


def _either(values: Iterable[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _cardinality() -> Iterator[str]:
    """Yield how many series there are of each thing, and what that makes of a large estate."""
    series = Counter[tuple[str, ...]]()
    for _, metrics in SECTIONS:
        for metric in metrics:
            series[metric.subjects.labels] += len(metric.values) or 1
    for labels, thing in THINGS.items():
        yield f"| {thing} | {series[labels]} |\n"
    guests, groups = 10_000 * series[GUESTS.labels], 20_000 * series[GROUPS.labels]
    yield f"\n10,000 guests with two backup groups each make {guests + groups:,} series, and one more for each code of an open finding.\n"


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
