"""Runs vzcover as a process: to its end, or as a daemon that is ended by its id; and writes configurations for a simulator."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.simulator_process import REPOSITORY, SimulatorHandle

RUN_SECONDS = 60
DEADLINE_SECONDS = 20
COMMAND = (sys.executable, "-m", "exporter")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The tests' environment without what vzcover or rich would read of it, and with what is given."""
    ours = ("VZCOVER", "STATE_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG", "COLUMNS", "FORCE_COLOR", "PYTHONUNBUFFERED")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | dict(extra or {})


def run(
    *arguments: object, env: Mapping[str, str] | None = None, cwd: Path = REPOSITORY, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Given a command line, run it to its end in a pipe; return exit code, standard output and standard error."""
    return subprocess.run(
        [*COMMAND, *(str(argument) for argument in arguments)],
        cwd=cwd,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
        **options,
    )


@contextmanager
def restored_logging() -> Iterator[None]:
    """Put the root logger back as it was after a command set up its own in this process."""
    root, ours = logging.getLogger(), logging.getLogger("vzcover")
    handlers, level, our_level = list(root.handlers), root.level, ours.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        ours.setLevel(our_level)


@dataclass(frozen=True)
class Config:
    """A configuration file in a folder of its own, and what it names there."""

    path: Path
    secret: str

    @property
    def output(self) -> Path:
        return self.path.parent / "reports"

    @property
    def state(self) -> Path:
        return self.path.parent / "state"

    def change(self, old: str, new: str) -> None:
        """Replace a text in the file that stands there once."""
        text = self.path.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the configuration"
        self.path.write_text(text.replace(old, new))


def source_yaml(simulator: SimulatorHandle, name: str = "lab", user: str = "auditor", tls: str | None = None) -> str:
    """The entry of one cluster under `pve:`; `tls` is YAML in braces, by default the simulator's fingerprint."""
    token = next(token for token in simulator.tokens if token.startswith(f"{user}@"))
    return f"""\
  - name: {name}
    hosts: ["{simulator.host}:{simulator.port}"]
    token_id: "{token}"
    token_secret_file: {name}.secret
    tls: {tls or f'{{fingerprint: "{simulator.fingerprint}"}}'}
"""


def write_config(
    folder: Path,
    simulator: SimulatorHandle,
    *,
    user: str = "auditor",
    tls: str | None = None,
    secret: str | None = None,
    more: str = "",
    report: str = "",
) -> Config:
    """Given a folder and a simulator, write a configuration for the cluster `lab`; `more` is YAML at its end."""
    own = next(value for token, value in simulator.tokens.items() if token.startswith(f"{user}@"))
    (folder / "lab.secret").write_text(secret or own)
    (folder / "lab.secret").chmod(0o600)
    path = folder / "config.yaml"
    path.write_text(
        f"pve:\n{source_yaml(simulator, user=user, tls=tls)}"
        f"report: {{output: reports{report and ', '}{report}}}\n"
        f'web: {{listen: "127.0.0.1:0"}}\n'
        f"state_dir: state\n{more}"
    )
    path.chmod(0o600)
    return Config(path, secret or own)


def wait_for(condition: Callable[[], Any], what: str, seconds: float = DEADLINE_SECONDS) -> Any:
    """Given a condition, return its value once that is true; fail with `what` after the deadline."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.02)
    return value


@dataclass
class Daemon:
    """A running `vzcover serve` or `demo`: its process, and the lines that it wrote so far."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    output: list[str] = field(default_factory=list)

    def logged(self, text: str) -> list[str]:
        """The lines on standard error that hold this text."""
        return [line for line in self.lines if text in line]

    def wait_for_line(self, text: str, times: int = 1) -> str:
        """Return the last line on standard error that holds the text, once there are so many."""
        wait_for(
            lambda: len(self.logged(text)) >= times or self.process.poll() is not None, f"a log line with {text!r}"
        )
        assert len(self.logged(text)) >= times, f"no {text!r} in {''.join(self.lines)}"
        return self.logged(text)[-1]

    @property
    def address(self) -> str:
        """Where it serves, as `host:port`; from what the demo printed, or from the first log line."""
        for printed in self.output:
            if printed.startswith("page:"):
                return printed.split("//")[1].strip().rstrip("/")
        line = self.wait_for_line("listen")
        if line.startswith("{"):
            return str(json.loads(line)["listen"])
        return line.split("listen=")[1].split()[0]

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Return status and body of an answer, whatever the status."""
        request = urllib.request.Request(f"http://{self.address}{path}", headers=dict(headers or {}))
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def samples(self) -> dict[str, float]:
        """Every sample of /metrics, by `name{label="value",…}` with labels in order of their names."""
        families = text_string_to_metric_families(self.get("/metrics")[1].decode())
        return {
            sample.name
            + (
                "{" + ",".join(f'{k}="{v}"' for k, v in sorted(sample.labels.items())) + "}" if sample.labels else ""
            ): sample.value
            for family in families
            for sample in family.samples
        }

    def sample(self, name: str) -> float | None:
        return self.samples().get(name)

    def wait_until_ready(self) -> None:
        wait_for(self._is_ready, "ready")

    def _is_ready(self) -> bool:
        try:
            return self.get("/-/ready")[0] == 200
        except (ConnectionResetError, urllib.error.URLError):  # not ready is not ready, in whatever way it is said
            return False

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send the signal; return exit code and seconds until the process was gone."""
        started = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(DEADLINE_SECONDS)
        return code, time.monotonic() - started


@contextmanager
def daemon(
    *arguments: object, env: Mapping[str, str] | None = None, through: Iterable[object] = ()
) -> Iterator[Daemon]:
    """Given a command line such as `"serve", "--config", path`, run it meanwhile, `through` another program if one is given.

    It is killed at the end if it still runs.
    """
    process = subprocess.Popen(
        [str(word) for word in (*through, *COMMAND, *arguments)],
        cwd=REPOSITORY,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    running = Daemon(process)
    readers = [
        threading.Thread(target=lambda: running.output.extend(process.stdout or ()), daemon=True),
        threading.Thread(target=lambda: running.lines.extend(process.stderr or ()), daemon=True),
    ]
    for reader in readers:
        reader.start()
    try:
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for reader in readers:
            reader.join(DEADLINE_SECONDS)
            assert not reader.is_alive(), "a process that it started still runs"
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


@contextmanager
def serving(config: Config, *arguments: object, env: Mapping[str, str] | None = None) -> Iterator[Daemon]:
    """Run `vzcover serve` on a configuration, ready after its first refresh."""
    with daemon("serve", "--config", config.path, *arguments, env=env) as running:
        running.wait_until_ready()
        yield running
