"""The live counters, as other programs read them."""

from __future__ import annotations

import threading

import pytest
from prometheus_client import REGISTRY
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.counters import Counters
from exporter.errors import FailureReason

CONTRACT = {
    "vzcover_api_requests": ("counter", {"source", "endpoint"}),
    "vzcover_api_request_failures": ("counter", {"source", "endpoint", "reason"}),
    "vzcover_api_request_duration_seconds": ("histogram", {"source"}),
    "vzcover_vzdump_tasks": ("counter", {"pve", "node", "result"}),
    "vzcover_report_failures": ("counter", set()),
    "vzcover_scheduled_report_failures": ("counter", {"report"}),
    "vzcover_history_failures": ("counter", set()),
    "vzcover_delivery_failures": ("counter", {"channel"}),
}


def some_counts() -> Counters:
    counters = Counters()
    counters.count_request("lab", "/version", 0.2)
    counters.count_request_failure("lab", "/version", FailureReason.TIMEOUT)
    counters.count_vzdump_task("lab", "pve1", "ok")
    counters.count_report_failure("daily", daily=True)
    counters.count_delivery_failure("mail")
    return counters


@pytest.mark.parametrize("openmetrics", [False, True])
def test_names_types_and_labels_are_those_of_the_contract(openmetrics: bool) -> None:
    text = some_counts().render(openmetrics).decode()
    families = list(parse_openmetrics(text + "# EOF\n") if openmetrics else parse_text(text))  # type: ignore[no-untyped-call]
    assert {family.name: family.type for family in families} == {name: kind for name, (kind, _) in CONTRACT.items()}
    for family in families:
        assert family.documentation
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == CONTRACT[family.name][1]
            assert not sample.name.endswith("_created")


def test_the_openmetrics_text_is_left_open_for_more() -> None:
    text = some_counts().render(openmetrics=True)
    assert b"# EOF" not in text
    assert text.endswith(b"\n")


def test_counts_add_up() -> None:
    counters = some_counts()
    counters.count_request("lab", "/version", 40.0)
    lines = counters.render(openmetrics=False).decode().splitlines()
    assert 'vzcover_api_requests_total{endpoint="/version",source="lab"} 2.0' in lines
    assert 'vzcover_api_request_duration_seconds_bucket{le="30.0",source="lab"} 1.0' in lines
    assert 'vzcover_api_request_failures_total{endpoint="/version",reason="timeout",source="lab"} 1.0' in lines


def test_what_has_no_labels_is_there_from_the_start() -> None:
    assert b"vzcover_report_failures_total 0.0" in Counters().render(openmetrics=False)


def test_nothing_leaks_into_the_global_registry_or_another_instance() -> None:
    some_counts()
    assert not [family for family in REGISTRY.collect() if family.name.startswith("vzcover")]
    assert b'source="lab"' not in Counters().render(openmetrics=False)


def test_rendering_does_not_change_the_counts() -> None:
    counters = some_counts()
    assert counters.render(openmetrics=False) == counters.render(openmetrics=False)


def test_the_daily_report_s_failures_stand_by_themselves_too() -> None:
    counters = Counters()
    counters.know_report("quiet")
    for name in ("daily", "weekly", "weekly"):
        counters.count_report_failure(name, daily=name == "daily")
    lines = counters.render(openmetrics=False).decode().splitlines()
    assert "vzcover_report_failures_total 1.0" in lines
    told = [line for line in lines if line.startswith("vzcover_scheduled_report_failures_total{")]
    assert told == [
        f'vzcover_scheduled_report_failures_total{{report="{name}"}} {count}'
        for name, count in (("quiet", 0.0), ("daily", 1.0), ("weekly", 2.0))
    ]


def test_threads_lose_no_count() -> None:
    counters = Counters()

    def work() -> None:
        for _ in range(500):
            counters.count_request("lab", "/version", 0.01)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert b'vzcover_api_requests_total{endpoint="/version",source="lab"} 2000.0' in counters.render(openmetrics=False)
