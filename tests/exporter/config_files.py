"""Small configurations for the tests of exporter.config."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from exporter.config.load import LoadedConfig, load_config
from exporter.errors import ConfigError

GOOD = """\
pve:
  - name: lab
    hosts: [pve1.example.com]
    token_id: vzcover@pve!readonly
    token_secret: 0123-secret
"""
SECRET = "0123-secret"


def load(folder: Path, text: str, environment: Mapping[str, str] | None = None) -> LoadedConfig:
    """Given a folder and a configuration's text, write it there (readable by its owner only) and load it."""
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return load_config(path, environment or {})


def problems(folder: Path, text: str, environment: Mapping[str, str] | None = None) -> list[str]:
    """Given a bad configuration's text, return the lines of its ConfigError, without the folder."""
    error = refusal(lambda: load(folder, text, environment))
    assert error is not None, f"no ConfigError for {text!r}"
    return str(error).replace(f"{folder}/", "").splitlines()


def refusal(action: Callable[[], object]) -> ConfigError | None:
    """Given something that loads, return the ConfigError it ends on, None if it ends well."""
    try:
        action()
    except ConfigError as error:
        return error
    return None


@contextmanager
def as_nobody() -> Iterator[None]:
    """Give up root's right to read everything, where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
