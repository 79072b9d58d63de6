"""What is made from the models: the JSON Schema, the table of settings; and the example, which uses every setting."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from exporter.config.catalog import settings
from exporter.config.load import load_config
from exporter.config.model import Config
from exporter.config.schema import config_schema, generated
from tests.exporter.config_files import GOOD, load

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLE = REPOSITORY / "config.example.yaml"


@pytest.mark.parametrize("path", list(generated()), ids=str)
def test_the_committed_file_is_the_generated_one(path: Path) -> None:
    committed = (REPOSITORY / path).read_text(encoding="utf-8")
    assert committed == generated()[path], "run: python -m exporter.config.schema"


def test_the_example_loads_without_warnings() -> None:
    loaded = load_config(EXAMPLE, {"VZCOVER_LAB_SECRET": "s3cret"})
    assert loaded.warnings == ()
    assert loaded.config.pve[0].token_secret.get_secret_value() == "s3cret"


def test_the_example_s_values_are_the_defaults(tmp_path: Path) -> None:
    example = load_config(EXAMPLE, {"VZCOVER_LAB_SECRET": "s3cret"}).config
    plain = load(tmp_path, GOOD).config
    for section in ("refresh", "policy", "report", "web", "log", "state_dir"):
        assert getattr(example, section) == getattr(plain, section)
    assert (
        example.pve[0].model_copy(update={"hosts": plain.pve[0].hosts, "token_secret": plain.pve[0].token_secret})
        == (plain.pve[0])
    )


def test_the_example_names_every_setting() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    for setting in settings(Config):
        assert re.search(rf"^[ #-]*{setting.path.rsplit('.', 1)[-1]}:", text, re.MULTILINE), setting.path


def test_every_setting_has_a_description_that_ends_with_a_full_stop() -> None:
    for setting in settings(Config):
        assert (setting.node.field.description or "").endswith("."), setting.path
        assert setting.node.kind is not None, setting.path


def _valid(document: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(config_schema()).is_valid(document))


def test_the_schema_is_a_valid_schema_and_takes_the_example() -> None:
    jsonschema.Draft202012Validator.check_schema(config_schema())
    assert _valid(yaml.safe_load(EXAMPLE.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "change",
    ["refresh: {interval: 5 minutes}", "refresh: {attempts: 0}", "reporrt: {}", "report: {language: de}", "pbs: [{}]"],
)
def test_the_schema_refuses_what_the_program_refuses(change: str) -> None:
    good = yaml.safe_load(GOOD)
    assert _valid(good)
    assert not _valid(good | yaml.safe_load(change))


def test_the_schema_wants_one_secret_of_three() -> None:
    source = yaml.safe_load(GOOD)["pve"][0]
    without = {key: value for key, value in source.items() if key != "token_secret"}
    assert _valid({"pve": [without | {"token_secret_file": "x"}]})
    assert not _valid({"pve": [without]})
    assert not _valid({"pve": [source | {"token_secret_file": "x"}]})


def test_defaults_in_the_schema_are_values_that_load() -> None:
    definitions = config_schema()["$defs"]
    for name, definition in definitions.items():
        for key, part in definition["properties"].items():
            if "default" in part:
                validator = jsonschema.Draft202012Validator({**part, "$defs": definitions})
                assert validator.is_valid(part["default"]), f"{name}.{key}"
