"""The exporter: whether vzcover itself is well."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.boards.frame import Section, assemble, many
from grafana.boards.panels.figures import Figures
from grafana.boards.panels.graphs import Graph, Timeline
from grafana.boards.panels.shared import Drawn, Query
from grafana.boards.panels.tables import Column, Rows
from grafana.boards.queries import age, greatest
from grafana.boards.states import GREEN, ORANGE, RED, YELLOW, YES, steps

OF_SOURCE = 'source=~"$source"'
COLLECTOR = "source, collector"
BAD_IF_ANY = steps(GREEN, (1, RED))
BAD_IF_ZERO = steps(RED, (1, GREEN))
# Prometheus' own series about the scrapes of vzcover
SCRAPES = "\nand on (job, instance) vzcover_build_info"


def _requests() -> Sequence[Drawn]:
    def per_second(by: str, metric: str) -> str:
        return f"sum by ({by}) (rate(vzcover_{metric}{{{OF_SOURCE}}}[15m]))"

    def quantile(part: float) -> str:
        buckets = f"sum by (source, le) (rate(vzcover_api_request_duration_seconds_bucket{{{OF_SOURCE}}}[1h]))"
        return f"histogram_quantile({part}, {buckets})"

    return [
        Graph(
            "Requests by source",
            "Requests to each source, every attempt counted, as the mean of 15 minutes: they come in bursts, one a refresh.",
            [Query(per_second("source", "api_requests_total"), "{{source}}")],
            unit="reqps",
        ),
        Graph(
            "Failed requests",
            "Requests without a usable answer, by reason; retried ones too.",
            [Query(per_second("source, reason", "api_request_failures_total"), "{{source}} {{reason}}")],
            unit="reqps",
        ),
        Graph(
            "Time of answers",
            "The median and the 99th percentile of the requests of an hour.",
            [Query(quantile(0.5), "{{source}} median"), Query(quantile(0.99), "{{source}} 99 %")],
            unit="s",
        ),
        Rows(
            "Requests by endpoint",
            "Requests since vzcover was started, and how many of them failed.",
            f"sum by (source, endpoint) (vzcover_api_requests_total{{{OF_SOURCE}}})",
            ("source", "endpoint"),
            [
                Column("requests", f"sum by (source, endpoint) (vzcover_api_requests_total{{{OF_SOURCE}}})"),
                Column(
                    "failed",
                    f"sum by (source, endpoint) (vzcover_api_request_failures_total{{{OF_SOURCE}}})",
                    thresholds=steps(GREEN, (1, ORANGE)),
                    none="0",
                ),
            ],
            sort="requests",
            width=12,
            height=8,
        ),
    ]


REFRESHED = "time() - max by (instance) (vzcover_refresh_last_success_timestamp_seconds)"
REPORTED = "time() - max by (instance) (vzcover_report_last_success_timestamp_seconds)"
NOW = (
    Figures(
        "Version",
        "Of vzcover and of the Python that runs it, on each instance.",
        Query(
            "max by (instance, version, python_version) (vzcover_build_info)",
            "{{instance}}: {{version}} (Python {{python_version}})",
        ),
        unit="none",
        width=8,
        names_only=True,
    ),
    Figures(
        "Last refresh",
        "Since the last refresh that ended with a report. Refreshes are every 5 minutes unless configured otherwise.",
        Query(REFRESHED, "{{instance}}"),
        unit="s",
        thresholds=steps(GREEN, (900, YELLOW), (1200, RED)),
    ),
    Figures(
        "Last daily report",
        "Since the daily report was last written.",
        Query(REPORTED, "{{instance}}"),
        unit="s",
        thresholds=steps(GREEN, (90000, ORANGE), (180000, RED)),
        none="none yet",
    ),
    Figures(
        "Configuration in force",
        "Whether the newest configuration could be used at the last reload.",
        Query(greatest("config_last_reload_successful", "instance"), "{{instance}}"),
        mappings=YES,
        thresholds=BAD_IF_ZERO,
        none="never reloaded",
    ),
    Figures(
        "Web configuration in force",
        "Whether the newest web configuration file could be used.",
        Query(greatest("web_config_last_reload_successful", "instance"), "{{instance}}"),
        mappings=YES,
        thresholds=BAD_IF_ZERO,
        none="no such file",
    ),
    Figures(
        "Disagreements with PVE",
        "Guests for which vzcover would predict another answer than PVE itself gave. It should be 0; if it is not, please report it.",
        Query(greatest("coverage_disagreements", "pve"), "{{pve}}"),
        thresholds=BAD_IF_ANY,
        width=6,
        none="not compared",
    ),
    Figures(
        "Failed reports",
        "Times that a report could not be written, within a day; the daily one is called daily.",
        Query(
            "sum by (instance, report) (increase(vzcover_scheduled_report_failures_total[1d]))",
            "{{instance}} {{report}}",
        ),
        thresholds=BAD_IF_ANY,
        width=6,
    ),
    Figures(
        "Failed deliveries",
        "Deliveries of a report that failed, by channel, within a day.",
        Query("sum by (channel) (increase(vzcover_delivery_failures_total[1d]))", "{{channel}}"),
        thresholds=BAD_IF_ANY,
        width=6,
        none="none",
    ),
    Figures(
        "Failures of the history",
        "Times that the history could not be opened, read or written, within a day.",
        Query("sum by (instance) (increase(vzcover_history_failures_total[1d]))", "{{instance}}"),
        thresholds=BAD_IF_ANY,
        width=6,
    ),
)
SUCCEEDED = greatest("collector_last_success_timestamp_seconds", COLLECTOR, OF_SOURCE)
EXPIRES = greatest("tls_certificate_not_after_timestamp_seconds", "source", OF_SOURCE)
SOURCES = (
    Timeline(
        "Sources that answer",
        "Whether each cluster and backup server answered.",
        Query(greatest("source_up", "source", OF_SOURCE), "{{source}}"),
        YES,
        width=16,
    ),
    Figures(
        "Certificates expire",
        "When the certificate of each source ends.",
        Query(f"{EXPIRES} - time()", "{{source}}"),
        unit="s",
        thresholds=steps(RED, (10 * 86400, ORANGE), (30 * 86400, GREEN)),
        width=8,
        height=6,
    ),
    Rows(
        "Collectors",
        "Each part of each source: whether all of it could be read, when that last was so, how long it took, how many things it read.",
        greatest("collector_success", COLLECTOR, OF_SOURCE),
        tuple(COLLECTOR.split(", ")),
        [
            Column("complete", greatest("collector_success", COLLECTOR, OF_SOURCE), mappings=YES),
            Column("last complete", age(SUCCEEDED), "s", none="never"),
            Column("took", greatest("collector_duration_seconds", COLLECTOR, OF_SOURCE), "s"),
            Column("things", greatest("collector_items", COLLECTOR, OF_SOURCE), none="not known"),
        ],
        sort="complete",
        descending=False,
        width=14,
    ),
    Rows(
        "Missing privileges",
        "What each token lacks; `vzcover doctor` prints the commands that grant it. Empty is good, unless a source is down.",
        greatest("permission_missing", "source, privilege, path", OF_SOURCE),
        ("source", "privilege", "path"),
        [],
        sort="source",
        descending=False,
        width=10,
        none="none is known to be missing",
    ),
)
# of two vzcover on one cluster each counts all of them
TASKS = "max by (pve, result) (sum by (instance, pve, result) (increase(vzcover_vzdump_tasks_total[1d])))"
REFRESHES = (
    Graph(
        "Duration of refreshes",
        "How long the last refresh took, all sources together.",
        [Query(greatest("refresh_duration_seconds", "instance"), "{{instance}}")],
        unit="s",
        width=8,
    ),
    Graph(
        "Duration of collectors",
        "How long each part of each source took at the last refresh.",
        [Query(greatest("collector_duration_seconds", COLLECTOR, OF_SOURCE), "{{source}} {{collector}}")],
        unit="s",
        width=8,
    ),
    Graph(
        "Duration of reports",
        "How long writing each report took the last time; the daily one is called daily.",
        [Query(greatest("scheduled_report_duration_seconds", "instance, report"), "{{instance}} {{report}}")],
        unit="s",
        width=8,
    ),
    Graph(
        "Series",
        "How many samples each scrape of vzcover brought; docs/metrics.md tells what they grow with.",
        [Query(f"scrape_samples_scraped{SCRAPES}", "{{instance}}")],
        width=8,
    ),
    Graph(
        "Duration of scrapes",
        "How long Prometheus took for each scrape. A scrape only copies what the last refresh rendered.",
        [Query(f"scrape_duration_seconds{SCRAPES}", "{{instance}}")],
        unit="s",
        width=8,
    ),
    Graph(
        "Finished backup tasks",
        "Tasks first seen since vzcover was started, by result, within a day.",
        [Query(TASKS, "{{pve}} {{result}}")],
        width=8,
    ),
)


def board() -> Dashboard:
    """Return the dashboard."""
    return assemble(
        "vzcover-exporter",
        "Whether vzcover itself is well: refreshes, sources, requests, failures, reports, what it costs.",
        [many("source", "Source", "label_values(vzcover_source_up, source)")],
        [
            Section("Now", NOW),
            Section("Sources", SOURCES),
            Section("Requests", _requests()),
            Section("Refreshes and scrapes", REFRESHES),
        ],
        since="now-24h",
    )
