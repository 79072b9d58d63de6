"""Every setting can come from the environment; a variable that names none is an error with a suggestion."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.config.addresses import Address
from exporter.config.catalog import settings as all_settings
from exporter.config.load import load_config
from exporter.config.model import Config
from exporter.errors import ConfigError
from tests.exporter.config_files import GOOD, load, problems, refusal

WHOLE = {
    "VZCOVER__PVE__0__NAME": "lab",
    "VZCOVER__PVE__0__HOSTS": "a, b:1",
    "VZCOVER__PVE__0__TOKEN_ID": "a@pve!b",
    "VZCOVER__PVE__0__TOKEN_SECRET": "0123-secret",
}


def test_no_file_is_needed_when_the_environment_says_all() -> None:
    loaded = load_config(None, WHOLE)
    assert loaded.config.pve[0].hosts == (Address("a", 8006), Address("b", 1))
    assert loaded.file is None
    assert loaded.warnings == ()


def test_without_a_file_and_without_variables_there_is_one_clear_line() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(None, {"VZCOVER_CONFIG": ""})
    assert str(caught.value) == "environment: no VZCOVER__ setting, and no file; config.example.yaml is a start"


def test_an_empty_file_and_a_whole_environment_are_enough(tmp_path: Path) -> None:
    assert load(tmp_path, "", WHOLE).config.pve[0].name == "lab"


def test_a_variable_overrides_the_file(tmp_path: Path) -> None:
    environment = {"VZCOVER__REFRESH__INTERVAL": "10m", "VZCOVER__PVE__0__NAME": "other"}
    config = load(tmp_path, GOOD + "refresh: {interval: 1h, attempts: 2}\n", environment).config
    assert (config.refresh.interval, config.refresh.attempts, config.pve[0].name) == (600, 2, "other")


def test_an_index_changes_or_continues_a_list(tmp_path: Path) -> None:
    environment = {"VZCOVER__PVE__0__HOSTS__1": "second", "VZCOVER__PVE__0__HOSTS__0": "first"}
    assert [host.host for host in load(tmp_path, GOOD, environment).config.pve[0].hosts] == ["first", "second"]
    text = GOOD.replace("[pve1.example.com]", "x, y, z")
    assert [host.host for host in load(tmp_path, text, environment).config.pve[0].hosts] == ["first", "second", "z"]


def test_ten_and_more_items_come_in_their_order() -> None:
    hosts = {f"VZCOVER__PVE__0__HOSTS__{number}": f"h{number}" for number in range(12)}
    environment = {key: value for key, value in WHOLE.items() if "HOSTS" not in key} | hosts
    assert [host.host for host in load_config(None, environment).config.pve[0].hosts] == list(hosts.values())


def test_another_cluster_can_be_added(tmp_path: Path) -> None:
    more = {name.replace("__0__", "__1__"): value for name, value in WHOLE.items()} | {"VZCOVER__PVE__1__NAME": "two"}
    assert [cluster.name for cluster in load(tmp_path, GOOD, more).config.pve] == ["lab", "two"]


@pytest.mark.parametrize("nothing", ["", "~", "null", "  "])
def test_an_empty_value_takes_the_file_s_away(tmp_path: Path, nothing: str) -> None:
    loaded = load(tmp_path, GOOD + "refresh: {interval: 1h}\n", {"VZCOVER__REFRESH__INTERVAL": nothing})
    assert loaded.config.refresh.interval == 300


def test_a_secret_source_of_the_file_can_be_exchanged(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-file\n")
    environment = {"VZCOVER__PVE__0__TOKEN_SECRET": "", "VZCOVER__PVE__0__TOKEN_SECRET_FILE": "secret"}
    assert load(tmp_path, GOOD, environment).config.pve[0].token_secret.get_secret_value() == "from-file"


BAD = [
    ("VZCOVER__REFRSH__INTERVAL", "1h", "names no setting; did you mean VZCOVER__REFRESH__INTERVAL?"),
    ("VZCOVER__PVE__0__TOKENID", "x", "names no setting; did you mean VZCOVER__PVE__0__TOKEN_ID?"),
    ("VZCOVER_REFRESH__INTERVAL", "1h", "names no setting; did you mean VZCOVER__REFRESH__INTERVAL?"),
    ("VZCOVER__web__listen", ":1", "names no setting; did you mean VZCOVER__WEB__LISTEN?"),
    ("VZCOVER__REFRESH", "1h", "names a section, not a setting; continue it, such as VZCOVER__REFRESH__INTERVAL"),
    ("VZCOVER__REFRESH__INTERVAL__0", "1h", "names no setting; VZCOVER__REFRESH__INTERVAL is a single value"),
    ("VZCOVER__PVE__NAME", "x", "pve is a list; write the place in it, counted from 0: VZCOVER__PVE__0"),
    ("VZCOVER__PVE__0__HOSTS__5", "x", "place 5 leaves a gap; the next one is 1"),
    ("VZCOVER__PVE__0__HOSTS__0", "a/b", None),
    (
        "VZCOVER__",
        "x",
        "names no setting; possible here: PVE, PBS, REFRESH, POLICY, REPORT, REPORTS, HISTORY, DELIVER, METRICS, WEB, LOG, "
        "STORAGES_FILE, DRILLS_DIR, STATE_DIR",
    ),
    ("VZCOVER__POLICY__DEMAND_TEMPLATES", "1", '"1" is neither true nor false; write true or false'),
    ("VZCOVER__REPORT__AT", "630", '"630" is not a time of day; write HH:MM from 00:00 to 23:59, such as 06:00'),
]
HOST = "a host has no https://, path or user in it; write pve1.example.com or [2001:db8::1]:8006"


@pytest.mark.parametrize(("name", "value", "message"), BAD, ids=[name for name, _, _ in BAD])
def test_a_wrong_variable_is_one_clear_line(tmp_path: Path, name: str, value: str, message: str | None) -> None:
    assert problems(tmp_path, GOOD, {name: value}) == [f"environment: {name}: {message or HOST}"]


def test_a_variable_that_does_not_fit_the_file_says_so(tmp_path: Path) -> None:
    lines = problems(tmp_path, GOOD + "web: [x]\n", {"VZCOVER__WEB__LISTEN": ":1"})
    assert lines == [
        "config.yaml:6: web: expected a mapping (lines of `key: value`), found a list",
        "environment: VZCOVER__WEB__LISTEN: cannot be laid over the file: it has a list where listen should be",
    ]


def test_variables_of_others_are_left_alone(tmp_path: Path) -> None:
    others = {"VZCOVER_CONFIG": "x", "VZCOVER_PORT": "tcp://1", "VZCOVER": "x", "PVE__0": "x", "VZCOVER_REQUIRE": "1"}
    assert load(tmp_path, GOOD, others).config == load(tmp_path, GOOD).config


def test_every_setting_survives_the_way_through_its_variable(tmp_path: Path) -> None:
    """Each default, written as its variable, gives the configuration without it."""
    environment = {
        setting.variable.replace("__N__", "__0__"): setting.default
        for setting in all_settings(Config)
        if setting.default and not setting.path.startswith(("pbs", "deliver"))
    }
    assert len(environment) > 20
    assert load(tmp_path, GOOD, environment).config == load(tmp_path, GOOD).config


@settings(deadline=None, max_examples=60)
@given(
    interval=st.integers(10, 86_400),
    jitter=st.integers(0, 50),
    hosts=st.lists(st.from_regex(r"[a-z]{1,9}\.[a-z]{1,9}", fullmatch=True), min_size=1, max_size=4, unique=True),
    enabled=st.booleans(),
)
def test_what_goes_into_the_environment_comes_out(interval: int, jitter: int, hosts: list[str], enabled: bool) -> None:
    environment = WHOLE | {
        "VZCOVER__REFRESH__INTERVAL": str(interval),
        "VZCOVER__REFRESH__JITTER": f"{jitter}%",
        "VZCOVER__PVE__0__HOSTS": ",".join(hosts),
        "VZCOVER__REPORT__ENABLED": str(enabled).lower(),
    }
    config = load_config(None, environment).config
    assert (config.refresh.interval, config.refresh.jitter, config.report.enabled) == (interval, jitter / 100, enabled)
    assert [host.host for host in config.pve[0].hosts] == hosts


@settings(deadline=None, max_examples=100)
@given(
    st.dictionaries(
        st.from_regex(r"VZCOVER__([A-Z_]|PVE|0|HOSTS|TLS|LOG|__){0,6}", fullmatch=True), st.text(max_size=9)
    )
)
def test_any_environment_loads_or_raises_a_config_error(environment: dict[str, str]) -> None:
    error = refusal(lambda: load_config(None, WHOLE | environment))
    assert error is None or error.problems
