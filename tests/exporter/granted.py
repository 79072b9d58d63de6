"""A simulated world in this process whose tokens have exactly the rights that a test gives them."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from exporter.client.settings import ClientSettings
from report.privileges import PBS, PVE, NeededPrivilege
from simulator import cli, launch, privileges
from simulator.certificate import fingerprint
from simulator.faults import Faults
from simulator.model import Access, Token
from simulator.pbs import model as pbs_model
from simulator.pbs import privileges as pbs_privileges
from simulator.pbs.routes import PbsApi
from simulator.pve.routes import Api
from simulator.serving import serve_until

# the ready-made tokens that may read everything
AUDITOR = {PVE: "auditor@pve!vzcover", PBS: "auditor@pbs!vzcover"}
SECRET = "0f3c1d52-secret-9d1b"
ROLES = {
    PVE: cast(MutableMapping[str, tuple[str, ...]], privileges.ROLES),
    PBS: cast(MutableMapping[str, tuple[str, ...]], pbs_privileges.ROLES),
}


@dataclass(frozen=True)
class Grant:
    """Who has which role on which path."""

    path: str
    subject: str
    role: str
    propagate: bool = True


@dataclass(frozen=True)
class World:
    """A running cluster and backup server; `settings` are a client's, by kind, for any token that was granted something."""

    addresses: Mapping[str, tuple[str, int]]
    fingerprints: Mapping[str, str]

    def settings(self, kind: str, token_id: str) -> ClientSettings:
        return ClientSettings(
            name="lab" if kind == PVE else "vault",
            kind="pve" if kind == PVE else "pbs",
            hosts=(self.addresses[kind],),
            token_id=token_id,
            token_secret=SECRET,
            fingerprints=(self.fingerprints[kind],),
            attempts=1,
        )

    def configuration(self, tokens: Mapping[str, str]) -> str:
        """A configuration that reads both, with a token for each kind."""
        parts = []
        for kind, token in tokens.items():
            known = self.settings(kind, token)
            host, port = known.hosts[0]
            parts.append(
                f'{kind}:\n  - name: {known.name}\n    hosts: ["{host}:{port}"]\n    token_id: "{token}"\n'
                f'    token_secret: "{SECRET}"\n    tls: {{fingerprint: "{known.fingerprints[0]}"}}\n'
            )
        return "".join(parts)


@contextmanager
def world(folder: Path, grants: Mapping[str, Sequence[Grant]]) -> Iterator[World]:
    """Given grants by kind of source, run a small world in which every token named in them exists."""
    parser = cli._parser()
    options = parser.parse_args(["serve", "--guests", "12", "--pbs", "1"])
    options.faults, options.tokens = Faults({}), {AUDITOR[PVE]: SECRET}
    started = launch.made_up(options, folder)
    by_kind = {PVE: started[0], PBS: next(one for one in started if isinstance(one.server.backend, PbsApi))}
    api, pbs = by_kind[PVE].server.backend, by_kind[PBS].server.backend
    assert isinstance(api, Api)
    assert isinstance(pbs, PbsApi)
    api.cluster = replace(
        api.cluster,
        access=(*api.cluster.access, *(Access(g.path, g.subject, g.role, g.propagate) for g in grants[PVE])),
        tokens=(*api.cluster.tokens, *(Token(token, SECRET, separated=True) for token in tokens_of(grants[PVE]))),
    )
    pbs.server.access = (*pbs.server.access, *(pbs_model.Access(g.path, g.subject, g.role) for g in grants[PBS]))
    pbs.server.tokens = {**pbs.server.tokens, **dict.fromkeys([AUDITOR[PBS], *tokens_of(grants[PBS])], SECRET)}
    stop = threading.Event()
    serving = threading.Thread(target=serve_until, args=([one.server for one in started], stop))
    serving.start()
    try:
        yield World(
            {
                kind: (str(one.server.server_address[0]), int(one.server.server_address[1]))
                for kind, one in by_kind.items()
            },
            {kind: fingerprint(one.certificate) for kind, one in by_kind.items()},
        )
    finally:
        stop.set()
        serving.join(10)


def tokens_of(grants: Iterable[Grant]) -> list[str]:
    return list(dict.fromkeys(grant.subject for grant in grants if "!" in grant.subject))


def granted_rows(rows: Iterable[NeededPrivilege], token: str) -> Iterator[Grant]:
    """Give a token and its user each row's privilege on the row's path, and below only where the row asks for it."""
    for row in rows:
        for subject in (token.partition("!")[0], token):
            yield Grant(row.path, subject, only(row.privilege), row.below)


def only(privilege: str) -> str:
    """The name of the role that holds one privilege."""
    return f"Only{privilege}"


@contextmanager
def single_privilege_roles(kinds: Mapping[str, Iterable[str]]) -> Iterator[None]:
    """Make, by kind of source, a role for each of these privileges."""
    with pytest.MonkeyPatch.context() as patch:
        for kind, held in kinds.items():
            for privilege in held:
                patch.setitem(ROLES[kind], only(privilege), (privilege,))
        yield


def carried_out(commands: Iterable[str]) -> tuple[dict[str, tuple[str, ...]], list[Grant]]:
    """Given commands of a set-up, return the roles they make and what they grant; a command of another form is an error."""
    roles: dict[str, tuple[str, ...]] = {}
    grants = []
    for command in commands:
        match shlex.split(command):
            case ["pveum", "role", "add", role, "--privs", held]:
                roles[role] = tuple(held.split())
            case ["pveum", "acl", "modify", path, "--users" | "--tokens", subject, "--roles", role]:
                grants.append(Grant(path, subject, role))
            case ["proxmox-backup-manager", "acl", "update", path, role, "--auth-id", subject]:
                grants.append(Grant(path, subject, role))
            case ["pveum", "user", "add", _] | ["pveum", "user", "token", "add", _, _, "--privsep", "1"]:
                continue
            case ["proxmox-backup-manager", "user", "create", _] | [
                "proxmox-backup-manager",
                "user",
                "generate-token",
                _,
                _,
            ]:
                continue
            case other:
                raise AssertionError(f"not understood: {other}")
    return roles, grants
