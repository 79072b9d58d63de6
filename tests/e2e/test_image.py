"""The steps of the Dockerfile's first stage, run as a script in a folder; the program that comes out of them works by itself.

They fetch every package from the registry, so this is part of `make test-all` only. Not run: what needs an engine (layers, USER, VOLUME,
HEALTHCHECK) or changes the machine (the user of the second stage); tests/e2e/test_container.py looks at these.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from report.version import VERSION
from tests.simulator_process import REPOSITORY

STEPS_SECONDS, RUN_SECONDS = 300, 60
# folders of the image that lie below a folder of the test
PLACES = re.compile(r"(?<![\w/])/(opt|src|wheels)\b")
pytestmark = pytest.mark.skipif(
    not os.environ.get("VZCOVER_IMAGE"), reason="fetches all packages: run by `make test-all`"
)


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage in order: name and value."""
    text = re.sub(r"\\\n\s*", "", (REPOSITORY / "Dockerfile").read_text())
    found: list[list[tuple[str, str]]] = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            name, value = line.split(None, 1)
            if name == "FROM":
                found.append([])
            found[-1].append((name, value))
    return found


def environment() -> dict[str, str]:
    """As in the base image: its Python first, nothing of this environment's."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "VZCOVER"))
    }
    return kept | {"PATH": f"{Path(sys.base_prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder in which the first stage was carried out."""
    root = tmp_path_factory.mktemp("image")
    folder = root
    for name, value in stages()[0]:
        if name == "WORKDIR":
            folder = root / value.lstrip("/")
            folder.mkdir()
        elif name == "COPY":
            copy(value.split(), folder)
        elif name == "RUN":
            script = PLACES.sub(rf"{root}/\1", value)
            done = subprocess.run(
                ["sh", "-ec", script],
                cwd=folder,
                env=environment(),
                capture_output=True,
                text=True,
                timeout=STEPS_SECONDS,
            )
            assert done.returncode == 0, done.stdout + done.stderr
        else:
            assert name == "FROM", f"{name} is not carried out here"
    yield root
    shutil.rmtree(root)


def copy(words: list[str], folder: Path) -> None:
    """Copy what .dockerignore lets through into the folder."""
    *sources, target = words
    allowed = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for source in sources:
        assert source in allowed, f"{source} does not reach the engine"
        if (REPOSITORY / source).is_dir():
            shutil.copytree(REPOSITORY / source, folder / target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(REPOSITORY / source, folder / target)


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run what the image runs, away from the repository."""
    (entrypoint,) = [value for name, value in stages()[-1] if name == "ENTRYPOINT"]
    program = root / "opt/vzcover/bin" / entrypoint.strip('[]"')
    return subprocess.run(
        [program, *arguments],
        cwd=root,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )


def test_the_second_stage_takes_what_the_first_made() -> None:
    copied = [value for name, value in stages()[-1] if name == "COPY"]
    assert copied == ["--from=build /opt/vzcover /opt/vzcover"]
    assert stages()[0][0][1].split()[0] == stages()[-1][0][1]


def test_the_program_is_of_this_version(root: Path) -> None:
    assert VERSION in run(root, "--version").stdout


def test_it_reads_a_cluster_and_writes_every_file_with_what_was_installed_alone(root: Path) -> None:
    done = run(root, "demo", "--once", "--guests", "12", "--output", str(root / "demo"))
    assert (done.returncode, done.stderr) == (0, "")
    written = {path.suffix for path in (root / "demo").iterdir()}
    assert written >= {".pdf", ".json", ".csv", ".html", ".xlsx", ".prom", ".openmetrics"}


def test_its_health_check_says_that_nobody_serves(root: Path) -> None:
    (check,) = [value for name, value in stages()[-1] if name == "HEALTHCHECK"]
    command = re.findall(r'"([^"]+)"', check.partition("CMD")[2])
    done = subprocess.run(
        [root / "opt/vzcover/bin" / command[0], *command[1:]],
        cwd=root,
        env=environment() | {"VZCOVER_HEALTH_ADDRESS": "127.0.0.1:1"},
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
