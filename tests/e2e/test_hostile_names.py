"""Names that want to be more than names: through the simulated cluster, in every output, none of them is anything but text."""

from __future__ import annotations

import csv
import html
import io
import json
import os
import pty
import re
import select
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from exporter.metrics.rows import CONTROL
from report.words import printable
from tests.e2e.outputs import Outputs, of_commands, of_daemon, of_folder, of_recording, write_whole_config
from tests.exporter.raw_server import always, answer, raw_server
from tests.processes import COMMAND, Config, environment, run, serving
from tests.simulator_process import REPOSITORY, Place, SimulatorHandle, running_simulator

# what a name is, and what it tries; each is shown as what it is
HOSTILE = {
    "markup": "<script>alert(1)</script>",
    "attribute": "\"' onmouseover=alert(1) x='",
    "entity": "&lt;b&gt;&#0;",
    "metric": 'x"} 1\n# EOF\nvzcover_evil 1',
    "backslash": 'x\\"} 1\\',
    "formula": "=cmd()",
    "plus": "+1",
    "minus": "-1",
    "at": "@x",
    "tab formula": "\t=1+1",
    "CSV": '",,,\r\n"=1"',
    "right to left": "abc\u202egnp.exe",
    "marks": "a\u200f\u2066b\u2069",
    "NUL": "a\x00b\x07c\x08\x08d\x7fe\u2028f",
    "terminal": "\x1b[2J\x1b]0;owned\x07\x1b[31mowned\x9b5m",
    "title": "\x9d0;owned\x9c",
    "long": "n" * 300,
    "folders": "../../../../tmp/vzcover-owned",
    "absolute": "/tmp/vzcover-owned",
    "rich": "[bold red]x[/bold red][link=https://evil.example]y[/link]",
    "format": "{name} {0.__class__} %s %(x)s ${HOME} $(id) `id`",
    "shell": "'; id; '",
    "blank": "   ",
}
STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\u200e\u200f]")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
# what rich writes on a terminal by itself: colours, and nothing else once it is no live display
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
SECONDS = 60


@dataclass(frozen=True)
class Shown:
    """Every output of a cluster whose guests are called like that."""

    config: Config
    vmids: dict[str, int]
    outputs: Outputs
    log: tuple[str, ...]

    def guest(self, key: str) -> dict[str, Any]:
        guests: list[dict[str, Any]] = json.loads(self.outputs["/api/v1/report"])["guests"]
        return next(guest for guest in guests if guest["vmid"] == self.vmids[key])


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorHandle]:
    with running_simulator("serve", "--guests", 40, "--nodes", 2, "--pbs", 1) as running:
        yield running


