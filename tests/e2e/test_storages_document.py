"""docs/storages.md shows what the commands really print: each is run here, in the document's order."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator

import pytest
import yaml

from exporter.cli import main
from exporter.config.storages_file import PruneBackups, StorageEntry
from tests.exporter.storages.estate import NOW, Estate, build_estate
from tests.golden_files import assert_file
from tests.processes import environment, restored_logging
from tests.simulator_process import REPOSITORY, running_simulator

DOCUMENT = REPOSITORY / "docs" / "storages.md"
BLOCK = re.compile(r"```console\n\$ (?P<command>[^\n]*)\n(?P<output>.*?)```\n", re.DOTALL)
# of the same length, so that tables are laid out alike
SHOWN_HOST, SHOWN_PORT = "192.0.2.7", "18007"


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    folder = tmp_path_factory.mktemp("storages")
    with running_simulator("serve", "--guests", 12, "--pbs", 1, "--clusters", 2, "--now", NOW) as running:
        built = build_estate(folder, running, two=True)
        text = DOCUMENT.read_text()
        server = running.pbs[0]
        first = next(re.finditer(r"```yaml\n(pbs_storages:.*?)```", text, re.DOTALL))[1]
        real = first.replace(SHOWN_HOST, server.host).replace(SHOWN_PORT, str(server.port))
        built.file.write_text(real.replace("FINGERPRINT", server.fingerprint))
        write_others(built, real.replace("FINGERPRINT", server.fingerprint))
        yield built


def write_others(estate: Estate, text: str) -> None:
    """The files of the chapters about what cannot be changed and what must not be shared."""
    vault, main_entry = yaml.safe_load(text)["pbs_storages"]
    moved = {**main_entry, "datastore": "elsewhere"}
    (estate.folder / "moved.yaml").write_text(json.dumps({"pbs_storages": [moved]}))
    shared = {**vault, "clusters": ["lab", "site"]}
    (estate.folder / "shared.yaml").write_text(json.dumps({"pbs_storages": [shared]}))


def shown(text: str, estate: Estate) -> str:
    """An output as the document shows it."""
    server = estate.simulator.pbs[0]
    assert len(server.host) == len(SHOWN_HOST)
    assert len(str(server.port)) == len(SHOWN_PORT)
    text = text.replace(f"{estate.folder}/state", "/var/lib/vzcover").replace(f"{estate.folder}/", "")
    text = text.replace(server.host, SHOWN_HOST).replace(str(server.port), SHOWN_PORT)
    # a fingerprint may be folded anywhere
    text = re.sub(r"\b[0-9A-F]{0,2}(:[0-9A-F]{1,2})+\b:?", lambda found: re.sub("[0-9A-F]", "5", found[0]), text)
    text = re.sub(r"\b[0-9a-f]{64}\b", "8f" * 32, text)
    text = re.sub(r"\d{4}-\d\d-\d\d", "2026-12-21", text)
    text = re.sub(r"[\d:]{5} UTC", "04:00 UTC", text)
    return text.replace("\u00a0", " ")


def test_every_output_in_the_document_is_what_the_command_prints(
    estate: Estate, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def printed(command: str) -> str:
        words = shlex.split(command.replace(SHOWN_HOST, estate.simulator.pbs[0].host))[1:]
        words = [word.replace(SHOWN_PORT, str(estate.simulator.pbs[0].port)) for word in words]
        env = environment({"VZCOVER_CONFIG": str(estate.config), "VAULT": estate.password})
        with monkeypatch.context() as patched, restored_logging():
            patched.setattr(os, "environ", env)
            patched.chdir(estate.folder)
            main(words)
        captured = capsys.readouterr()
        for secret in estate.secrets:
            assert secret not in captured.out + captured.err
        return shown(captured.err + captured.out, estate)

    text = DOCUMENT.read_text()
    assert len(BLOCK.findall(text)) >= 11
    made = BLOCK.sub(lambda found: f"```console\n$ {found['command']}\n{printed(found['command'])}```\n", text)

    assert_file(DOCUMENT, made)


def test_the_document_names_every_key_of_the_file() -> None:

    text = DOCUMENT.read_text()
    for key in (*StorageEntry.model_fields, *PruneBackups.model_fields):
        assert f"`{key}" in text or f" {key}:" in text, key
