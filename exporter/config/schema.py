"""The JSON Schema for editors and the table of every setting, both made from the models.

`python -m exporter.config.schema` writes docs/config.schema.json and docs/configuration.md; a test compares them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from exporter.config.catalog import Node, Setting, children, settings
from exporter.config.model import Config
from exporter.config.policy import MEANING
from exporter.config.reports import Report
from exporter.config.secrets import TOKEN_SECRET, URL

SCHEMA_FILE = Path("docs", "config.schema.json")
TABLE_FILE = Path("docs", "configuration.md")

INTRODUCTION = """\
# Configuration

<!-- made by `python -m exporter.config.schema`; do not edit -->

One YAML file: `--config.file` (or `--config`), else `$VZCOVER_CONFIG`, else `/etc/vzcover/config.yaml`. All errors are
told at once, each with file, line and what would be right: `vzcover check-config`. For editors:
`# yaml-language-server: $schema=config.schema.json` on the first line, with the path of `docs/config.schema.json`.

- **Text stays text.** `22:30` is no number, `no` and `on` are no booleans (only `true` and `false` are), `010` is
  not 8. Quotes change nothing, but that `""`, `"~"` and `"null"` in quotes are text. A key given twice is an error.
  Anchors, aliases and `<<` work; tags (`!…`) do not.
- **Durations** are seconds (`300`) or have units, largest first: `90s`, `5m`, `24h`, `1h30m`, `90d`, `2w`.
- **Lists of single values** may be one text with commas: `formats: pdf, json`.
- **Relative paths** are relative to the folder of the configuration file; without a file to the current folder.
- **A key without a value** means its default.
- **Environment.** Each setting can be given, or overridden, by its variable: `VZCOVER__REFRESH__INTERVAL=10m`,
  `VZCOVER__PVE__0__TOKEN_ID=vzcover@pve!readonly`; N is the place in a list, counted from 0, and may be one more than
  the file has. An empty value takes a setting of the file away. A variable that names no setting is an error. No file is needed
  when the environment says all.
- **Secrets.** Give each source exactly one of `token_secret` (best as `${NAME}`, which is put in after the YAML was
  read), `token_secret_file`, `token_secret_credential` (a file in systemd's `$CREDENTIALS_DIRECTORY`); the same holds for
  `password` and `url` of a channel under `deliver`. They are read
  when the configuration is loaded, and never printed.
- **TLS** is always checked against the public authorities, `ca_file`, or `fingerprint`, of which only one may be given.
  `verify: false` is possible, must be written, and warns at each start.

`$STATE_DIRECTORY` (set by systemd) is the default of `state_dir`; `report.output` is by default `reports` in it.

| Setting | Type | Default | Unit | Environment variable | Meaning |
|---|---|---|---|---|---|
"""


class _AsWritten(GenerateJsonSchema):
    """Leaves defaults out: they are put in as people write them, not as the program holds them."""

    def default_schema(self, schema: Any) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])


def config_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the configuration file."""
    schema = Config.model_json_schema(schema_generator=_AsWritten)
    _finish(schema, Config)
    for name, model in _models(Config).items():
        _finish(schema["$defs"][name], model)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "vzcover configuration"}


def _models(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    below: dict[str, type[BaseModel]] = {}
    for node in children(model).values():
        if node.model is not None:
            below |= {node.model.__name__: node.model, **_models(node.model)}
    return below


def _finish(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Given a model's part of the schema, put in the defaults as they are written, and ask for one secret of three."""
    for name, node in children(model).items():
        part = schema["properties"][name]
        part.pop("title", None)
        default = _default(node)
        if default is not None:
            part["default"] = default
    required = list(schema.get("required", []))
    for setting in (TOKEN_SECRET, URL):
        if setting.name in required:
            required.remove(setting.name)
            schema["oneOf"] = [{"required": [field]} for field in setting.fields]
    if required:
        schema["required"] = required


def _default(node: Node) -> object:
    value = node.field.default
    if node.kind is None or node.field.is_required() or value is None:
        return None
    if node.many:
        return [node.kind.shown(item) for item in value] or None
    return (
        value
        if isinstance(value, bool | int) and node.kind.shown(value).isalnum() and not node.kind.unit
        else node.kind.shown(value)
    )


def settings_table() -> str:
    """Return docs/configuration.md."""
    rows = [_row(setting) for setting in settings(Config)]
    return INTRODUCTION + "\n".join(rows) + "\n"


def _row(setting: Setting) -> str:
    node = setting.node
    kind = node.kind
    word = kind.word if kind else ""
    limits = kind.limits() if kind else ""
    default = f"`{setting.default}`" if setting.default else "required" if node.field.is_required() else "none"
    if setting.path.endswith(("token_secret", ".url")):
        default = "one of three"
    elif setting.path.removeprefix("policy.rules[N].") in MEANING:
        default = "as in `policy`"
    elif setting.path.startswith("reports[N].") and setting.node.name in Report.model_fields.keys() - {"output"}:
        default = "as in `report`"
    cells = (
        f"`{setting.path}`",
        (f"list of {word}" if node.many else word) + (f" ({limits})" if limits else ""),
        default,
        kind.unit if kind else "",
        f"`{setting.variable}`",
        node.field.description or "",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def generated() -> Mapping[Path, str]:
    """Return the text of each generated file by its path in the repository."""
    return {
        SCHEMA_FILE: json.dumps(config_schema(), indent=2, ensure_ascii=False) + "\n",
        TABLE_FILE: settings_table(),
    }


def main() -> int:
    """Write the generated files below the current folder, which must be the repository."""
    for path, text in generated().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
