"""`vzcover storages` against simulated clusters and backup servers over HTTPS: what it says, what it writes, and what survives."""

from __future__ import annotations

import json
import multiprocessing
import os
import pty
import re
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from exporter.cli import main
from tests.exporter.certificates import EXPIRED_ON, server_certificate
from tests.exporter.raw_server import always, answer, raw_server
from tests.exporter.storages.estate import Estate, build_estate
from tests.processes import COMMAND, Daemon, daemon, environment, restored_logging, wait_for
from tests.simulator_process import REPOSITORY, ClusterHandle, SimulatorHandle, running_simulator

SECONDS = 30


class Ended(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorHandle]:
    with running_simulator("serve", "--guests", 12, "--pbs", 1, "--clusters", 2) as running:
        yield running


def restore(handle: ClusterHandle, before: Mapping[str, Mapping[str, Any]]) -> None:
    """Put storage.cfg back as it was."""
    handle.clear_stop()
    now = handle.storages()["storages"]
    for identity in now.keys() - before.keys():
        handle.remove_storage(identity)
    for identity, options in before.items():
        gone: dict[str, object] = dict.fromkeys(now.get(identity, {}).keys() - options.keys())
        handle.set_storage(identity, {**gone, **options})


@pytest.fixture
def estate(simulator: SimulatorHandle, tmp_path: Path) -> Iterator[Estate]:
    yield from restored(build_estate(tmp_path, simulator))


@pytest.fixture
def two(simulator: SimulatorHandle, tmp_path: Path) -> Iterator[Estate]:
    yield from restored(build_estate(tmp_path, simulator, two=True))


