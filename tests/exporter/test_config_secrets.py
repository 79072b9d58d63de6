"""Secrets: three places to take them from, one clear line when they are not there, and never printed."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

import pytest

from exporter.config.load import load_config
from exporter.errors import ConfigError
from tests.exporter.config_files import GOOD, SECRET, as_nobody, load, problems

ONE_OF = "give exactly one of token_secret, token_secret_file, token_secret_credential"


def _with(line: str) -> str:
    return GOOD.replace(f"    token_secret: {SECRET}\n", f"    {line}\n" if line else "")


def _secret(folder: Path, line: str, environment: dict[str, str] | None = None) -> str:
    return load(folder, _with(line), environment).config.pve[0].token_secret.get_secret_value()


@pytest.mark.parametrize("content", ["s3cret", "s3cret\n", "s3cret\r\n\n", "\ufeffs3cret\n"])
def test_a_secret_comes_from_a_file_without_its_line_end(tmp_path: Path, content: str) -> None:
    (tmp_path / "lab.secret").write_text(content, encoding="utf-8")
    assert _secret(tmp_path, "token_secret_file: lab.secret") == "s3cret"
    assert _secret(tmp_path, f"token_secret_file: {tmp_path}/lab.secret") == "s3cret"


def test_a_secret_comes_from_a_variable_after_the_yaml_was_read(tmp_path: Path) -> None:
    assert _secret(tmp_path, "token_secret: ${LAB}", {"LAB": "#no:comment{"}) == "#no:comment{"


def test_a_secret_comes_from_a_systemd_credential(tmp_path: Path) -> None:
    (tmp_path / "lab").write_text("s3cret\n")
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert _secret(tmp_path, "token_secret_credential: lab", environment) == "s3cret"


BAD = [
    ("", b"", {}, "token_secret", f"missing; {ONE_OF}"),
    ("token_secret:", b"", {}, "token_secret", f"missing; {ONE_OF}"),
    (
        "token_secret: ''",
        b"",
        {},
        "token_secret",
        "the secret is empty; write the secret that was shown when the token was made",
    ),
    ("token_secret: [a]", b"", {}, "token_secret", "expected text"),
    (
        "token_secret: a b",
        b"",
        {},
        "token_secret",
        "a secret is one word of printable ASCII characters; found blanks, line ends or others",
    ),
    (
        "token_secret: ${LAB}",
        b"",
        {},
        "token_secret",
        "the environment variable LAB is not set; set it, or use token_secret_file",
    ),
    (
        "token_secret: ${LAB}",
        b"",
        {"LAB": " "},
        "token_secret",
        "the environment variable LAB is empty; give it the secret",
    ),
    (
        "token_secret: x${LAB}",
        b"",
        {"LAB": "a"},
        "token_secret",
        "${NAME} must be the whole value, NAME of letters, digits and _; nothing before or behind it",
    ),
    ("token_secret_file: lab", b"\n", {}, "token_secret_file", "lab is empty; write the secret into it"),
    ("token_secret_file: lab", b"\xff\xfe", {}, "token_secret_file", "lab is not text; write only the secret into it"),
    (
        "token_secret_file: lab",
        b"x" * 70_000,
        {},
        "token_secret_file",
        "lab is larger than 64 KiB; name the right file",
    ),
    ("token_secret_file: gone", b"", {}, "token_secret_file", "gone does not exist; make it, or correct the path"),
    ("token_secret_file: .", b"", {}, "token_secret_file", None),
    (
        "token_secret_file: lab",
        b"a@pve!b=0123-secret",
        {},
        "token_secret_file",
        "holds the whole token; only the part behind USER@REALM!TOKEN= is the secret",
    ),
    (
        "token_secret_credential: lab",
        b"x",
        {},
        "token_secret_credential",
        "$CREDENTIALS_DIRECTORY is not set; start as a systemd service with LoadCredential=lab:/path/of/the/secret",
    ),
    (
        "token_secret_credential: ../lab",
        b"x",
        {"CREDENTIALS_DIRECTORY": "/nowhere"},
        "token_secret_credential",
        "expected the name of a credential, without a path",
    ),
]


@pytest.mark.parametrize(("line", "content", "environment", "field", "message"), BAD)
def test_a_secret_that_is_not_there_is_one_clear_line(
    tmp_path: Path, line: str, content: bytes, environment: dict[str, str], field: str, message: str | None
) -> None:
    (tmp_path / "lab").write_bytes(content)
    lines = problems(tmp_path, _with(line), environment)
    place = 5 if line else 2
    assert lines[0] == f"config.yaml:{place}: pve[0].{field}: {message or f'{tmp_path} is a folder; name a file'}"
    assert "0123-secret" not in "".join(lines)


def test_an_unreadable_secret_file_names_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "lab"
    path.write_text("x")
    path.chmod(0)
    source = {"NAME": "lab", "HOSTS": "a", "TOKEN_ID": "a@pve!b", "TOKEN_SECRET_FILE": str(path)}
    environment = {f"VZCOVER__PVE__0__{name}": value for name, value in source.items()}
    with as_nobody(), pytest.raises(ConfigError) as caught:
        load_config(None, environment)
    assert str(caught.value) == (
        f"environment: VZCOVER__PVE__0__TOKEN_SECRET_FILE: {path} cannot be read (permission denied); "
        f"run: chown vzcover {path} && chmod 400 {path} (for the user it runs as)"
    )


def test_two_ways_at_once_are_refused(tmp_path: Path) -> None:
    lines = problems(tmp_path, GOOD + "    token_secret_file: x\n")
    assert lines == [
        f"config.yaml:6: pve[0].token_secret_file: token_secret and token_secret_file exclude each other; {ONE_OF}"
    ]


def test_a_loaded_secret_is_never_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    loaded = load(tmp_path, GOOD)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").info("%s %r", loaded, loaded.config)
    shown = f"{loaded!r} {loaded.config.model_dump()} {loaded.config.model_dump_json()} {caplog.text}"
    assert SECRET not in shown
    assert "**********" in shown


@pytest.mark.parametrize(
    "text",
    [
        GOOD + "    token_secrets: 0123-secret\n",
        GOOD.replace("token_secret:", "token_secrt:"),
        GOOD.replace(SECRET, f"*{SECRET}"),
        GOOD.replace(SECRET, f"!{SECRET}"),
        GOOD.replace(SECRET, f"[{SECRET}]"),
        GOOD.replace(SECRET, f'"{SECRET}'),
        GOOD.replace(SECRET, f"'{SECRET}\u00e9'"),
        GOOD.replace(SECRET, f"a: {SECRET}"),
        GOOD.replace(SECRET, f"${{x}}{SECRET}"),
        GOOD.replace("vzcover@pve!readonly", f"vzcover@pve!readonly={SECRET}"),
        GOOD.replace("[pve1.example.com]", f"https://root:{SECRET}@pve1"),
    ],
)
def test_no_error_repeats_a_secret(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in repr(caught.value.problems)
