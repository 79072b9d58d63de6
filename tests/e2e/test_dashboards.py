"""Every query of every dashboard, asked of a genuine Prometheus that scrapes the demo."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any

import pytest

from tests.dashboards import PanelQuery, boards, filled, queries
from tests.processes import daemon, wait_for
from tests.prometheus_process import Prometheus, running_prometheus

CONFIGURATION = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: vzcover
    static_configs: [{{targets: ["{target}"]}}]
"""
SCRAPES = 3
EVERYTHING = {"pve": ".*", "pool": ".*", "server": ".*", "namespace": ".*", "source": ".*"}
ONE = {"pve": "lab", "guest": "100"}
# of the large cluster, and of both
OF_LAB, OF_BOTH = 40, 44
# panels that are empty in the demo, or may be, and why
EMPTY = {
    ("overview", "Missing privileges by path"): "the demo's tokens lack nothing",
    ("exporter", "Missing privileges"): "the demo's tokens lack nothing",
    ("exporter", "Web configuration in force"): "the demo has no such file",
    ("overview", "Sources", "E"): "the demo's tokens lack nothing",
    ("exporter", "Failed deliveries"): "the demo delivers nothing",
    (
        "exporter",
        "Finished backup tasks",
    ): "tasks that end are counted from the second refresh on, which comes after 5 minutes",
}


@dataclass(frozen=True)
class Scraped:
    """A Prometheus that has scraped the demo some times, and the guests that it knows."""

    prometheus: Prometheus
    since: float
    guests: Sequence[Mapping[str, str]]

    def answer(self, query: PanelQuery, **values: str) -> list[dict[str, Any]]:
        """What Prometheus answers to a panel, in the way in which the panel asks."""
        expression = filled(query.expression, EVERYTHING | values)
        if query.over_time:
            return self.prometheus.series(expression, start=self.since, end=time.time())
        return self.prometheus.series(expression)


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    since = time.time()
    with daemon("demo", "--guests", OF_LAB) as demo:
        wait_for(lambda: any(line.startswith("metrics:") for line in demo.output), "the demo", 60)
        demo.send(signal.SIGHUP)
        configuration = CONFIGURATION.format(target=demo.address)
        with running_prometheus(tmp_path_factory.mktemp("prometheus"), configuration) as prometheus:

            def enough() -> bool:
                counted = prometheus.series(f"count_over_time(vzcover_build_info[1m]) >= {SCRAPES}")
                return bool(counted and prometheus.series("vzcover_report_last_success_timestamp_seconds"))

            wait_for(enough, "some scrapes, and a report")
            guests = [each["metric"] for each in prometheus.series("vzcover_guest_info")]
            yield Scraped(prometheus, since, guests)
        demo.end()


def places(query: PanelQuery) -> set[tuple[str, ...]]:
    return {(query.board, query.panel), (query.board, query.panel, query.letter)}


@pytest.mark.parametrize("board", boards())
def test_every_panel_has_data(board: str, scraped: Scraped) -> None:
    empty = []
    for query in (each for each in queries() if each.board == board):
        # the first guest that has such a thing: not everyone has failures, or a backup
        choices = scraped.guests if "$guest" in query.expression else [{"pve": ".*", "vmid": ""}]
        if not any(scraped.answer(query, pve=guest["pve"], guest=guest["vmid"]) for guest in choices):
            empty.append(query)

    unexplained = [query.place for query in empty if not places(query) & EMPTY.keys()]
    assert not unexplained


def test_no_row_stands_there_twice(scraped: Scraped) -> None:
    """A table is put together by its labels: of each query one series a thing."""
    for query in queries():
        told = scraped.answer(query, **(ONE if "$guest" in query.expression else {}))
        labels = [frozenset(each["metric"].items()) for each in told]
        assert len(labels) == len(set(labels)), query.place


def test_the_table_of_guests_has_them_all(scraped: Scraped) -> None:
    things = next(each for each in queries() if each.panel == "Guests, worst first")

    rows = {(each["metric"]["pve"], each["metric"]["vmid"]) for each in scraped.answer(things)}
    assert rows == {(guest["pve"], guest["vmid"]) for guest in scraped.guests}
    assert len(rows) == OF_BOTH


