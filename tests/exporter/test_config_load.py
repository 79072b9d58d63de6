"""Whole configuration files: what loads, and the exact lines of what does not."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo

import bcrypt
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from exporter.config.addresses import Address
from exporter.config.load import find_config, load_config
from exporter.errors import ConfigError
from tests.exporter.config_files import GOOD, SECRET, as_nobody, load, problems, refusal
from tests.exporter.web_fixtures import make_certificate

MISSING_PVE = "config.yaml:1: pve: missing; Proxmox VE clusters to read, at least one"
QUOTES = "text that begins with a special character is put in quotes"
ONE_SECRET = "give exactly one of token_secret, token_secret_file, token_secret_credential"


def test_a_small_file_gets_all_defaults(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD).config
    assert config.pve[0].hosts == (Address("pve1.example.com", 8006),)
    assert config.pve[0].tls.verify is True
    assert (config.refresh.interval, config.refresh.deadline, config.refresh.guest_config_interval) == (300, 120, 86400)
    assert config.refresh.jitter == 0.1
    assert (config.report.at, config.report.zone_info) == (time(6), ZoneInfo("UTC"))
    assert config.report.formats == ("pdf", "json", "csv")
    assert config.web.listen == (Address("", 10977),)
    assert config.state_dir == Path("/var/lib/vzcover")
    assert config.report.output == Path("/var/lib/vzcover/reports")
    assert config.sources[0].title == "pve lab"


def test_every_setting_can_be_given(tmp_path: Path) -> None:
    text = GOOD + (
        "    timeout: 1m\n    max_requests: 8\n"
        "pbs: [{name: vault, hosts: 'a, [::1]:1', token_id: b@pbs!c, token_secret: x}]\n"
        "refresh: {interval: 1h30m, jitter: 5%, deadline: 90, guest_config_interval: 1d, attempts: 1}\n"
        "policy: {demand_templates: true}\n"
        "report: {at: 22:30, zone: Europe/Vienna, language: fr, formats: json, output: out, keep_number: 3, keep_age: 1w,"
        " enabled: false}\n"
        "web: {listen: ['[::]:0', ':9'], max_connections: 10, idle_timeout: 5s, request_timeout: 2s,"
        " stall_timeout: 3s, max_request_bytes: 2048}\n"
        "log: {format: json, level: debug}\nstate_dir: state\n"
    )
    config = load(tmp_path, text).config
    assert (config.pve[0].timeout, config.pve[0].max_requests) == (60, 8)
    assert config.pbs[0].hosts == (Address("a", 8007), Address("::1", 1))
    assert (config.refresh.interval, config.refresh.jitter, config.refresh.deadline) == (5400, 0.05, 90)
    assert config.policy.demand_templates is True
    assert (config.report.at, config.report.zone, config.report.keep_age) == (time(22, 30), "Europe/Vienna", 604_800)
    assert (config.report.output, config.state_dir) == (tmp_path / "out", tmp_path / "state")
    assert config.web.listen == (Address("::", 0), Address("", 9))


def test_the_configuration_is_frozen(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD).config
    with pytest.raises(ValidationError):
        config.refresh.interval = 1


def test_anchors_aliases_and_merges_work(tmp_path: Path) -> None:
    text = (
        "pve:\n  - &lab\n    name: lab\n    hosts: &hosts [a]\n    token_id: a@pve!b\n    token_secret: x\n"
        "  - <<: *lab\n    name: other\n    hosts: *hosts\n"
    )
    config = load(tmp_path, text).config
    assert [(cluster.name, cluster.token_id) for cluster in config.pve] == [("lab", "a@pve!b"), ("other", "a@pve!b")]


def test_what_looks_like_a_number_or_a_boolean_stays_text(tmp_path: Path) -> None:
    text = "pve:\n  - {name: 010, hosts: [no], token_id: 1.10@pve!on, token_secret: 22:30}\n"
    cluster = load(tmp_path, text).config.pve[0]
    assert (cluster.name, cluster.hosts[0].host, cluster.token_id) == ("010", "no", "1.10@pve!on")
    assert cluster.token_secret.get_secret_value() == "22:30"


def test_a_key_without_a_value_means_its_default(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD + "    tls:\nrefresh:\n  interval:\n  jitter: null\nweb: ~\n").config
    assert (config.refresh.interval, config.refresh.jitter, config.web.max_connections) == (300, 0.1, 100)


BAD_FILES = [
    ("", ["config.yaml: the file is empty; config.example.yaml is a start"]),
    ("# nothing\n", ["config.yaml: the file is empty; config.example.yaml is a start"]),
    ("- a\n", ["config.yaml:1: expected a mapping that begins with `pve:`, found a list"]),
    ("pve\n", ["config.yaml:1: expected a mapping that begins with `pve:`, found text"]),
    ("log: {}\n", [MISSING_PVE]),
    ("pve:\n\t- a\n", ["config.yaml:2: no valid YAML: a tab where YAML wants blanks; indent with blanks"]),
    ("log: {}\npve: [\n", ["config.yaml:3: no valid YAML: a bracket [ or { above is never closed"]),
    ("pve: 'a\n\n", ["config.yaml:1: no valid YAML: quotes that are opened here are never closed"]),
    ("pve: *a\n", [f"config.yaml:1: no valid YAML: an alias (*name) without its anchor (&name); {QUOTES}"]),
    (
        "a: 1\n---\nb: 1\n",
        ["config.yaml:2: no valid YAML: a second document (---) begins here; one file holds one document"],
    ),
    ("pve: &a\n  - *a\n", ["config.yaml:1: an alias (*name) inside of its own anchor"]),
    ("a: \x01\n", ["config.yaml:1: a control character; save the file as plain UTF-8 text"]),
    ('a: "\\UFFFFFFFF"\n', ["config.yaml: no valid YAML: nested too deep, or an impossible character"]),
    ("[" * 3000, ["config.yaml: no valid YAML: nested too deep, or an impossible character"]),
    ("pve: []\n", ["config.yaml:1: pve: an empty list; write at least one cluster"]),
    ("pve: lab\n", ["config.yaml:1: pve: expected a list (lines that begin with `- `), found text"]),
    ("pve: {name: a}\n", ["config.yaml:1: pve: expected a list (lines that begin with `- `), found a mapping"]),
    ("pve: [lab]\n", ["config.yaml:1: pve[0]: expected a mapping (lines of `key: value`), found text"]),
    (
        "pve:\n  - name: lab\n",
        [
            f"config.yaml:2: pve[0].token_secret: missing; {ONE_SECRET}",
            "config.yaml:2: pve[0].hosts: missing; Nodes of the cluster, tried in this order until one answers "
            "(port 8006 unless given)",
            "config.yaml:2: pve[0].token_id: missing; API token to use, without its secret (USER@REALM!TOKEN)",
        ],
    ),
]


@pytest.mark.parametrize(("text", "lines"), BAD_FILES, ids=[repr(text)[:30] for text, _ in BAD_FILES])
def test_a_bad_file_gives_clear_lines(tmp_path: Path, text: str, lines: list[str]) -> None:
    assert problems(tmp_path, text) == lines


BAD_SETTINGS = [
    ("refresh: [5m]", "refresh: expected a mapping (lines of `key: value`), found a list"),
    ("refresh: {intervall: 5m}", "refresh.intervall: no such setting; did you mean interval?"),
    (
        "zone: UTC",
        "zone: no such setting; possible here: pve, pbs, refresh, policy, report, reports, "
        "history, deliver, metrics, web, log, storages_file, drills_dir, state_dir",
    ),
    ("log: {}\nlog: {}", "log: given twice, first on line 6; keep one"),
    (
        "refresh: {interval: 22:30}",
        'refresh.interval: "22:30" is not a duration; write 300 (seconds), 90s, 5m, 24h or 1h30m',
    ),
    ("refresh: {interval: 1s}", "refresh.interval: 1s is out of bounds; write a duration from 10s to 24h"),
    ("refresh: {attempts: 1.5}", 'refresh.attempts: "1.5" is not a whole number; write one from 1 to 10'),
    ("refresh: {attempts: 99}", "refresh.attempts: 99 is out of bounds; write a whole number from 1 to 10"),
    ("refresh: {jitter: 10}", 'refresh.jitter: "10" is not a percentage; write 10% or 0.1'),
    ("refresh: {jitter: 60%}", "refresh.jitter: 0.6 is out of bounds; write a percentage from 0% to 50%"),
    ("policy: {demand_templates: no}", 'policy.demand_templates: "no" is neither true nor false; write true or false'),
    (
        "policy: {demand_templates: []}",
        "policy.demand_templates: a list is neither true nor false; write true or false",
    ),
    ("report: {at: 24:00}", 'report.at: "24:00" is not a time of day; write HH:MM from 00:00 to 23:59, such as 06:00'),
    ("report: {zone: Europe/Viena}", 'report.zone: "Europe/Viena" is not a time zone; did you mean Europe/Vienna?'),
    (
        "report: {zone: ../x}",
        'report.zone: "../x" is not a time zone; write an IANA name such as Europe/Vienna or UTC',
    ),
    ("report: {language: de}", 'report.language: "de" is not known; write en or fr'),
    (
        "report: {formats: [pdf, xls]}",
        'report.formats[1]: "xls" is not known; write one of pdf, json, csv, html, xlsx, bundle',
    ),
    ("report: {formats: []}", "report.formats: an empty list; write at least 1"),
    ("report: {formats: 'pdf,pdf'}", "report.formats: pdf is there twice; write it once"),
    ("report: {output: [a]}", "report.output: expected text, found a list"),
    ("web: {listen: 10977}", "web.listen[0]: not an address; write :10977, 127.0.0.1:10977 or [::1]:10977"),
    ("state_dir: !path x", f"state_dir: tags (!…) are not used here; {QUOTES}"),
]


@pytest.mark.parametrize(("lines", "message"), BAD_SETTINGS, ids=[lines for lines, _ in BAD_SETTINGS])
def test_a_bad_setting_gives_its_line_and_what_is_right(tmp_path: Path, lines: str, message: str) -> None:
    place = 5 + len(lines.splitlines())
    assert problems(tmp_path, f"{GOOD}{lines}\n") == [f"config.yaml:{place}: {message}"]


BAD_SOURCES = [
    ("name: Lab", "name: expected small letters a to z, digits and -, at most 63, such as lab"),
    ("name: [a]", "name: expected text, found a list"),
    (
        "hosts: [https://pve1:8006/]",
        "hosts[0]: a host has no https://, path or user in it; write pve1.example.com or [2001:db8::1]:8006",
    ),
    ("hosts: ['a b']", "hosts[0]: not an address; write pve1.example.com or [2001:db8::1]:8006"),
    ("hosts: [10.0.0.300]", "hosts[0]: not an address; write pve1.example.com or [2001:db8::1]:8006"),
    (
        "hosts: [a:0]",
        "hosts[0]: the port behind the colon is a number up to 65535; write pve1.example.com or [2001:db8::1]:8006",
    ),
    ("hosts: [a, 'a:8006']", "hosts: a:8006 is there twice; write it once"),
    ("token_id: root@pam", "token_id: expected USER@REALM!TOKEN, such as vzcover@pve!readonly"),
    (
        "token_id: a@pve!b=0123-secret",
        "token_id: holds more than the token's name; write USER@REALM!TOKEN here and the rest to token_secret",
    ),
    ("tls: {verify: off}", 'tls.verify: "off" is neither true nor false; write true or false'),
    (
        f"tls: {{verify: false, fingerprint: {'ab' * 32}}}",
        "tls: verify: false makes ca_file and fingerprint useless; remove verify, or them",
    ),
    (
        f"tls: {{fingerprint: {'ab' * 20}}}",
        "tls.fingerprint[0]: this is a SHA-1 fingerprint (20 pairs); write the SHA-256 one (32 pairs)",
    ),
    ("tls: {ca_file: nowhere.pem}", "tls.ca_file: nowhere.pem does not exist; make it, or correct the path"),
    (
        "tls: {ca_file: config.yaml}",
        "tls.ca_file: config.yaml holds no PEM certificate; name a file with BEGIN CERTIFICATE in it",
    ),
]


@pytest.mark.parametrize(("line", "message"), BAD_SOURCES, ids=[line for line, _ in BAD_SOURCES])
def test_a_bad_source_gives_its_line_and_what_is_right(tmp_path: Path, line: str, message: str) -> None:
    field, _, value = line.partition(": ")
    fields = {"name": "lab", "hosts": "[a]", "token_id": "a@pve!b", "token_secret": "x", field: value}
    text = "pve:\n  -\n" + "".join(f"    {key}: {written}\n" for key, written in fields.items())
    place = 3 + list(fields).index(field)
    assert problems(tmp_path, text) == [f"config.yaml:{place}: pve[0].{message}"]


def test_all_problems_come_in_one_go_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = (
        "log: {level: loud}\npve:\n  - name: lab\n    hosts: [a]\n    token_id: x\n    token_secret_file: gone\n"
        "pbs:\n  - name: lab\n    hosts: [a]\n    token_id: a@pbs!b\n    token_secret: ${GONE}\nlog: {}\nx: 1\n"
    )
    assert [line.split(": ")[0:2] for line in problems(tmp_path, text, {"VZCOVER__X": "1"})] == [
        ["config.yaml:1", "log.level"],
        ["config.yaml:5", "pve[0].token_id"],
        ["config.yaml:6", "pve[0].token_secret_file"],
        ["config.yaml:8", "pbs[0].name"],
        ["config.yaml:11", "pbs[0].token_secret"],
        ["config.yaml:12", "log"],
        ["config.yaml:13", "x"],
        ["environment", "VZCOVER__X"],
    ]


def test_names_are_unique_among_clusters_and_servers(tmp_path: Path) -> None:
    text = GOOD + "pbs:\n  - {name: lab, hosts: [a], token_id: a@pbs!b, token_secret: x}\n"
    assert problems(tmp_path, text) == [
        "config.yaml:7: pbs[0].name: already the name of pve[0].name; names are unique among pve and pbs"
    ]


def test_errors_in_the_web_configuration_come_along(tmp_path: Path) -> None:
    (tmp_path / "web.yml").write_text("basic_auth_users:\n  alice: plain\n")
    assert problems(tmp_path, GOOD + "web: {config_file: web.yml, listen: x}\n") == [
        "config.yaml:6: web.listen[0]: not an address; write :10977, 127.0.0.1:10977 or [::1]:10977",
        "web.yml:2: basic_auth_users.alice: not a bcrypt hash; make one with: htpasswd -nBC 10 '' | tr -d ':\\n'",
    ]


def test_aliases_of_aliases_are_bounded(tmp_path: Path) -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert problems(tmp_path, "\n".join(rows)) == [
        "config.yaml: more than 20000 values, aliases counted; this is no configuration"
    ]


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "gone.yaml", {})
    assert str(caught.value) == (
        f"{tmp_path}/gone.yaml: does not exist; make it, or correct the path (config.example.yaml is a start)"
    )


def test_a_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is a folder; name a file$"):
        load_config(tmp_path, {})


def test_an_unreadable_file_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(GOOD)
    path.chmod(0)
    with as_nobody(), pytest.raises(ConfigError) as caught:
        load_config(path, {})
    assert str(caught.value) == (
        f"{path}: cannot be read (permission denied); "
        f"run: chown vzcover {path} && chmod 400 {path} (for the user it runs as)"
    )


def test_a_file_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"pve:\n  - name: \xe9\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})
    assert str(caught.value) == f"{path}:2: not UTF-8; save the file as UTF-8"


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"#" * 300_000)
    with pytest.raises(ConfigError, match="is larger than 256 KiB"):
        load_config(path, {})


def test_verification_switched_off_is_a_warning(tmp_path: Path) -> None:
    loaded = load(tmp_path, GOOD + "    tls:\n      verify: false\n")
    assert [str(warning).replace(f"{tmp_path}/", "") for warning in loaded.warnings] == [
        "config.yaml:7: pve[0].tls.verify: the certificate of pve lab is not checked; "
        "better give tls.fingerprint or tls.ca_file"
    ]


def test_a_secret_in_a_file_that_all_may_read_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(GOOD)
    path.chmod(0o644)
    assert [str(warning) for warning in load_config(path, {}).warnings] == [
        f"{path}:5: pve[0].token_secret: a secret stands here and every user can read the file; run: chmod o-r {path}"
    ]
    path.chmod(0o640)
    assert load_config(path, {}).warnings == ()
    path.chmod(0o644)
    path.write_text(GOOD.replace(SECRET, "${S}"))
    assert load_config(path, {"S": SECRET}).warnings == ()


@pytest.mark.parametrize("setting", ["token_secret_file", "write_token_secret_file"])
def test_a_secret_file_that_all_may_read_is_a_warning(setting: str, tmp_path: Path) -> None:
    for name in ("token_secret_file", "write_token_secret_file"):
        (tmp_path / name).write_text(SECRET)
        (tmp_path / name).chmod(0o644 if name == setting else 0o600)
    text = GOOD.replace(f"token_secret: {SECRET}", "token_secret_file: token_secret_file")
    text += "    write_token_id: a@pve!w\n    write_token_secret_file: write_token_secret_file\n"
    (warning,) = load(tmp_path, text).warnings

    assert warning.path == f"pve[0].{setting}"
    assert f"every user can read the secret in {tmp_path / setting}; run: chmod o-r" in warning.message
    assert SECRET not in str(warning)


def test_hashes_and_keys_of_the_web_server_that_all_may_read_are_warnings(tmp_path: Path) -> None:
    files = make_certificate(tmp_path, "server")
    hashed = bcrypt.hashpw(b"open sesame", bcrypt.gensalt(4)).decode()
    web = tmp_path / "web.yml"
    web.write_text(
        f"tls_server_config: {{cert_file: {files.cert}, key_file: {files.key}}}\nbasic_auth_users: {{ops: '{hashed}'}}\n"
    )
    text = GOOD + "web: {config_file: web.yml}\n"
    for mode, count in ((0o644, 2), (0o600, 0)):
        web.chmod(mode)
        files.key.chmod(mode)
        assert [warning.path for warning in load(tmp_path, text).warnings] == ["web.config_file"] * count


def test_the_digest_changes_with_a_setting_and_not_with_a_comment(tmp_path: Path) -> None:
    first = load(tmp_path, GOOD).sha256
    assert load(tmp_path, "# a comment\n" + GOOD).sha256 == first
    assert load(tmp_path, GOOD + "log: {format: json}\n").sha256 != first
    assert load(tmp_path, GOOD, {"VZCOVER__LOG__FORMAT": "json"}).sha256 != first


def test_the_state_folder_comes_from_systemd_unless_given(tmp_path: Path) -> None:
    systemd = {"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}
    config = load(tmp_path, GOOD, systemd).config
    assert (config.state_dir, config.report.output) == (Path("/var/lib/a"), Path("/var/lib/a/reports"))
    config = load(tmp_path, GOOD + "state_dir: /s\nreport: {output: /o}\n", systemd).config
    assert (config.state_dir, config.report.output) == (Path("/s"), Path("/o"))


def test_the_file_is_found_by_argument_then_variable_then_default(tmp_path: Path) -> None:
    default = tmp_path / "default.yaml"
    named = {"VZCOVER_CONFIG": "/named.yaml", "VZCOVER__LOG__LEVEL": "info"}
    assert find_config(Path("/argument.yaml"), named, default) == Path("/argument.yaml")
    assert find_config(None, named, default) == Path("/named.yaml")
    assert find_config(None, {}, default) == default
    assert find_config(None, {"VZCOVER__LOG__LEVEL": "info"}, default) is None
    default.touch()
    assert find_config(None, {"VZCOVER__LOG__LEVEL": "info"}, default) == default


WORDS = "pve:~name: ~hosts: ~token_secret: ~tls: ~report: ~{~}~[~]~,~&a ~*a~<<: ~!x ~'~\"~|~null~true~22:30"
PIECES = st.sampled_from([*WORDS.split("~"), "\n  - ", "\n    ", "\n", "\t", "\\U0011FFFF", "\x85", "\ud7ff", "é"])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text().map(str.encode), st.binary(), st.lists(PIECES).map("".join).map(str.encode)))
@example(b'a: "\\UFFFFFFFF"')
@example(b"%YAML 1\n---\n")
@example(b"? {a: b}\n: c")
def test_any_bytes_load_or_raise_a_config_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "config.yaml"
    for prefix in (b"", GOOD.encode(), GOOD.encode() + b"    tls: "):
        path.write_bytes(prefix + content)
        error = refusal(lambda: load_config(path, {}))
        assert error is None or all(line.startswith(str(tmp_path)) for line in str(error).split("\n"))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["interval", "jitter", "deadline", "attempts", "x"]), st.text() | st.integers()))
def test_any_value_of_a_setting_loads_or_raises_a_config_error(tmp_path: Path, refresh: dict[str, str | int]) -> None:
    environment = {f"VZCOVER__REFRESH__{name.upper()}": str(value) for name, value in refresh.items()}
    error = refusal(lambda: load(tmp_path, GOOD, environment))
    assert error is None or all(problem.file == "environment" for problem in error.problems)