def restored(built: Estate) -> Iterator[Estate]:
    before = {name: handle.storages()["storages"] for name, handle in built.clusters.items()}
    for handle in built.clusters.values():
        handle.clear_journal()
    yield built
    for name, handle in built.clusters.items():
        restore(handle, before[name])


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `vzcover storages …` in this process; no secret may be in what it prints, nor in the audit log."""

    def call(
        estate: Estate, *arguments: object, command: str = "storages", env: Mapping[str, str] | None = None
    ) -> Ended:
        words = [command, *(str(argument) for argument in arguments)]
        if command != "pbs":
            words += ["--config", str(estate.config)]
        with monkeypatch.context() as patched, restored_logging():
            patched.setattr(os, "environ", environment({**estate.environment, **(env or {})}))
            code = main(words)
        captured = capsys.readouterr()
        log = estate.log.read_text() if estate.log.exists() else ""
        for secret in estate.secrets:
            assert secret not in captured.out + captured.err + log
        return Ended(code, captured.out, captured.err)

    return call


# --- reading: validate, status, plan, fingerprint, import


def test_an_imported_file_is_in_line_and_holds_no_secret(two: Estate, run: Run) -> None:
    two.file.unlink(missing_ok=True)
    ended = run(two, "import", "--file", two.file)

    assert (ended.code, ended.out) == (0, f"{two.file}\n")
    assert "password" not in two.file.read_text().split("\n", 2)[2]
    assert run(two, "plan").code == 0
    again = run(two, "import", "--file", two.file)
    assert (again.code, "it exists" in again.err) == (4, True)
    assert "- name: pbs-main\n" in run(two, "import").out


def test_under_the_alias_config_means_the_file_and_the_configuration_comes_from_the_environment(
    estate: Estate, run: Run
) -> None:
    other = estate.folder / "other.yaml"
    other.write_text(json.dumps({"pbs_storages": [estate.entry("elsewhere")]}))
    env = {"VZCOVER_CONFIG": str(estate.config)}

    for words in (("plan", "--config", other), ("--config", other, "plan")):
        assert "elsewhere" in run(estate, *words, command="pbs", env=env).out


def test_a_bad_file_is_told_with_lines_and_ends_with_2(estate: Estate, run: Run) -> None:
    estate.file.write_text("pbs_storages:\n  - name: vault\n    sever: pbs.example\n")

    for command in ("validate", "status", "plan", "apply"):
        ended = run(estate, command)
        assert ended.code == 2
        assert f"{estate.file}:3: pbs_storages[0].sever: no such setting; did you mean server?" in ended.err
    assert estate.simulator.writes() == []


def test_a_cluster_that_does_not_answer_ends_with_3_and_nothing_is_written(two: Estate, run: Run) -> None:
    two.write(two.entry("vault", clusters=["lab", "site"]))
    two.clusters["site"].stop_at(1, how="dead")

    for command in (("status",), ("plan",), ("apply", "--yes")):
        ended = run(two, *command)
        assert ended.code == 3
        assert "pve site" in ended.err
    assert two.simulator.writes() == []


def test_status_shows_entries_nodes_usage_and_drift(estate: Estate, run: Run) -> None:
    estate.write(estate.entry("pbs-main", namespace="prod", prune_backups={"keep_all": True}), estate.entry("gone"))
    ended = run(estate, "status")

    assert ended.code == 1
    text = " ".join(ended.out.split())
    assert "enabled, active on pve1, pve2, pve3" in text
    assert "the file says keep-all=1" in text
    assert "not in PVE" in text
    assert "not in file" in text
    assert "% of" in text


def test_plan_writes_nothing_and_shows_each_field(estate: Estate, run: Run) -> None:
    estate.write(estate.entry("pbs-main", namespace="prod", enabled=False))
    ended = run(estate, "plan")

    assert ended.code == 1
    assert "keep-daily=14" in ended.out
    assert "→ not set" in ended.out
    assert "password: not comparable" in ended.out
    assert "it switches off the target of an active job" in ended.out
    assert run(estate, "apply", "--dry-run").out == ended.out
    assert estate.simulator.writes() == []


def test_what_cannot_be_changed_in_place_is_told_with_steps_and_jobs_and_never_written(
    estate: Estate, run: Run
) -> None:
    estate.write(estate.entry("pbs-main", server="localhost", namespace="prod"))
    ended = run(estate, "apply", "--yes")

    assert ended.code == 1
    assert "server cannot be changed in place" in ended.out
    assert "pbs-main-2" in ended.out
    assert "jobs that refer to it: backup-" in ended.out
    assert "deleting it in PVE would lose: the password or token secret" in ended.out
    assert estate.simulator.writes() == []


@pytest.mark.parametrize("form", ["json", "pvesm", "terraform", "ansible"])
def test_the_plan_for_another_tool_is_the_same_change_without_secrets(estate: Estate, run: Run, form: str) -> None:
    estate.write(estate.entry("vault", encryption_key="autogen"), estate.entry("pbs-main", namespace="prod"))
    ended = run(estate, "plan", "--format", form)

    assert ended.code == 1
    assert "vault" in ended.out
    assert "new-vault" in ended.out
    assert "autogen" in ended.out or "generate_encryption_key" in ended.out or form == "json"
    if form == "json":
        assert [change["action"] for change in json.loads(ended.out)["changes"]] == ["create", "update"]


def test_fingerprint_prints_it_and_how_to_check_it(estate: Estate, run: Run) -> None:
    server = estate.simulator.pbs[0]
    ended = run(estate, "fingerprint", f"{server.host}:{server.port}")

    assert ended.code == 0
    assert ended.out.splitlines()[0] == server.fingerprint
    assert "proxmox-backup-manager cert info" in ended.out
    assert run(estate, "fingerprint", "127.0.0.1:1").code == 3
    assert run(estate, "fingerprint", "https://pbs").code == 2


# --- connectivity, with real TLS servers


def one_check(run: Run, estate: Estate, **entry: Any) -> Ended:
    estate.write(estate.entry("vault", **entry))
    return run(estate, "validate")


def test_the_right_certificate_is_fine_and_verbose_says_so(estate: Estate, run: Run) -> None:
    certificate = server_certificate(self_signed=True)
    with raw_server(always(answer({})), certificate) as server:
        ended = one_check(
            run, estate, server="localhost", port=server.port, fingerprint=certificate.fingerprint.lower()
        )
        shown = run(estate, "validate", "--verbose")

    assert (ended.code, ended.out) == (0, "1 entry checked, 0 findings\n")
    assert "its SHA-256 is the file's" in shown.out
    assert "self-signed" in shown.out
    assert "TLSv1.3" in shown.out


def test_another_certificate_shows_both_fingerprints(estate: Estate, run: Run) -> None:
    wrong = ":".join(["AB"] * 32)
    with raw_server(always(answer({}))) as server:
        ended = one_check(run, estate, port=server.port, fingerprint=wrong)

    text = " ".join(ended.out.split())
    assert ended.code == 1
    assert "another certificate" in text
    assert server.certificate.fingerprint[:40] in text.replace(" ", "")
    assert "if it was renewed" in text


def test_an_expired_certificate_says_when(estate: Estate, run: Run) -> None:
    certificate = server_certificate(until=EXPIRED_ON)
    with raw_server(always(answer({})), certificate) as server:
        ended = one_check(run, estate, port=server.port, fingerprint=certificate.fingerprint)

    assert ended.code == 1
    assert "the certificate expired on 2024-01-01" in ended.out


def test_a_self_signed_certificate_without_a_fingerprint_tells_which_to_set(estate: Estate, run: Run) -> None:
    with raw_server(always(answer({})), server_certificate(self_signed=True)) as server:
        ended = one_check(run, estate, port=server.port, fingerprint=None)

    assert ended.code == 1
    assert "no fingerprint is given, and nobody vouches for it" in ended.out
    assert "compare with `proxmox-backup-manager cert info`" in " ".join(ended.out.split())


def test_plain_http_on_the_port_is_told(estate: Estate, run: Run) -> None:
    with raw_server(always(b"HTTP/1.1 400 Bad Request\r\n\r\n"), tls=False) as server:
        ended = one_check(run, estate, port=server.port)

    assert ended.code == 1
    assert "it speaks HTTP without TLS" in ended.out


def test_nothing_listening_is_unreachable(estate: Estate, run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    ended = one_check(run, estate, port=port)

    assert ended.code == 3
    assert "nothing listens there" in ended.out


def test_a_name_that_does_not_resolve_is_unreachable(estate: Estate, run: Run) -> None:
    ended = one_check(run, estate, server="pbs.invalid")

    assert ended.code == 3
    assert "the name does not resolve" in ended.out


def test_apply_does_not_write_an_entry_that_could_not_work_unless_told(estate: Estate, run: Run) -> None:
    estate.write(estate.entry("pbs-main", namespace="prod", fingerprint=":".join(["AB"] * 32)))
    ended = run(estate, "apply", "--yes")

    assert ended.code == 1
    assert "another certificate" in ended.out
    assert estate.simulator.writes() == []
    assert run(estate, "apply", "--yes", "--skip-validation").code == 0


def test_datastore_and_namespace_are_looked_up_on_the_configured_pbs(estate: Estate, run: Run) -> None:
    estate.write(estate.entry("one", namespace="prod"), estate.entry("two"), estate.entry("six", datastore="nowhere"))
    ended = run(estate, "validate", "--verbose")

    text = " ".join(ended.out.split())
    assert ended.code == 1
    assert "pbs pbs1 has main and namespace prod" in text
    assert "pbs pbs1 shows no namespace new-two in main" in text
    assert "pbs pbs1 shows no datastore nowhere" in text


def test_without_connectivity_the_nodes_are_asked(estate: Estate, run: Run) -> None:
    estate.write(estate.entry("pbs-main", namespace="prod", server="127.0.0.1"), estate.entry("new"))
    ended = run(estate, "validate", "--skip-connectivity", "--verbose")

    assert "active on pve1, pve2, pve3" in ended.out
    assert "PVE has no such entry yet" in ended.out


# --- apply


def test_apply_creates_and_updates_exactly_what_differs_and_a_second_run_changes_nothing(
    estate: Estate, run: Run
) -> None:
    estate.write(
        estate.entry("vault", namespace="prod", prune_backups={"keep_daily": 7}, nodes=["pve2", "pve1"]),
        estate.entry("pbs-main", namespace="prod", prune_backups={"keep_all": True}, description="never sent"),
    )
    ended = run(estate, "apply", "--yes")

    assert ended.code == 0
    assert ended.out.endswith("lab: vault created\nlab: pbs-main updated\n2 entries written and read again\n")
    created, updated = estate.simulator.writes()
    assert (created["method"], updated["method"]) == ("POST", "PUT")
    assert set(updated["fields"]) == {"prune-backups", "digest"}
    assert updated["fields"]["prune-backups"] == "keep-all=1"
    assert "description" not in created["fields"]
    assert estate.simulator.storages()["passwords"]["vault"] == estate.password
    assert all("vzcover-apply@pve!storages" in row["token"] for row in estate.simulator.writes())

    again = run(estate, "apply", "--yes")
    assert again.code == 0
    assert "nothing to change\nnothing was written\n" in again.out
    assert len(estate.simulator.writes()) == 2


def test_options_are_removed_by_delete_and_a_key_or_password_never_is(estate: Estate, run: Run) -> None:
    estate.simulator.set_storage("pbs-main", {"nodes": "pve1", "disable": 1, "max-protected-backups": 5})
    estate.write(estate.entry("pbs-main", namespace="prod"))

    assert run(estate, "apply", "--yes").code == 0
    (write,) = estate.simulator.writes()
    assert set(write["fields"]["delete"].split(",")) == {"nodes", "disable", "prune-backups"}
    present = estate.present("pbs-main")
    assert present is not None
    assert present["max-protected-backups"] == 5
    assert "pbs-main" in estate.simulator.storages()["passwords"]


def test_an_encryption_key_is_made_only_at_creation_and_never_printed(estate: Estate, run: Run) -> None:
    estate.write(estate.entry("vault", namespace="prod", encryption_key="autogen"))
    ended = run(estate, "apply", "--yes")

    key = json.dumps(estate.simulator.storages()["keys"]["vault"])
    assert ended.code == 0
    assert "save /etc/pve/priv/storage/vault.enc elsewhere" in " ".join(ended.out.split())
    assert key.strip('"')[:40] not in ended.out + estate.log.read_text()
    estate.write(estate.entry("vault", namespace="prod", encryption_key="autogen", nodes=["pve1"]))
    assert run(estate, "apply", "--yes").code == 0
    assert "encryption-key" not in estate.simulator.writes()[-1]["fields"]
    assert json.dumps(estate.simulator.storages()["keys"]["vault"]) == key


def test_entries_that_the_file_does_not_name_are_left_alone(estate: Estate, run: Run) -> None:
    before = estate.simulator.storages()["storages"]
    estate.write()

    assert run(estate, "apply", "--yes").code == 0
    assert estate.simulator.storages()["storages"] == before
    assert estate.simulator.writes() == []


def test_what_pve_refuses_is_told_and_the_rest_is_said_to_be_not_done(estate: Estate, run: Run) -> None:
    estate.write(
        estate.entry("first", namespace="prod"), estate.entry("second", datastore="nowhere"), estate.entry("third")
    )
    ended = run(estate, "apply", "--yes", "--skip-connectivity")

    assert ended.code == 4
    assert "done: lab: first: create" in ended.err
    assert "failed: lab: second: create: pve lab: 500 on /storage: create storage failed" in ended.err
    assert "not done: lab: third: create" in ended.err
    assert [row["result"] for row in estate.audit()] == ["begun", "done", "begun", "failed"]


def test_a_namespace_shared_by_two_clusters_is_critical_and_refused_unless_told(two: Estate, run: Run) -> None:
    two.write(two.entry("vault", clusters=["lab", "site"], namespace="prod", nodes=None))
    validated, planned, applied = run(two, "validate"), run(two, "plan"), run(two, "apply", "--yes")

    for ended in (validated, planned, applied):
        assert ended.code == 1
        assert "CRITICAL" in ended.out
    assert "--share-namespace" in applied.err
    assert two.simulator.writes() == []
    assert run(two, "apply", "--yes", "--share-namespace").code == 1
    assert two.present("vault", "lab")
    assert two.present("vault", "site")


TOKENS = (
    ("auditor", (), "is the monitoring token"),
    ("root", (), "a token of root@pam may do anything"),
    ("root", ("--allow-root",), ""),
)


@pytest.mark.parametrize(("user", "options", "refusal"), TOKENS)
def test_only_a_token_of_its_own_writes(
    simulator: SimulatorHandle, tmp_path: Path, run: Run, user: str, options: tuple[str, ...], refusal: str
) -> None:
    for built in restored(build_estate(tmp_path, simulator, write_token=user)):
        built.write(built.entry("vault", namespace="prod"))
        ended = run(built, "apply", "--yes", *options)

        assert ended.code == (2 if refusal else 0)
        assert refusal in ended.err
        assert bool(built.present("vault")) is not bool(refusal)


def test_without_a_write_token_apply_says_what_to_configure(estate: Estate, run: Run) -> None:
    text = estate.config.read_text()
    estate.config.write_text("".join(line for line in text.splitlines(keepends=True) if "write_token" not in line))
    estate.write(estate.entry("vault", namespace="prod"))
    ended = run(estate, "apply", "--yes")

    assert ended.code == 2
    assert "give write_token_id and write_token_secret_file" in ended.err


def test_a_password_that_cannot_be_read_stops_everything_before_the_first_write(estate: Estate, run: Run) -> None:
    estate.write(
        estate.entry("pbs-main", namespace="prod"), estate.entry("vault", namespace="prod", password_file="gone.secret")
    )
    ended = run(estate, "apply", "--yes")

    assert ended.code == 2
    assert "vault.password_file" in ended.err
    assert "does not exist" in ended.err
    assert estate.simulator.writes() == []


def test_a_password_may_come_from_a_file(estate: Estate, run: Run) -> None:
    (estate.folder / "vault.secret").write_text(f"{estate.password}\n")
    estate.write(estate.entry("vault", namespace="prod", password_file="vault.secret"))

    assert run(estate, "apply", "--yes").code == 0


def test_a_token_that_lacks_the_privilege_is_told_which(estate: Estate, run: Run) -> None:
    limited = next(token for token in estate.simulator.tokens if token.startswith("limited@"))
    (estate.folder / "lab-write.secret").write_text(estate.simulator.tokens[limited])
    estate.config.write_text(estate.config.read_text().replace("vzcover-apply@pve!storages", limited))
    estate.write(estate.entry("vault", namespace="prod"))
    ended = run(estate, "apply", "--yes")

    assert ended.code == 4
    assert "lacks Datastore.Allocate on /storage; run: pveum acl modify /storage" in ended.err


# --- a second writer


def test_with_yes_an_edit_of_something_else_is_survived(estate: Estate, run: Run) -> None:
    estate.write(estate.entry("pbs-main", namespace="prod"))
    estate.simulator.edit_before_write("pbs-offsite", {"nodes": "pve1"})
    ended = run(estate, "apply", "--yes")

    assert ended.code == 0
    assert "storage.cfg was changed meanwhile by somebody else: reading again" in ended.out
    assert [row["result"] for row in estate.audit()] == ["begun", "failed", "begun", "done"]
    assert "prune-backups" not in (estate.present("pbs-main") or {})


def test_with_yes_another_change_than_the_one_shown_is_not_written(estate: Estate, run: Run) -> None:
    estate.write(estate.entry("pbs-main", namespace="prod"))
    estate.simulator.edit_before_write("pbs-main", {"nodes": "pve1"})
    ended = run(estate, "apply", "--yes")

    assert ended.code == 4
    assert "storage.cfg was changed meanwhile; nothing more was written" in ended.err
    assert "not done: lab: pbs-main: update" in ended.err
    assert (estate.present("pbs-main") or {})["nodes"] == "pve1"
    assert run(estate, "apply", "--yes").code == 0
    assert "nodes" not in (estate.present("pbs-main") or {})


def test_an_entry_that_somebody_else_creates_first_is_never_overwritten_blindly(estate: Estate, run: Run) -> None:
    estate.write(estate.entry("vault", namespace="prod"))
    server = estate.simulator.pbs[0]
    theirs = {"type": "pbs", "server": server.host, "datastore": "main", "port": 9, "namespace": "theirs"}
    estate.simulator.edit_before_write("vault", theirs)
    ended = run(estate, "apply", "--yes")

    assert ended.code == 4
    assert (estate.present("vault") or {})["namespace"] == "theirs"


class Conversation:
    """A command on a terminal: wait for what it asks, answer, read on."""

    def __init__(self, estate: Estate, *arguments: object) -> None:
        self.controller, terminal = pty.openpty()
        words = [*COMMAND, "storages", *(str(argument) for argument in arguments), "--config", str(estate.config)]
        env = environment({**estate.environment, "COLUMNS": "120", "TERM": "dumb"})
        self.process = subprocess.Popen(
            words, cwd=REPOSITORY, env=env, stdin=terminal, stdout=terminal, stderr=terminal
        )
        os.close(terminal)
        self.shown = ""

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + SECONDS
        while text not in self.shown:
            assert time.monotonic() < deadline, self.shown
            assert select.select([self.controller], [], [], SECONDS)[0], self.shown
            try:
                self.shown += os.read(self.controller, 65536).decode()
            except OSError:
                raise AssertionError(self.shown) from None

    def say(self, text: str) -> None:
        self.shown = ""
        os.write(self.controller, f"{text}\n".encode())

    def end(self) -> int:
        code = self.process.wait(SECONDS)
        os.close(self.controller)
        return code


def test_apply_asks_and_after_a_change_by_somebody_else_plans_and_asks_again(estate: Estate) -> None:
    estate.write(estate.entry("pbs-main", namespace="prod"))
    talk = Conversation(estate, "apply")
    talk.wait_for("write this to PVE? [y/N]")
    estate.simulator.set_storage("pbs-main", {"nodes": "pve1"})
    talk.say("y")
    talk.wait_for("storage.cfg was changed meanwhile; write this? [y/N]")
    assert "nodes: pve1 → not set" in talk.shown
    assert estate.simulator.writes() == []
    talk.say("y")
    talk.wait_for("1 entry written and read again")

    assert talk.end() == 0
    assert "nodes" not in (estate.present("pbs-main") or {})


def test_saying_no_writes_nothing(estate: Estate) -> None:
    estate.write(estate.entry("pbs-main", namespace="prod"))
    talk = Conversation(estate, "apply")
    talk.wait_for("write this to PVE? [y/N]")
    talk.say("")
    talk.wait_for("nothing was written")

    assert talk.end() == 1
    assert estate.simulator.writes() == []


def test_where_nobody_can_be_asked_nothing_is_written(estate: Estate) -> None:
    estate.write(estate.entry("pbs-main", namespace="prod"))
    ended = subprocess.run(
        [*COMMAND, "storages", "apply", "--config", estate.config],
        cwd=REPOSITORY,
        env=environment(estate.environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    assert ended.returncode == 1
    assert "say --yes" in ended.stderr
    assert estate.simulator.writes() == []


# --- interruptions


def changes(estate: Estate) -> None:
    estate.write(estate.entry("vault", namespace="prod"), estate.entry("pbs-main", namespace="prod", nodes=["pve1"]))


def in_line(estate: Estate, run: Run) -> None:
    """The next apply completes what is missing, and then nothing is left."""
    assert run(estate, "apply", "--yes").code == 0
    assert run(estate, "plan").code == 0
    assert run(estate, "verify", command="audit").code == 0


@pytest.mark.parametrize("done", [False, True])
def test_killing_apply_at_any_of_its_requests_leaves_what_the_next_apply_completes(
    estate: Estate, run: Run, done: bool
) -> None:
    before = estate.simulator.storages()["storages"]
    changes(estate)
    assert run(estate, "apply", "--yes").code == 0
    requests = len(estate.simulator.journal())
    writes = [place for place, row in enumerate(estate.simulator.journal(), 1) if row["method"] != "GET"]
    assert len(writes) == 2
    restore(estate.simulator, before)

    for request in writes if done else range(1, requests + 1):
        estate.simulator.clear_journal()
        estate.simulator.stop_at(request, how="hang", done=done)
        kill_when_silent(estate, request)
        estate.simulator.clear_stop()
        in_line(estate, run)
        restore(estate.simulator, before)


# forked from a process that has imported everything, because there are many of them
CHILDREN = multiprocessing.get_context("forkserver")
CHILDREN.set_forkserver_preload(["exporter.cli"])


def apply_quietly(config: str, env: Mapping[str, str]) -> None:
    """What a child does: apply, with nothing shown."""
    os.environ.clear()
    os.environ.update(env)
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        main(["storages", "apply", "--yes", "--config", config])


@contextmanager
def applying(estate: Estate) -> Iterator[BaseProcess]:
    """An apply in a process of its own, killed at the end of the block."""
    process = CHILDREN.Process(target=apply_quietly, args=(str(estate.config), environment(estate.environment)))
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join(SECONDS)
        process.close()


def kill_when_silent(estate: Estate, request: int) -> None:
    """Run apply, and kill it once it waits for the answer to its n-th request."""
    with applying(estate) as process:
        wait_for(lambda: len(estate.simulator.journal()) >= request, f"request {request}")
        assert process.is_alive()


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("write", [1, 2])
def test_an_answer_that_is_lost_is_looked_up_by_reading(estate: Estate, run: Run, write: int, done: bool) -> None:
    changes(estate)
    estate.simulator.stop_at(write, how="reset", done=done, method="writes")
    ended = run(estate, "apply", "--yes")

    assert ended.code == (0 if done else 4)
    if done:
        assert any("the answer was lost" in row["detail"] for row in estate.audit())
    else:
        assert "failed: lab:" in ended.err
    in_line(estate, run)


def test_a_cluster_that_dies_half_way_is_told_with_what_was_done_and_what_was_not(estate: Estate, run: Run) -> None:
    changes(estate)
    estate.simulator.stop_at(2, how="dead", method="writes")
    ended = run(estate, "apply", "--yes")

    assert ended.code == 4
    assert "done: lab: vault: create" in ended.err
    assert "failed: lab: pbs-main: update" in ended.err
    estate.simulator.clear_stop()
    in_line(estate, run)


# --- audit


def test_every_write_stands_in_the_audit_log_with_who_when_before_and_after(estate: Estate, run: Run) -> None:
    estate.write(estate.entry("pbs-main", namespace="prod", nodes=["pve1"]))
    assert run(estate, "apply", "--yes").code == 0
    begun, ended = estate.audit()

    assert (begun["result"], ended["result"]) == ("begun", "done")
    assert (ended["cluster"], ended["storage"], ended["action"]) == ("lab", "pbs-main", "update")
    assert ended["token"] == "vzcover-apply@pve!storages"
    assert "@" in ended["who"]
    assert "prune-backups" in ended["before"]
    assert ended["after"]["nodes"] == "pve1"
    assert estate.log.stat().st_mode & 0o777 == 0o600


def test_audit_verify_finds_a_line_that_was_changed_or_removed(estate: Estate, run: Run) -> None:
    assert run(estate, "verify", command="audit").code == 0
    changes(estate)
    assert run(estate, "apply", "--yes").code == 0
    lines = estate.log.read_bytes().splitlines(keepends=True)
    assert "4 lines, the chain is whole" in run(estate, "verify", command="audit").out

    for broken in (
        [*lines[:1], *lines[2:]],
        [lines[0].replace(b"create", b"update"), *lines[1:]],
        [lines[1], *lines[1:]],
    ):
        estate.log.write_bytes(b"".join(broken))
        ended = run(estate, "verify", command="audit")
        assert ended.code == 1
        assert "does not carry the hash of the line before" in ended.out


def test_two_applies_at_once_are_refused(estate: Estate, run: Run) -> None:
    changes(estate)
    estate.simulator.stop_at(1, how="hang", method="writes")
    with applying(estate):
        wait_for(estate.simulator.writes, "the first write")
        ended = run(estate, "apply", "--yes")
    assert ended.code == 4
    assert "another `storages apply` holds it" in ended.err


# --- the daemon


@contextmanager
def watching(estate: Estate) -> Iterator[Daemon]:
    """A daemon on this estate, ready; the token that writes is not even there. It is to have written nothing, and nowhere."""
    for name in estate.clusters:
        (estate.folder / f"{name}-write.secret").unlink()
    with estate.config.open("a") as file:
        file.write('web: {listen: "127.0.0.1:0"}\nreport: {enabled: false}\n')
    with daemon("serve", "--config", estate.config, env=estate.environment) as running:
        running.wait_until_ready()
        yield running
    assert [handle.writes() for handle in estate.clusters.values()] == [[] for _ in estate.clusters]
    assert not estate.log.exists()
    for secret in estate.secrets:
        assert secret not in "".join(running.lines)


def drift_samples(running: Daemon) -> set[str]:
    return {name for name in running.samples() if name.startswith("vzcover_pve_storage_drift")}


def drift_findings(running: Daemon) -> set[tuple[str, ...]]:
    """The findings of drift: cluster, storage, field, what the file says, what PVE has."""
    report = json.loads(running.get("/api/v1/report")[1])
    return {
        (found["source"], found["subject"], *found["params"].values())
        for found in report["findings"]
        if found["code"] == "storage_drift"
    }


def test_the_daemon_shows_drift_from_the_refresh_after_it_came_until_the_one_after_it_went(
    estate: Estate, run: Run
) -> None:
    run(estate, "import", "--file", estate.file)
    with watching(estate) as running:
        assert drift_samples(running) == set()
        assert drift_findings(running) == set()
        assert "Every entry of the file is in PVE as the file says." in running.get("/")[1].decode()

        estate.simulator.set_storage("pbs-main", {"prune-backups": "keep-last=1"})
        running.send(signal.SIGHUP)
        series = 'vzcover_pve_storage_drift{field="prune-backups",pve="lab",storage="pbs-main"}'
        wait_for(lambda: drift_samples(running) == {series}, "the metric")
        assert running.samples()[series] == 1
        file_says = "keep-daily=14,keep-monthly=12,keep-weekly=8"
        assert drift_findings(running) == {("lab", "pbs-main", "prune-backups", file_says, "keep-last=1")}
        assert file_says in re.sub(r"<[^>]*>", "", running.get("/")[1].decode())

        estate.simulator.set_storage("pbs-main", {"prune-backups": file_says.replace("keep-monthly=12,", "")})
        estate.simulator.set_storage("pbs-main", {"prune-backups": "keep-weekly=8,keep-daily=14,keep-monthly=12"})
        running.send(signal.SIGHUP)
        wait_for(lambda: drift_samples(running) == set(), "no metric")
        assert drift_findings(running) == set()


def test_a_broken_file_does_not_end_the_daemon_and_what_it_said_before_is_compared(estate: Estate) -> None:
    estate.write(estate.entry("vault"))
    missing = {'vzcover_pve_storage_drift{field="missing",pve="lab",storage="vault"}'}
    with watching(estate) as running:
        assert drift_samples(running) == missing

        estate.file.write_text("pbs_storages:\n  - name: vault\n    sever: pbs.example\n")
        running.send(signal.SIGHUP)
        running.wait_for_line("storages_file is not usable")
        wait_for(lambda: b"storages_file_unreadable" in running.get("/api/v1/report")[1], "the issue")
        assert "no such setting; did you mean server?" in running.get("/")[1].decode()
        assert drift_samples(running) == missing

        estate.file.write_text("pbs_storages: []\n")
        running.send(signal.SIGHUP)
        running.wait_for_line("storages_file is usable again")
        wait_for(lambda: drift_samples(running) == set(), "no metric")
        assert b"storages_file_unreadable" not in running.get("/api/v1/report")[1]