@pytest.fixture(scope="module")
def shown(simulator: SimulatorHandle, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    folder = tmp_path_factory.mktemp("hostile")
    config = write_whole_config(folder, simulator, "log: {level: debug}\n")
    first = run("status", "--json", "--config", config.path)
    vmids = dict(zip(HOSTILE, sorted(row["vmid"] for row in json.loads(first.stdout)["guests"]), strict=False))
    poison(simulator, vmids)
    outputs = of_commands(config) | of_recording(config, folder / "record")
    with serving(config) as running:
        outputs |= of_daemon(running)
    log = tuple(running.lines)
    return Shown(config, vmids, outputs | of_folder(config.output) | of_folder(config.state), log)


def poison(simulator: SimulatorHandle, vmids: dict[str, int]) -> None:
    """Call guests, their pools and tags, jobs, storages, backups and their notes like that."""
    (server,) = simulator.pbs
    for key, name in HOSTILE.items():
        simulator.set_guest(vmids[key], name=name, pool=f"pool {name}", tags=name, description=name)
        place = Place("main", "", "vm", str(vmids[key]))
        server.put_snapshot(place, 1_700_000_000, comment=name, owner="backup@pbs!pve")
        server.set_group(place, note=name)
        simulator.set_storage(quote(f"store {name}", safe=""), {"type": "pbs", "server": name, "datastore": name})
    for job, name in zip(("backup-prod", "backup-web", "backup-db"), HOSTILE.values(), strict=False):
        simulator.set_job(job, {"comment": name, "pool": f"pool {name}", "storage": f"store {name}"})


@pytest.mark.parametrize("key", HOSTILE)
def test_the_json_holds_the_very_name(shown: Shown, key: str) -> None:
    assert shown.guest(key)["name"] == HOSTILE[key]


@pytest.mark.parametrize("key", HOSTILE)
def test_the_page_shows_the_name_as_text(shown: Shown, key: str) -> None:
    page = Elements(shown.outputs["/"])

    assert html.escape(printable(HOSTILE[key]), quote=False).strip() in html.escape(page.text, quote=False)
    assert not page.tags & {"script", "iframe", "img", "object", "embed", "form", "base"}
    assert {name for name in page.attributes if name.startswith("on")} == set()
    assert all(link.startswith(("#", "/", "report.pdf", "metrics", "api")) for link in page.links), page.links


@pytest.mark.parametrize("key", HOSTILE)
@pytest.mark.parametrize("form", ["/metrics", "/metrics (OpenMetrics)"])
def test_metrics_hold_the_name_as_a_label(shown: Shown, key: str, form: str) -> None:
    parse = prometheus if form == "/metrics" else openmetrics
    families = {family.name: family for family in parse(shown.outputs[form])}
    samples = next(families[name] for name in ("vzcover_guest_info", "vzcover_guest") if name in families).samples
    (labels,) = [sample.labels for sample in samples if sample.labels["vmid"] == str(shown.vmids[key])]

    assert labels["name"] == CONTROL.sub("?", HOSTILE[key])
    assert all(name.startswith("vzcover_") and "evil" not in name for name in families)
    assert ("# EOF\n" in shown.outputs[form].splitlines(keepends=True)) == (form != "/metrics")


@pytest.mark.parametrize("key", HOSTILE)
def test_no_cell_of_a_csv_is_calculated(shown: Shown, key: str) -> None:
    (name,) = [name for name in shown.outputs if name.endswith(".csv") and "groups" not in name]
    rows = list(csv.DictReader(io.StringIO(shown.outputs[name], newline="")))
    (row,) = [row for row in rows if row["vmid"] == str(shown.vmids[key])]

    assert len(rows) == len(json.loads(shown.outputs["/api/v1/report"])["guests"])
    assert not row["name"].startswith(FORMULA)
    harmless = "".join(character for character in HOSTILE[key] if character.isalnum())
    assert harmless in "".join(character for character in row["name"] if character.isalnum())


def test_no_cell_of_any_csv_begins_a_formula(shown: Shown) -> None:
    for name in shown.outputs:
        if name.endswith(".csv"):
            for row in csv.reader(io.StringIO(shown.outputs[name], newline="")):
                assert [cell for cell in row if cell.startswith(FORMULA) and not is_number(cell)] == [], name


@pytest.mark.parametrize("key", HOSTILE)
def test_the_pdf_shows_the_name_and_leads_nowhere(shown: Shown, key: str) -> None:
    (name,) = [name for name in shown.outputs if name.startswith("reports/") and name.endswith(".pdf")]
    text = shown.outputs[name]

    written = re.sub(r"\s", "", printable(HOSTILE[key]))
    assert written in re.sub(r"\s", "", text) or key == "marks"
    assert "/URI" not in text
    assert "/JavaScript" not in text


@pytest.mark.parametrize("key", HOSTILE)
def test_status_shows_the_name_in_a_pipe(shown: Shown, key: str) -> None:
    said = shown.outputs["status"]
    if shown.guest(key)["protection"] in ("protected", "waived"):
        return
    assert re.sub(r"\s", "", printable(HOSTILE[key])) in re.sub(r"\s", "", said)


def test_nothing_steers_a_terminal_or_turns_text_around(shown: Shown) -> None:
    for name, said in shown.outputs.items():
        lines = said.replace("\r\n", "\n")
        if (
            name.startswith(("/api", "/metrics", "record/", "storages import"))
            or name.endswith("json")
            or "JSON" in name
        ):
            # for programs: what steers is escaped there, what turns text around need not be
            assert not CONTROL.search(lines), name
        elif not name.endswith(".pdf") and not name.startswith(("/report.pdf", "state/")):
            found = STEERING.search(lines)
            assert not found, (name, found and lines[max(0, found.start() - 200) : found.end() + 50])


def test_each_line_of_the_log_is_one_line(shown: Shown) -> None:
    assert shown.log
    assert all(re.match(r"time=\S+ level=\w+ msg=", line) for line in shown.log)
    assert not STEERING.search("".join(shown.log))


def test_no_name_leads_out_of_the_folders(shown: Shown) -> None:
    folder = shown.config.path.parent
    written = {path.relative_to(folder).parts[0] for path in folder.iterdir()}

    assert written == {
        *("config.yaml", "lab.secret", "vault.secret", "write.secret", "entry.secret", "storages.yaml"),
        *("reports", "state", "record"),
    }
    names = [path.name for path in folder.rglob("*")]
    assert not [name for name in names if not re.fullmatch(r"[A-Za-z0-9._-]+", name)]
    assert not Path("/tmp/vzcover-owned").exists()


@pytest.mark.parametrize("command", [("status",), ("storages", "status")])
def test_on_a_terminal_no_name_gives_orders(shown: Shown, command: tuple[str, ...]) -> None:
    said = on_a_terminal(*command, "--config", shown.config.path)

    assert "owned" in said
    assert not STEERING.search(COLOUR.sub("", said).replace("\r\n", "\n").replace("\r", ""))
    assert "\x1b[31mowned" not in said


def test_what_a_server_says_of_its_refusal_gives_no_orders_either(tmp_path: Path) -> None:
    reason = "<b>no</b> \x1b[2J\x1b]0;owned\x07 \x9b31m \u202e"
    with raw_server(always(answer(b"<html>", 503, reason.encode().decode("latin-1"), "text/html"))) as server:
        (tmp_path / "config.yaml").write_text(
            f'pve: [{{name: lab, hosts: "127.0.0.1:{server.port}", token_id: a@pve!b, token_secret: "0123456789",'
            " tls: {verify: false}}]\nrefresh: {attempts: 1}\nweb: {listen: '127.0.0.1:0'}\nstate_dir: state\n"
        )
        (tmp_path / "config.yaml").chmod(0o600)
        config = Config(tmp_path / "config.yaml", "")
        said = run("status", "--config", config.path)
        assert said.returncode == 3
        with serving(config) as running:
            page = Elements(running.get("/")[1].decode())
            running.wait_for_line("source is down")

    assert not STEERING.search(said.stdout + said.stderr + "".join(running.lines))
    assert "<b>no</b>" in page.text


class Elements(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {value or "" for name, value in attrs if name in ("href", "src", "action", "xlink:href")}

    def handle_data(self, data: str) -> None:
        self.text += data


def is_number(cell: str) -> bool:
    return re.fullmatch(r"-?[0-9.]+", cell) is not None


def on_a_terminal(*arguments: object) -> str:
    """Run a command on a terminal; return all that it sends there."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *(str(argument) for argument in arguments)],
        cwd=REPOSITORY,
        env=environment({"TERM": "xterm-256color", "COLUMNS": "400"}),
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=subprocess.DEVNULL,  # the spinner that is there while it reads
    )
    os.close(terminal)
    said = b""
    try:
        while select.select([controller], [], [], SECONDS)[0]:
            try:
                said += os.read(controller, 65536)
            except OSError:  # the other side is closed
                break
    finally:
        os.close(controller)
        process.kill() if process.poll() is None and not said else None
        process.wait(SECONDS)
    return said.decode()
