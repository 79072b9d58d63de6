"""The file of entries: it loads as people have it, and all that is wrong is told at once with its line (J1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.storages.entries import wanted
from report.storage_options import options_of
from tests.exporter.config_files import GOOD
from tests.exporter.config_files import load as load_config_text
from tests.exporter.storages.entry_files import FINGERPRINT, ISSUE, WHOLE, load, problems

ENTRY = "pbs_storages:\n  - name: vault\n    server: pbs.example\n    datastore: main\n"


def test_the_file_people_have_loads_unchanged(tmp_path: Path) -> None:
    (entry,) = wanted(load(tmp_path, ISSUE))

    assert entry.cluster == "lab"
    assert entry.description == "Primary"
    assert options_of(entry.definition) == {
        "server": "pbs.example",
        "datastore": "homelab-backup",
        "username": "root@pam",
        "fingerprint": FINGERPRINT,
        "content": "backup",
        "prune-backups": "keep-daily=7,keep-monthly=3,keep-weekly=4",
    }


def test_everything_new_loads_too(tmp_path: Path) -> None:
    (entry,) = wanted(load(tmp_path, WHOLE))

    assert options_of(entry.definition)["namespace"] == "prod"
    assert options_of(entry.definition)["nodes"] == "pve1,pve2"
    assert "port" not in options_of(entry.definition)
    assert (entry.password, entry.new_key) == ("/run/secret", False)


def test_a_relative_password_file_is_beside_the_file_and_a_variable_stays_a_variable(tmp_path: Path) -> None:
    (relative,) = wanted(load(tmp_path, ENTRY + "    password_file: vault.secret\n"))
    (variable,) = wanted(load(tmp_path, ENTRY + "    password_file: ${VAULT}\n"))

    assert relative.password == str(tmp_path / "vault.secret")
    assert variable.password == "${VAULT}"


def test_an_empty_list_is_a_file_without_entries(tmp_path: Path) -> None:
    assert load(tmp_path, "pbs_storages: []\n").pbs_storages == ()
    assert load(tmp_path, "pbs_storages:\n").pbs_storages == ()


BAD = (
    ("", "expected a mapping that begins with `pbs_storages:`, found nothing"),
    ("storages: []\n", "1: storages: no such setting; did you mean pbs_storages?"),
    (ENTRY + "    fingerprnt: x\n", "5: pbs_storages[0].fingerprnt: no such setting; did you mean fingerprint?"),
    (
        ENTRY + "    prune_backups: {keep_all: true, keep_daily: 7}\n",
        "5: pbs_storages[0].prune_backups: keep_all excludes the other keep options; keep one or the other",
    ),
    (
        ENTRY + "    prune_backups: {keep_daily: 0}\n",
        "5: pbs_storages[0].prune_backups: keeps nothing; write keep_all: true, or how many, such as keep_daily: 7",
    ),
    (
        ENTRY + "    content: [backup, none]\n",
        "2: pbs_storages[0]: content: none excludes the others; keep one or the other",
    ),
    (
        ENTRY + "    port: 99999\n",
        "5: pbs_storages[0].port: 99999 is out of bounds; write a whole number from 1 to 65535",
    ),
    (
        ENTRY + "    password_file: a${B}\n",
        "5: pbs_storages[0].password_file: ${NAME} must be the whole value, NAME of letters, digits and _; else write a path",
    ),
    (
        ENTRY + "    clusters: [lob]\n",
        "5: pbs_storages[0].clusters: no configured cluster is called lob; did you mean lab?",
    ),
    (
        ENTRY.replace("pbs.example", "https://pbs.example"),
        "3: pbs_storages[0].server: expected a host name or address, without https:// and path; the port goes into `port`",
    ),
    (
        ENTRY + ENTRY.removeprefix("pbs_storages:\n"),
        "5: pbs_storages[1].name: already the name of pbs_storages[0]; a name stands once for each cluster",
    ),
)


@pytest.mark.parametrize(("text", "line"), BAD, ids=[line.split(":")[-1][:40] for _, line in BAD])
def test_a_mistake_is_told_with_its_line_and_what_would_be_right(tmp_path: Path, text: str, line: str) -> None:
    assert any(found.endswith(line) for found in problems(tmp_path, text)), problems(tmp_path, text)


def test_all_mistakes_are_told_at_once_in_the_files_order(tmp_path: Path) -> None:
    text = "pbs_storages:\n  - server: pbs.example\n    enabled: yes\n  - name: 1st\n    datastore: main\n    colour: red\n"

    assert [line.split(": ")[1] for line in problems(tmp_path, text)] == [
        "pbs_storages[0].name",
        "pbs_storages[0].datastore",
        "pbs_storages[0].enabled",
        "pbs_storages[1].name",
        "pbs_storages[1].server",
        "pbs_storages[1].colour",
    ]


def test_with_several_clusters_each_entry_says_its_own(tmp_path: Path) -> None:
    assert problems(tmp_path, ENTRY, ("lab", "site")) == [
        "2: pbs_storages[0].clusters: missing; 2 clusters are configured, say which: lab, site"
    ]


def test_a_name_may_stand_once_for_each_cluster(tmp_path: Path) -> None:
    text = ENTRY + "    clusters: lab\n" + ENTRY.removeprefix("pbs_storages:\n") + "    clusters: [site]\n"

    assert [(entry.cluster, entry.name) for entry in wanted(load(tmp_path, text, ("lab", "site")))] == [
        ("lab", "vault"),
        ("site", "vault"),
    ]


def test_a_password_in_the_file_is_refused_and_not_repeated(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, ENTRY + "    password: hunter2\n")

    assert "no such setting; did you mean password_file?" in line
    assert "hunter2" not in line


def test_the_configuration_loads_without_looking_at_the_write_tokens_secret(tmp_path: Path) -> None:
    text = GOOD + "    write_token_id: apply@pve!t\n    write_token_secret_file: nobody-made-this.secret\n"
    (source,) = load_config_text(tmp_path, text + "storages_file: storages.yaml\n").config.pve

    assert source.write_token_secret_file == tmp_path / "nobody-made-this.secret"
