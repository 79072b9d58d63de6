"""Rows + settings → the files in rules/ and alerts/."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from grafana.mixin.guests import GUEST_ALERTS
from grafana.mixin.itself import EXPORTER_ALERTS
from grafana.mixin.jobs import JOB_ALERTS
from grafana.mixin.records import RECORDS
from grafana.mixin.rows import Alert, Record
from grafana.mixin.settings import Settings, seconds
from grafana.mixin.stores import STORE_ALERTS

HEAD = "# Made by `make rules` from grafana/settings.yaml and grafana/mixin: change those. Needs Prometheus 2.42 or newer.\n"
ALERTS: Mapping[str, tuple[Alert, ...]] = {
    "guests": GUEST_ALERTS,
    "stores": STORE_ALERTS,
    "jobs": JOB_ALERTS,
    "exporter": EXPORTER_ALERTS,
}
# durations within an expression: a range, or an offset
_WITHIN = re.compile(r"(?<=\[)\d+[smhdw](?=\])|(?<=offset )\d+[smhdw]")

Rule = dict[str, Any]


def files(settings: Settings, *, faster: int = 1) -> dict[str, str]:
    """Given the settings, return the text of each file by its path below the output folder.

    `faster`: by what every wait and every range is divided, for a trial in seconds; thresholds stay.
    """
    found = {"rules/vzcover.yaml": _group("vzcover", [_record(row, settings) for row in RECORDS], faster)}
    for name, rows in ALERTS.items():
        found[f"alerts/{name}.yaml"] = _group(f"vzcover-{name}", [_alert(row, settings) for row in rows], faster)
    return found


def _group(name: str, rules: list[Rule], faster: int) -> str:
    document = {"groups": [{"name": name, "rules": [_scaled(rule, faster) for rule in rules]}]}
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=100_000, allow_unicode=True)
    return HEAD + text


def _record(row: Record, settings: Settings) -> Rule:
    return {"record": row.name, "expr": row.expression % settings.values}


def _alert(row: Alert, settings: Settings) -> Rule:
    values = {**settings.values, **settings.patience}
    rule: Rule = {"alert": row.name, "expr": row.expression % values, "for": settings.patience[row.patience]}
    if row.lingers:
        rule["keep_firing_for"] = settings.lingers
    rule["labels"] = {"severity": row.severity}
    rule["annotations"] = {
        "summary": row.summary % values,
        "description": row.description % values,
        "runbook_url": f"{settings.runbook}#{row.name.lower()}",
    }
    return rule


def _scaled(rule: Rule, faster: int) -> Rule:
    """Return the rule with every wait and range divided; texts and thresholds stay."""
    if faster == 1:
        return rule
    scaled = {
        key: _shorter(value, faster) if key in ("for", "keep_firing_for") else value for key, value in rule.items()
    }
    scaled["expr"] = _WITHIN.sub(lambda found: _shorter(found[0], faster), rule["expr"])
    return scaled


def _shorter(duration: str, faster: int) -> str:
    return f"{max(1, seconds(duration) // faster)}s"


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as a block, and lists indented."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
