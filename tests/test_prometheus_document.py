"""docs/prometheus.md: what people copy out of it is taken by the programs it is for, and names what exists."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.mixin.records import RECORDS
from tests.simulator_process import REPOSITORY
from tests.tools import require

TEXT = (REPOSITORY / "docs" / "prometheus.md").read_text()
BLOCKS: list[str] = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
CONFIGURATIONS = [block for block in BLOCKS if block.startswith("# prometheus.yml")]


def block(of: str) -> Any:
    (found,) = (each for each in BLOCKS if of in each)
    return yaml.safe_load(found)


def check(kind: str, path: Path) -> str:
    checked = subprocess.run([require("promtool"), "check", kind, path], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    return checked.stdout


@pytest.mark.parametrize("text", CONFIGURATIONS, ids=lambda text: text.splitlines()[1])
def test_promtool_takes_each_configuration(text: str, tmp_path: Path) -> None:
    # files that are not here are only missing
    path = tmp_path / "prometheus.yml"
    path.write_text(re.sub(r"(password_file|ca_file): .*", "", text))
    check("config", path)


def test_there_are_all_the_configurations_that_it_speaks_of() -> None:
    assert len(CONFIGURATIONS) == 5


def test_relabelling_where_it_is_scraped_is_taken_too(tmp_path: Path) -> None:
    scrape = {"job_name": "vzcover", **block("metric_relabel_configs")}
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump({"scrape_configs": [scrape]}))
    check("config", tmp_path / "prometheus.yml")


def test_the_rule_for_above_is_taken(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(block("VzcoverSiteSilent")))
    assert "SUCCESS: 1 rules found" in check("rules", tmp_path / "rules.yaml")


@pytest.mark.parametrize("name", [record.name for record in RECORDS])
def test_every_recorded_series_goes_up_by_either_way(name: str) -> None:
    (federation,) = block("/federate")["scrape_configs"]
    selectors = [re.findall(r'__name__=~"([^"]+)"', each)[0] for each in federation["params"]["match[]"]]
    (relabelling,) = block("remote_write")["remote_write"][0]["write_relabel_configs"]

    assert any(re.fullmatch(selector, name) for selector in selectors)
    assert re.fullmatch(relabelling["regex"], name)


def test_queries_name_recorded_series_that_exist() -> None:
    named = set(re.findall(r"\b[a-z_]+:vzcover_\w+:\w+", TEXT))
    assert named
    assert named <= {record.name for record in RECORDS}


def test_single_metrics_that_go_up_exist() -> None:
    described = (REPOSITORY / "docs" / "metrics.md").read_text()
    for group in re.findall(r"vzcover_\(([a-z_|]+)\)", TEXT):
        for name in group.split("|"):
            assert f"`vzcover_{name}`" in described
    for group in re.findall(r"vzcover_group_\(([a-z_|]+)\)", TEXT):
        for name in group.split("|"):
            assert f"`vzcover_group_{name}`" in described


def test_paths_that_it_names_exist() -> None:
    for path in re.findall(r"`((?:deploy|grafana|tests)/[\w./-]+)`", TEXT):
        assert (REPOSITORY / path).exists(), path