def test_each_cell_of_a_table_finds_its_one_row(scraped: Scraped) -> None:
    """Grafana puts rows together by the labels that all queries of a table have: none may be missing here and there, or be ambiguous."""
    tables = groupby((each for each in queries() if each.kind == "table"), key=lambda each: (each.board, each.panel))
    for place, asked in tables:
        things, *columns = (
            [each["metric"] for each in scraped.answer(query, **(ONE if "$guest" in query.expression else {}))]
            for query in asked
        )
        named = {frozenset(each) for column in columns for each in column}
        assert len(named) <= 1, place
        for labels in named:
            keys = [tuple(thing.get(label) for label in sorted(labels)) for thing in things]
            assert len(set(keys)) == len(keys), place
            cells = {tuple(each[label] for label in sorted(labels)) for column in columns for each in column}
            assert cells <= set(keys), place


def test_a_chosen_cluster_leaves_only_its_guests(scraped: Scraped) -> None:
    query = next(each for each in queries() if each.panel == "Guests, worst first")
    told = [each["metric"] for each in scraped.answer(query, pve="branch")]

    assert {each["pve"] for each in told} == {"branch"}
    assert len(told) == OF_BOTH - OF_LAB


def test_a_chosen_pool_leaves_only_its_guests(scraped: Scraped) -> None:
    pool = next(guest["pool"] for guest in scraped.guests if "pool" in guest)
    expected = {guest["vmid"] for guest in scraped.guests if guest.get("pool") == pool}

    assert 0 < len(expected) < len(scraped.guests)
    for query in (each for each in queries() if each.panel == "Guests, worst first"):
        assert {each["metric"]["vmid"] for each in scraped.answer(query, pool=pool)} <= expected
    for query in (each for each in queries() if each.panel.startswith("Guests by p") and "$pool" in each.expression):
        assert sum(float(each["value"][1]) for each in scraped.answer(query, pool=pool)) == len(expected)


def test_the_sentence_counts_every_guest_once(scraped: Scraped) -> None:
    (query,) = (each for each in queries() if each.panel == "In one sentence")
    (told,) = (each["metric"] for each in scraped.answer(query))
    sentence = re.sub(r"\{\{(\w+)\}\}", lambda found: told[found[1]], query.legend)

    numbers = {name: int(number) for name, number in told.items()}
    assert sum(numbers[state] for state in ("protected", "unprotected", "at_risk", "unknown")) == numbers["demanded"]
    assert numbers["demanded"] + numbers["waived"] == OF_BOTH
    assert sentence.startswith(f"{numbers['protected']} of {numbers['demanded']} guests are protected; ")


def test_variables_offer_something_and_the_guests_carry_id_and_name(scraped: Scraped) -> None:
    for variable in chain.from_iterable(board["templating"]["list"] for board in boards().values()):
        if variable["type"] == "datasource":
            continue
        query = filled(variable["query"], EVERYTHING | {"pve": "lab" if variable["name"] == "guest" else ".*"})
        if query.startswith("label_values"):
            selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", query).groups()  # type: ignore[union-attr]
            offered = scraped.prometheus.ask(f"label/{label}/values", **{"match[]": selector})
            assert offered, variable["name"]
        else:
            asked = re.fullmatch(r"query_result\((.*)\)", query)
            assert asked is not None
            series = scraped.prometheus.series(asked[1])
            # as Grafana writes a series before it looks for text and value
            lines = ["{" + ",".join(f'{k}="{v}"' for k, v in each["metric"].items()) + "} 1 1" for each in series]
            pattern = variable["regex"].removeprefix("/").removesuffix("/g").replace("(?<", "(?P<")
            found = [re.finditer(pattern, line) for line in lines]
            pairs = [
                {name: part for match in matches for name, part in match.groupdict().items() if part}
                for matches in found
            ]
            assert len(pairs) == OF_LAB
            assert all(pair["text"].split(" ")[0] == pair["value"] for pair in pairs)
