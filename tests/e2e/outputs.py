"""Everything that vzcover says of one configuration: what each command prints and writes, and what the daemon serves."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from pypdf import PdfReader

from exporter.cli import main
from tests.processes import Config, Daemon, environment, restored_logging, write_config
from tests.simulator_process import PbsHandle, SimulatorHandle

PATHS = ("/", "/metrics", "/api/v1/report", "/-/healthy", "/-/ready", "/report.pdf", "/nothing", "/api/v1/nothing")
OPENMETRICS = {"Accept": "application/openmetrics-text"}
Outputs = dict[str, str]


def write_whole_config(folder: Path, simulator: SimulatorHandle, more: str = "") -> Config:
    """A configuration with a cluster, its write token, a backup server, and a file of storage entries."""
    (server,) = simulator.pbs
    config = write_config(
        folder, simulator, more=f"{_server(folder, server)}{more}", report="formats: [pdf, json, csv, html, xlsx]"
    )
    token, secret = _token(simulator.tokens, "vzcover-apply")
    _secret(folder / "write.secret", secret)
    own = f"    token_secret_file: lab.secret\n    write_token_id: {token}\n    write_token_secret_file: write.secret\n"
    config.change("    token_secret_file: lab.secret\n", own)
    config.path.write_text(config.path.read_text() + "storages_file: storages.yaml\n")
    identity, password = _token(server.tokens, "backup")
    _secret(folder / "entry.secret", password)
    (folder / "storages.yaml").write_text(
        f"pbs_storages:\n  - name: vault-new\n    server: {server.host}\n    port: {server.port}\n    datastore: main\n"
        f'    username: {identity}\n    password_file: {folder / "entry.secret"}\n    fingerprint: "{server.fingerprint}"\n'
        "    namespace: newest\n"
    )
    return config


def _server(folder: Path, server: PbsHandle) -> str:
    token, secret = _token(server.tokens, "auditor")
    _secret(folder / "vault.secret", secret)
    return (
        f'pbs:\n  - name: vault\n    hosts: ["{server.host}:{server.port}"]\n    token_id: "{token}"\n'
        f'    token_secret_file: vault.secret\n    tls: {{fingerprint: "{server.fingerprint}"}}\n'
    )


def _token(tokens: Mapping[str, str], user: str) -> tuple[str, str]:
    return next(pair for pair in tokens.items() if pair[0].startswith(f"{user}@"))


def _secret(path: Path, secret: str) -> None:
    path.write_text(secret)
    path.chmod(0o600)


def called(*arguments: object) -> tuple[int, str, str]:
    """Run a command in this process; return its exit code, and what it wrote to standard output and standard error."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    before = dict(os.environ)
    clean = environment()
    os.environ.clear()
    os.environ.update(clean)
    try:
        with restored_logging(), redirect_stdout(out), redirect_stderr(err):
            code = main([str(argument) for argument in arguments])
    finally:
        os.environ.clear()
        os.environ.update(before)
    return code, *(stream.buffer.getvalue().decode() for stream in _flushed(out, err))  # type: ignore[attr-defined]


def _flushed(*streams: io.TextIOWrapper) -> tuple[io.TextIOWrapper, ...]:
    for stream in streams:
        stream.flush()
    return streams


COMMANDS: Mapping[str, tuple[str, ...]] = {
    "status": ("status",),
    "status as JSON": ("status", "--json"),
    "report": ("report",),
    "report as CSV": ("report", "--format", "csv", "--output", "-"),
    "report as HTML": ("report", "--format", "html", "--output", "-"),
    "check-config": ("check-config",),
    "doctor": ("doctor",),
    "doctor as JSON": ("doctor", "--format", "json"),
    "storages status": ("storages", "status"),
    "storages validate": ("storages", "validate"),
    "storages plan": ("storages", "plan"),
    "storages plan for a shell": ("storages", "plan", "--format", "pvesm"),
    "storages import": ("storages", "import"),
}


def of_commands(config: Config, names: tuple[str, ...] = tuple(COMMANDS)) -> Outputs:
    """What commands print: by the command's name, and " (errors)" behind it for standard error."""
    said: Outputs = {}
    for name in names:
        code, out, err = called(*COMMANDS[name], "--config", config.path)
        assert code in (0, 1, 3), (name, code, err)
        said |= {name: out, f"{name} (errors)": err}
    return said


def of_recording(config: Config, folder: Path) -> Outputs:
    """What `record` prints, and each file that it writes."""
    _, out, err = called("record", folder, "--config", config.path)
    return {"record": out, "record (errors)": err, **of_folder(folder)}


def of_folder(folder: Path) -> Outputs:
    """Every file below a folder; a PDF as its text and its metadata, a workbook as its markup, what is packed unpacked."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {f"{folder.name}/{path.relative_to(folder)}": _text_of(path) for path in files}


def _text_of(path: Path) -> str:
    content = path.read_bytes()
    if path.suffix == ".pdf":
        return pdf_text(content)
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as archive:
            return "\n".join(archive.read(name).decode() for name in archive.namelist())
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    return content.decode(errors="replace")


def pdf_text(content: bytes) -> str:
    """The text of a PDF, all pages, and what its metadata, bookmarks and links say."""
    reader = PdfReader(io.BytesIO(content))
    links = [str(link.get_object()) for page in reader.pages for link in page.get("/Annots", ())]
    return "\n".join(
        [*(page.extract_text() for page in reader.pages), str(reader.metadata), str(reader.outline), *links]
    )


def of_daemon(running: Daemon) -> Outputs:
    """What the daemon serves at the moment."""
    said: Outputs = {}
    for path in PATHS:
        status, body = running.get(path)
        said[path] = pdf_text(body) if path == "/report.pdf" and status == 200 else body.decode()
    said["/metrics (OpenMetrics)"] = running.get("/metrics", OPENMETRICS)[1].decode()
    return said


def of_processes(running: Daemon) -> Outputs:
    """The command lines of the daemon and of all that it started, as everybody on the machine sees them."""
    waiting, said = [running.process.pid], Outputs()
    while waiting:
        pid = waiting.pop()
        said[f"command line of {len(said)}"] = Path(f"/proc/{pid}/cmdline").read_bytes().decode().replace("\0", " ")
        for thread in Path(f"/proc/{pid}/task").iterdir():
            waiting += map(int, (thread / "children").read_text().split())
    return said
