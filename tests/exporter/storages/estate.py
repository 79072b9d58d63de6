"""A configuration for the simulated clusters and backup servers, a file of entries, and the command run on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.simulator_process import ClusterHandle, SimulatorHandle

NOW = 1795233600  # 2026-11-21 04:00:00 UTC
PASSWORD_VARIABLE = "VAULT_PASSWORD"
WRITE_TOKEN = "vzcover-apply"


@dataclass(frozen=True)
class Estate:
    """One or two clusters (`lab`, `site`) with their backup servers; everything lies in `folder`."""

    folder: Path
    simulator: SimulatorHandle
    clusters: Mapping[str, ClusterHandle]
    secrets: set[str] = field(default_factory=set)

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def file(self) -> Path:
        return self.folder / "storages.yaml"

    @property
    def log(self) -> Path:
        return self.folder / "state" / "storages-audit.jsonl"

    @property
    def password(self) -> str:
        """The secret of the account that entries use on the first backup server."""
        return self.simulator.pbs[0].tokens["backup@pbs!pve"]

    @property
    def environment(self) -> dict[str, str]:
        return {PASSWORD_VARIABLE: self.password}

    def entry(self, name: str, **changed: Any) -> dict[str, Any]:
        """An entry of the file on the first backup server, with what is given instead; None leaves a key out."""
        server = self.simulator.pbs[0]
        values = {
            "name": name,
            "server": server.host,
            "port": server.port,
            "datastore": "main",
            "username": "backup@pbs!pve",
            "fingerprint": server.fingerprint,
            "namespace": f"new-{name}",
            "password_file": f"${{{PASSWORD_VARIABLE}}}",
            **changed,
        }
        return {key: value for key, value in values.items() if value is not None}

    def write(self, *entries: Mapping[str, Any]) -> None:
        """Write the file; JSON is YAML."""
        self.file.write_text(json.dumps({"pbs_storages": list(entries)}, indent=1))

    def present(self, name: str, cluster: str = "lab") -> dict[str, Any] | None:
        """What the cluster has under a name."""
        found: dict[str, Any] | None = self.clusters[cluster].storages()["storages"].get(name)
        return found

    def audit(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []


def build_estate(
    folder: Path, simulator: SimulatorHandle, *, two: bool = False, write_token: str = WRITE_TOKEN
) -> Estate:
    """Write the configuration; with `two` also of the second cluster. `write_token` is the user whose token apply writes with."""
    clusters = {"lab": simulator, **({"site": simulator.further[0]} if two else {})}
    estate = Estate(folder, simulator, clusters)
    sources = "".join(_cluster(estate, name, handle, write_token) for name, handle in clusters.items())
    servers = "".join(_server(estate, index) for index in range(len(simulator.pbs)))
    estate.config.write_text(
        f"pve:\n{sources}pbs:\n{servers}refresh: {{attempts: 1}}\nstate_dir: state\nstorages_file: storages.yaml\n"
    )
    estate.config.chmod(0o600)
    for server in simulator.pbs:
        estate.secrets.update(server.tokens.values(), server.passwords.values())
    for handle in clusters.values():
        estate.secrets.update(handle.tokens.values())
    return estate


def _cluster(estate: Estate, name: str, handle: ClusterHandle, write_token: str) -> str:
    reading = _token(handle.tokens, "auditor")
    writing = _token(handle.tokens, write_token)
    return f"""\
  - name: {name}
    hosts: ["{handle.host}:{handle.port}"]
    token_id: "{reading}"
    token_secret_file: {_secret(estate, f"{name}-read", handle.tokens[reading])}
    write_token_id: "{writing}"
    write_token_secret_file: {_secret(estate, f"{name}-write", handle.tokens[writing])}
    tls: {{fingerprint: "{handle.fingerprint}"}}
"""


def _server(estate: Estate, index: int) -> str:
    server = estate.simulator.pbs[index]
    token = _token(server.tokens, "auditor")
    return f"""\
  - name: {server.name}
    hosts: ["{server.host}:{server.port}"]
    token_id: "{token}"
    token_secret_file: {_secret(estate, server.name, server.tokens[token])}
    tls: {{fingerprint: "{server.fingerprint}"}}
"""


def _token(tokens: Mapping[str, str], user: str) -> str:
    return next(token for token in tokens if token.startswith(f"{user}@"))


def _secret(estate: Estate, name: str, secret: str) -> str:
    path = estate.folder / f"{name}.secret"
    path.write_text(secret)
    path.chmod(0o600)
    return path.name
