"""The dashboards: as generated, in order, and about metrics and labels that exist."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client.parser import text_string_to_metric_families

from exporter.metrics.documentation import SECTIONS
from grafana.boards.frame import BOARDS
from grafana.boards.render import FOLDER, files
from tests.dashboards import PanelQuery, boards, panels, queries
from tests.exporter.metric_text import counters

# what Prometheus adds by itself
OF_PROMETHEUS = {"scrape_samples_scraped": set[str](), "scrape_duration_seconds": set[str]()}
OF_EVERY_TARGET = {"job", "instance"}
WORDS = {
    *("and", "or", "unless", "on", "by", "bool", "group_left"),
    *("sum", "max", "count", "count_values", "time", "rate", "increase", "histogram_quantile"),
    *("label_values", "query_result", "label_join", "label_replace"),
}
UIDS = [
    "vzcover-overview",
    "vzcover-guest",
    "vzcover-retention",
    "vzcover-stores",
    "vzcover-exporter",
]
ALL = [(name, panel) for name, board in boards().items() for panel in panels(board)]


def metric_table() -> dict[str, dict[str, tuple[str, ...]]]:
    """Every metric of vzcover: its labels, and the values of those that are closed."""
    table: dict[str, dict[str, tuple[str, ...]]] = {}
    for _, metrics in SECTIONS:
        for metric in metrics:
            table[metric.full_name] = dict.fromkeys(metric.labels, ()) | (
                {metric.labels[-1]: metric.values} if metric.values else {}
            )
    live = counters()
    live.count_delivery_failure("mail")
    live.know_report("daily")
    for family in text_string_to_metric_families(live.render(openmetrics=False).decode()):
        for sample in family.samples:
            table.setdefault(sample.name, {}).update(dict.fromkeys(sample.labels, ()))
    return table


TABLE = metric_table()


def used(expression: str) -> set[str]:
    """The metrics that an expression names."""
    return set(re.findall(r"\b(?:vzcover|scrape)_\w+", expression))


def known_labels(expression: str) -> set[str]:
    """The labels that its metrics have, that Prometheus adds, or that it makes itself."""
    made = set(
        re.findall(r'(?:count_values(?: by \([^)]*\))? \(?|label_join\([^"]*|count_values\()"(\w+)"', expression)
    )
    return OF_EVERY_TARGET.union(made, *(TABLE.get(metric, {}) for metric in used(expression)))


def grouped_by(expression: str) -> set[str]:
    lists = re.findall(r"\b(?:by|on|group_left)\s*\(([^)]*)\)", expression)
    return {label.strip() for labels in lists for label in labels.split(",") if label.strip()}


def check_names(expression: str) -> None:
    assert used(expression) <= TABLE.keys() | OF_PROMETHEUS.keys()
    assert grouped_by(expression) <= known_labels(expression)
    for metric, matchers in re.findall(r"(\w+)\{([^}]*)\}", expression):
        for label, operator, value in re.findall(r'(\w+)(=~|!=|=)"([^"]*)"', matchers):
            assert label in TABLE[metric], f"{metric} has no label {label}"
            closed = TABLE[metric][label]
            assert not closed or operator == "=~" or value in closed, f"{metric} has no {label}={value}"
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[\w+\]|\b(?:by|on|group_left)\s*\([^)]*\)', " ", expression)
    assert set(re.findall(r"\b[a-z_]+\b", bare)) <= WORDS | used(expression) | OF_EVERY_TARGET | known_labels(
        expression
    )


def test_what_is_committed_is_what_the_code_makes() -> None:
    made = files()
    assert {path.name for path in FOLDER.iterdir()} == made.keys()
    for name, text in made.items():
        assert (FOLDER / name).read_text() == text, f"{name} is not as generated: run `make dashboards`"


@pytest.mark.parametrize("name", boards())
def test_the_library_of_grafana_reads_each_back_as_it_is(name: str) -> None:
    read = Dashboard.from_json(boards()[name])

    assert json.loads(json.dumps(read, cls=JSONEncoder)) == boards()[name]


def test_one_command_writes_them(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "grafana.boards", "--output", str(tmp_path / "new" / "folder")]
    written = subprocess.run(command, capture_output=True, text=True, check=True, cwd=FOLDER.parents[1]).stdout

    assert [Path(line).name for line in written.splitlines()] == list(files())
    for path in map(Path, written.splitlines()):
        assert path.read_text() == files()[path.name]


@pytest.mark.parametrize(
    "wrong",
    [
        "vzcover_no_such_metric",
        'vzcover_guest_info{cluster="lab"}',
        'vzcover_guest_protection{state="broken"}',
        "sum by (node) (vzcover_guest_copies)",
        "vzcover_guest_copies * on (pve, node) vzcover_guest_jobs",
        "up * 2",
    ],
)
def test_the_check_of_names_finds_what_does_not_exist(wrong: str) -> None:
    with pytest.raises((AssertionError, KeyError)):
        check_names(wrong)


def test_uids_are_those_that_people_have_links_to() -> None:
    assert [uid for uid, _ in BOARDS] == UIDS
    assert {board["uid"] for board in boards().values()} == set(UIDS)
    assert len({board["title"] for board in boards().values()}) == len(UIDS)


@pytest.mark.parametrize("query", list(queries()), ids=lambda query: query.place)
def test_every_query_names_only_metrics_and_labels_that_exist(query: PanelQuery) -> None:
    check_names(query.expression)
    legend = set(re.findall(r"\{\{(\w+)\}\}", query.legend))
    assert legend <= known_labels(query.expression)
    outermost = re.match(r"(?:sum|max|count) by \(([^)]*)\)", query.expression)
    if outermost and "group_left" not in query.expression:
        assert legend <= grouped_by(query.expression), "the legend names a label that is not left"


@pytest.mark.parametrize("name", boards())
def test_variables_are_those_that_queries_use_and_ask_for_labels_that_exist(name: str) -> None:
    board = boards()[name]
    variables = {each["name"]: each for each in board["templating"]["list"]}
    used_in_queries = {
        variable for query in queries() if query.board == name for variable in re.findall(r"\$(\w+)", query.expression)
    }

    assert variables["datasource"]["type"] == "datasource"
    assert variables.keys() - {"datasource"} == used_in_queries
    for each in variables.values():
        if each["type"] == "query":
            check_names(re.sub(r"^label_values\((.*), \w+\)$", r"\1", each["query"]))
            label = re.search(r", (\w+)\)$", each["query"])
            assert label is None or label[1] in known_labels(each["query"])


@pytest.mark.parametrize(("name", "panel"), ALL, ids=[f"{name}: {panel['title']}" for name, panel in ALL])
def test_every_panel_says_what_it_shows_in_which_unit_out_of_the_chosen_source(
    name: str, panel: dict[str, Any]
) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"]
    assert defaults["thresholds"]["steps"]
    assert defaults["noValue"], "an absent series is said in words"
    assert {each["datasource"]["uid"] for each in (panel, *panel["targets"])} == {"${datasource}"}
    assert [target["refId"] for target in panel["targets"]] == sorted({each["refId"] for each in panel["targets"]})


@pytest.mark.parametrize("name", boards())
def test_panels_have_ids_and_places_of_their_own(name: str) -> None:
    board = boards()[name]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in board["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert len({panel["title"] for panel in board["panels"]}) == len(board["panels"]), "a title stands there twice"
    assert len(set(cells)) == len(cells), "two panels overlap"
    assert {x for x, _ in cells} == set(range(24))
    assert board["schemaVersion"] >= 36
    assert board["time"]["to"] == "now"


def test_tables_of_guests_start_from_the_inventory() -> None:
    tables = [
        panel
        for _, panel in ALL
        if panel["type"] == "table" and {"vmid", "name"} <= panel["transformations"][1]["options"]["indexByName"].keys()
    ]

    assert [panel["title"] for panel in tables] == ["Guests, worst first"]
    for panel in tables:
        assert used(panel["targets"][0]["expr"]) == {"vzcover_guest_info"}


def test_columns_of_tables_are_named_and_units_and_mappings_meet_a_column() -> None:
    for name, panel in ALL:
        if panel["type"] != "table":
            continue
        organized = panel["transformations"][1]["options"]
        letters = [target["refId"] for target in panel["targets"][1:]]
        labels = {label for label in organized["indexByName"] if not label.startswith("Value")}
        titles = organized["renameByName"]
        assert list(titles) == [f"Value #{letter}" for letter in letters] if letters else not titles
        assert labels <= known_labels(panel["targets"][0]["expr"]), f"{name}: {panel['title']}"
        overridden = {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]}
        assert overridden <= labels | set(titles.values())
        assert {each["displayName"] for each in panel["options"]["sortBy"]} <= labels | set(titles.values())


def test_a_state_stands_for_each_state_of_its_metric() -> None:
    for name, panel in ALL:
        for target in panel["targets"]:
            if "* (vzcover_" not in target["expr"]:
                continue
            metric, label = re.findall(r'\d \* \((\w+)\{[^}]*?(\w+)="\w+"\} == 1\)', target["expr"])[0]
            told = set(re.findall(rf'{label}="(\w+)"\}} == 1', target["expr"]))
            closed = set(TABLE[metric][label]) or {"critical", "warning", "info"}
            assert told == closed, f"{name}: {panel['title']}"


def test_rows_about_guests_link_to_the_dashboard_of_the_guest() -> None:
    links = {
        (name, link["url"])
        for name, panel in ALL
        for override in panel["fieldConfig"]["overrides"]
        for part in override["properties"]
        if part["id"] == "links"
        for link in part["value"]
    }

    assert {name for name, _ in links} == {"overview", "retention"}
    for _, url in links:
        assert url.startswith("/d/vzcover-guest?")
        assert "var-pve=${__data.fields.pve}&var-guest=${__data.fields.vmid}" in url


def test_every_dashboard_links_to_the_others() -> None:
    for board in boards().values():
        urls = {link["url"].split("?")[0] for link in board["links"]}
        assert urls == {f"/d/{uid}" for uid in UIDS if uid != board["uid"]}
