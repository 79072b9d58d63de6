"""Families of metrics can be left out, but never the states and counts of guests."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter import commands
from exporter.cli import build_parser
from exporter.config.families import FAMILIES
from exporter.config.load import load_config
from exporter.errors import ConfigError
from exporter.metrics.exposition import render_exposition
from exporter.metrics.families import MEMBERS, family_of, without
from exporter.metrics.table import REPORT_METRICS
from tests.exporter.metric_text import STATUS, counters
from tests.specimen import specimen

ALWAYS = {"guest_info", "guest_coverage", "guest_protection", "guests", "guests_by_protection", "source_up"}
CONFIG = """\
pve:
  - name: lab
    hosts: pve1.example.com
    token_id: vzcover@pve!readonly
    token_secret: ${SECRET}
metrics:
  leave_out: %s
"""
SECRET = {"SECRET": "9f1c2d3e-0000-4000-8000-000000000001"}


def names(leave_out: tuple[str, ...]) -> set[str]:
    text = render_exposition(specimen(), STATUS, counters(), leave_out).text.plain.decode()
    return {family.name.removeprefix("vzcover_") for family in parse_text(text)}


def configuration(folder: Path, leave_out: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(CONFIG % leave_out, encoding="utf-8")
    return path


def test_every_family_has_its_words_and_its_members_are_in_the_table_once() -> None:
    members = [name for family in MEMBERS.values() for name in family]
    assert MEMBERS.keys() == FAMILIES.keys()
    assert len(members) == len(set(members))
    assert set(members) <= {metric.name for metric in REPORT_METRICS}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_left_out_takes_its_own_metrics_and_nothing_else(family: str) -> None:
    assert names((family,)) == names(()) - set(MEMBERS[family])


def test_states_and_counts_of_guests_stay_when_everything_is_left_out() -> None:
    assert names(tuple(FAMILIES)) >= ALWAYS
    assert all(family_of(metric) is None for metric in without(tuple(FAMILIES)))


def test_everything_is_on_by_default(tmp_path: Path) -> None:
    loaded = load_config(configuration(tmp_path, "[]"), SECRET)
    assert without(loaded.config.metrics.leave_out) == REPORT_METRICS


def test_a_family_that_cannot_be_left_out_is_refused_with_those_that_can(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"metrics\.leave_out.*findings"):
        load_config(configuration(tmp_path, "[guests]"), SECRET)


def test_the_command_line_adds_to_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", SECRET["SECRET"])
    assert served(configuration(tmp_path, "copies"), "findings", "copies") == ("copies", "findings")
    assert served(configuration(tmp_path, "copies")) == ("copies",)


def served(config: Path, *left_out: str) -> tuple[str, ...]:
    flags = [f"--no-collector.{family}" for family in left_out]
    arguments = ["serve", "--config", str(config), *flags]
    options: argparse.Namespace = build_parser(arguments).parse_args(arguments)
    return commands.load_served(options).config.metrics.leave_out
