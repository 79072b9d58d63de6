"""What doctor makes of what it saw: pure, from probes and permissions to findings, table and JSON."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from exporter.client.probe import Probe, ProbedCertificate, ProbeFailure
from exporter.client.settings import ClientSettings
from exporter.client.tls import Certificate
from exporter.doctor.examine import CLOCK_SECONDS, examine, version_finding
from exporter.doctor.findings import Check, Finding, SourceFindings, State, exit_code
from exporter.doctor.hosts import EXPIRES_SOON, host_findings
from exporter.doctor.rights import excess_finding, privilege_findings
from exporter.doctor.table import TABLE_WIDTH, render, to_json
from report.privileges import PBS, PVE
from report.readings import Permissions
from tests.exporter.collecting import settings_of
from tests.simulator_process import SimulatorHandle, running_simulator

NOW = 1_795_000_000
FINGERPRINT = ":".join(["AB"] * 32)
CERTIFICATE = ProbedCertificate(
    Certificate(FINGERPRINT, NOW + 90 * 86400, ("pve1.example.com",)), NOW - 86400, "CN=pve1", "CN=ca", False
)
GOOD = Probe("pve1.example.com", 8006, ("192.0.2.1",), "192.0.2.1", "TLSv1.3", CERTIFICATE)
SETTINGS = ClientSettings("lab", "pve", (("pve1.example.com", 8006),), "vzcover@pve!ro", "secret")


def ended(at: int) -> ProbedCertificate:
    return replace(CERTIFICATE, shown=replace(CERTIFICATE.shown, not_after=at))


def of_host(probe: Probe, **changed: object) -> dict[Check, Finding]:
    settings = replace(SETTINGS, **changed)  # type: ignore[arg-type]
    return {finding.check: finding for finding in host_findings(probe, settings, NOW)}


def test_a_host_that_is_as_configured_has_nothing_against_it() -> None:
    found = of_host(GOOD)

    assert [(check, finding.state) for check, finding in found.items()] == [
        (Check.NAME, State.FINE),
        (Check.CONNECTION, State.FINE),
        (Check.TLS, State.FINE),
        (Check.CERTIFICATE, State.FINE),
    ]
    assert found[Check.CERTIFICATE].to_copy == (f'fingerprint: "{FINGERPRINT}"',)


@pytest.mark.parametrize(
    ("failure", "check"),
    [
        (ProbeFailure.NAME, Check.NAME),
        (ProbeFailure.REFUSED, Check.CONNECTION),
        (ProbeFailure.UNREACHABLE, Check.CONNECTION),
        (ProbeFailure.TIMEOUT, Check.CONNECTION),
        (ProbeFailure.PLAIN_HTTP, Check.TLS),
        (ProbeFailure.TLS, Check.TLS),
    ],
)
def test_the_first_obstacle_is_the_last_finding(failure: ProbeFailure, check: Check) -> None:
    *before, last = host_findings(replace(GOOD, failure=failure, detail="why"), SETTINGS, NOW)

    assert (last.check, last.state) == (check, State.FAILED)
    assert "why" in last.detail
    assert last.remedy
    assert all(finding.state is State.FINE for finding in before)


@pytest.mark.parametrize(
    ("probe", "changed", "state", "words"),
    [
        (replace(GOOD, distrust="self-signed certificate"), {}, State.FAILED, "not trusted (self-signed certificate)"),
        (replace(GOOD, distrust="x"), {"fingerprints": (FINGERPRINT.lower(),)}, State.FINE, "for pve1.example.com"),
        (GOOD, {"fingerprints": ("cd" * 32,)}, State.FAILED, "not the one of tls.fingerprint"),
        (replace(GOOD, distrust="x"), {"verify": False}, State.WARNING, "not checked"),
        (replace(GOOD, certificate=ended(NOW - 1)), {}, State.WARNING, "it has ended"),
        (replace(GOOD, certificate=ended(NOW + EXPIRES_SOON - 1)), {}, State.WARNING, "it ends soon"),
        (replace(GOOD, certificate=ended(NOW + EXPIRES_SOON)), {}, State.FINE, "for pve1.example.com"),
        (replace(GOOD, certificate=None), {}, State.UNKNOWN, "could not be read"),
    ],
)
def test_a_certificate_is_judged_as_it_is_configured(
    probe: Probe, changed: dict[str, object], state: State, words: str
) -> None:
    found = of_host(probe, **changed)[Check.CERTIFICATE]

    assert found.state is state
    assert words in found.detail


AUDITED = Permissions({"/": {f"{what}.Audit": True for what in ("VM", "Sys", "Datastore", "Pool")}})


def test_a_privilege_that_a_deeper_entry_takes_away_is_missing() -> None:
    """A8: what is held on `/` with propagation does not count where an entry of its own says otherwise."""
    partly = Permissions({**AUDITED.paths, "/storage/local": {"VM.Audit": True}})

    missing = [f.subject for f in privilege_findings(PVE, "a@pve!b", partly) if f.state is State.FAILED]

    assert missing == ["Datastore.Audit on /storage"]


def test_what_is_missing_comes_with_the_commands_for_token_and_user() -> None:
    (finding,) = (
        finding
        for finding in privilege_findings(
            PBS, "vz@pbs!ro", Permissions({"/": {"Datastore.Audit": True, "Sys.Audit": True}})
        )
        if finding.state is State.FAILED
    )

    assert finding.subject == "Remote.Audit on /remote"
    assert "hides sync jobs" in finding.detail
    assert finding.to_copy == (
        "proxmox-backup-manager acl update /remote RemoteAudit --auth-id vz@pbs",
        "proxmox-backup-manager acl update /remote RemoteAudit --auth-id 'vz@pbs!ro'",
    )


def test_privileges_that_could_not_be_read_are_neither_held_nor_missing() -> None:
    assert {finding.state for finding in privilege_findings(PVE, "a@pve!b", None)} == {State.UNKNOWN}
    assert excess_finding(PVE, "a@pve!b", None) is None


@pytest.mark.parametrize(
    ("token", "permissions", "words"),
    [
        ("a@pve!b", AUDITED, "it can only read"),
        ("root@pam!b", AUDITED, "it is root@pam's; it can only read now"),
        ("a@pve!b", Permissions({"/vms/1": {"VM.Backup": True}}), "it can do more than read: VM.Backup on /vms/1"),
        (
            "root@pam!b",
            Permissions({"/": {f"Sys.W{number}": True for number in range(9)}}),
            "it is root@pam's; it can do more than read: "
            "Sys.W0 on /, Sys.W1 on /, Sys.W2 on /, Sys.W3 on /, Sys.W4 on / and 4 more",
        ),
    ],
)
def test_a_token_that_can_do_more_than_read_is_named(token: str, permissions: Permissions, words: str) -> None:
    finding = excess_finding(PVE, token, permissions)

    assert finding is not None
    assert finding.detail == words
    assert (finding.state is State.FINE) == (words == "it can only read")


def source(*states: State, usable: bool = True) -> SourceFindings:
    return SourceFindings(
        "lab", "pve", "a@pve!b", usable, tuple(Finding(Check.CLOCK, "", state, "seen") for state in states)
    )


@pytest.mark.parametrize(
    ("sources", "code"),
    [
        ([source(State.FINE)], 0),
        ([source(State.FINE, State.WARNING)], 1),
        ([source(State.FAILED)], 1),
        ([source(State.UNKNOWN)], 1),
        ([source(State.FINE), source(State.UNKNOWN, usable=False)], 1),
        ([source(State.UNKNOWN, usable=False)], 3),
    ],
)
def test_the_exit_code_tells_fine_findings_and_unusable_apart(sources: list[SourceFindings], code: int) -> None:
    assert exit_code(sources) == code


COMMAND = "pveum acl modify / --tokens 'vzcover@pve!ro' --roles PVEAuditor " + "x" * 200
SHOWN = SourceFindings(
    "lab\x1b[31m",
    "pve",
    "a@pve!b",
    True,
    (Finding(Check.PRIVILEGE, "VM.Audit on /vms", State.FAILED, "missing [red]", "grant it", (COMMAND, COMMAND)),),
)


@pytest.mark.parametrize("width", [TABLE_WIDTH, TABLE_WIDTH - 1, 40])
def test_a_command_stands_whole_and_once_on_its_line_however_narrow_it_is(width: int) -> None:
    written = io.StringIO()
    Console(file=written, width=width, color_system=None).print(*render([SHOWN], width), sep="\n", crop=False)
    lines = written.getvalue().splitlines()

    assert [line.strip() for line in lines].count(COMMAND) == 1
    assert "[red]" in " ".join(lines)
    assert "\x1b" not in " ".join(lines)


def test_the_json_says_the_same() -> None:
    document = json.loads(to_json([SHOWN], NOW))

    assert (document["schema_version"], document["created_at"], document["exit_code"]) == (1, NOW, 1)
    assert document["sources"][0]["findings"] == [
        {
            "check": "privilege",
            "subject": "VM.Audit on /vms",
            "state": "failed",
            "detail": "missing [red]",
            "remedy": "grant it",
            "to_copy": [COMMAND, COMMAND],
        }
    ]


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorHandle]:
    with running_simulator("serve", "--guests", 12, "--nodes", 2, "--pve-version", "7.4") as running:
        yield running


@pytest.mark.parametrize(
    ("ahead", "state"), [(0, State.FINE), (CLOCK_SECONDS + 9, State.WARNING), (-CLOCK_SECONDS - 9, State.WARNING)]
)
def test_clocks_that_differ_are_told_for_each_node(simulator: SimulatorHandle, ahead: int, state: State) -> None:
    (found,) = examine([settings_of(simulator)], lambda: time.time() - ahead, 10)

    clocks = {finding.subject: finding.state for finding in found.findings if finding.check is Check.CLOCK}
    assert clocks == {"pve1": state, "pve2": state}


def test_the_oldest_supported_release_is_fine(simulator: SimulatorHandle) -> None:
    (found,) = examine([settings_of(simulator)], time.time, 10)

    assert [f.state for f in found.findings if f.check is Check.VERSION] == [State.FINE]


@pytest.mark.parametrize(("told", "state"), [("7.3-1", State.WARNING), ("7.4-3", State.FINE), ("10.0.1", State.FINE)])
def test_an_older_release_is_a_warning(told: str, state: State) -> None:
    assert version_finding("pve", told).state is state


def test_a_ca_file_that_cannot_be_read_is_named(simulator: SimulatorHandle, tmp_path: Path) -> None:
    (found,) = examine([settings_of(simulator, ca_file=str(tmp_path / "none.pem"))], time.time, 10)

    assert found.findings[0].check is Check.CONFIGURATION
    assert "none.pem" in found.findings[0].detail
    assert not found.usable
