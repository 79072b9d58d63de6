"""The file of storages as the daemon follows it, and the token that the daemon never holds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from exporter.app import build_daemon, client_settings, declared_file, refresh_once
from exporter.config.load import LoadedConfig, load_config
from exporter.declared import DeclaredFile
from report.model.sources import IssueCode
from report.policy import DeclaredStorage, Policy
from tests.exporter.storages.entry_files import ISSUE

BROKEN = "pbs_storages:\n  - name: vault\n"
SECRET = "5e2b6f0e-3c1d-4a39-9f5e-1d2c3b4a5f6e"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "storages.yaml"


def write(path: Path, text: str) -> None:
    """Write a file that counts as changed, however coarse the file system's clock is."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    os.utime(path, ns=(before + 10**9, before + 10**9))


def said(file: DeclaredFile) -> tuple[list[str] | None, str]:
    """The names that are declared now, and what is wrong with the file."""
    policy = file.added_to(Policy())
    return (None if policy.declared is None else [entry.name for entry in policy.declared]), policy.declared_problem


def test_it_is_read_again_when_it_changes_and_only_then(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, ISSUE)
    file = DeclaredFile(path, ("lab",))
    assert said(file) == (["homelab-backup"], "")

    with monkeypatch.context() as patched:
        patched.setattr("exporter.declared.load_storages", None)
        assert said(file) == (["homelab-backup"], "")
    write(path, ISSUE.replace("name: homelab-backup", "name: other"))
    assert said(file) == (["other"], "")


def test_a_broken_file_keeps_what_it_said_and_says_what_is_wrong_with_lines(path: Path) -> None:
    write(path, ISSUE)
    file = DeclaredFile(path, ("lab",))
    said(file)
    write(path, BROKEN)
    names, problem = said(file)

    assert names == ["homelab-backup"]
    assert problem.startswith(f"{path}:2: pbs_storages[0].server: missing")
    write(path, "pbs_storages:\n")
    assert said(file) == ([], "")


def test_a_file_that_is_broken_from_the_beginning_or_gone_declares_nothing(path: Path) -> None:
    file = DeclaredFile(path, ("lab",))
    assert said(file) == (None, f"{path}: does not exist; make it, or correct the path")
    path.mkdir()
    assert said(file) == (None, f"{path}: is a folder; name a file")
    path.rmdir()
    write(path, ISSUE)
    assert said(file) == (["homelab-backup"], "")
    path.unlink()
    assert said(file)[0] == ["homelab-backup"]


def test_many_problems_are_counted(path: Path) -> None:
    write(path, "pbs_storages:\n" + "  - name: vault\n" * 5)
    problem = said(DeclaredFile(path, ("lab",)))[1]

    assert problem.count("; ") >= 5
    assert problem.endswith(" more")


def test_after_a_reload_it_is_read_anew_and_what_it_said_before_is_held(path: Path) -> None:
    write(path, ISSUE)
    before = DeclaredFile(path, ("lab",))
    said(before)
    path.write_text(BROKEN)
    after = DeclaredFile.following(before, path, ("lab",))
    assert said(after)[0] == ["homelab-backup"]
    assert said(after)[1] != ""

    elsewhere = DeclaredFile.following(before, path.with_name("other.yaml"), ("lab",))
    assert said(elsewhere)[0] is None


def test_where_passwords_lie_is_not_part_of_what_is_declared(path: Path) -> None:
    write(path, ISSUE + "    password_file: /run/secret\n")
    (entry,) = DeclaredFile(path, ("lab",)).added_to(Policy()).declared or ()

    assert type(entry) is DeclaredStorage
    assert "/run/secret" not in repr(entry)


def configured(folder: Path, more: str = "") -> LoadedConfig:
    """Load a configuration of a cluster that does not answer, with a token that writes."""
    path = folder / "config.yaml"
    path.write_text(f"""\
pve:
  - name: lab
    hosts: ["127.0.0.1:1"]
    token_id: vzcover@pve!ro
    token_secret_file: read.secret
    write_token_id: vzcover-apply@pve!storages
    write_token_secret_file: write.secret
refresh: {{attempts: 1}}
state_dir: state
web: {{listen: "127.0.0.1:0"}}
{more}""")
    (folder / "read.secret").write_text("8d7c6b5a-0000-4000-8000-000000000000")
    for secret in folder.glob("*.secret"):
        secret.chmod(0o600)
    path.chmod(0o600)
    return load_config(path, {})


def test_the_daemon_never_reads_the_token_that_writes(tmp_path: Path) -> None:
    (tmp_path / "write.secret").write_text(SECRET)
    loaded = configured(tmp_path)
    (source,) = loaded.config.pve
    settings = client_settings(source, 1)

    assert settings.token_id == "vzcover@pve!ro"
    assert settings.token_secret.startswith("8d7c6b5a")
    assert SECRET not in repr(loaded.config.model_dump()) + repr(settings) + repr(
        source.token_secret.get_secret_value()
    )


def test_nobody_but_apply_notices_that_the_token_that_writes_is_missing(tmp_path: Path) -> None:
    loaded = configured(tmp_path)

    build_daemon(loaded, lambda: loaded)
    assert not refresh_once(loaded, 1_795_233_600).sources[0].up


def test_a_command_that_reads_once_tells_of_a_broken_file_too(tmp_path: Path) -> None:
    loaded = configured(tmp_path, "storages_file: storages.yaml\n")
    (tmp_path / "storages.yaml").write_text(BROKEN)

    report = refresh_once(loaded, 1_795_233_600)
    assert IssueCode.STORAGES_FILE_UNREADABLE in {issue.code for issue in report.issues}
    assert declared_file(configured(tmp_path).config) is None
