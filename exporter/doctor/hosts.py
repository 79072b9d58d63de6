"""From a Probe to findings: name, connection, TLS, certificate of one host. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from exporter.client.probe import Probe, ProbeFailure
from exporter.client.settings import ClientSettings, plain_fingerprint
from exporter.doctor.findings import Check, Finding, State

DAY = 86400
# a certificate that ends sooner is worth a warning; PVE renews its own two weeks before the end
EXPIRES_SOON = 14 * DAY


@dataclass(frozen=True, slots=True)
class _Obstacle:
    """What a failed probe means: the check that it failed, in which words, and what to do."""

    check: Check
    words: str
    remedy: str


_FIREWALL = "is it up, is the port right, and does a firewall let this host through?"
_OBSTACLES = {
    ProbeFailure.NAME: _Obstacle(Check.NAME, "does not resolve", "check the host name and DNS"),
    ProbeFailure.REFUSED: _Obstacle(Check.CONNECTION, "refuses the connection", _FIREWALL),
    ProbeFailure.UNREACHABLE: _Obstacle(Check.CONNECTION, "cannot be reached", _FIREWALL),
    ProbeFailure.TIMEOUT: _Obstacle(Check.CONNECTION, "takes no connection in time", _FIREWALL),
    ProbeFailure.PLAIN_HTTP: _Obstacle(Check.TLS, "speaks no TLS", "is this the API's port?"),
    ProbeFailure.TLS: _Obstacle(
        Check.TLS, "no handshake", "is this the API's port, and does it speak TLS 1.2 or later?"
    ),
}
_RENEW = {"pve": "pvecm updatecerts --force", "pbs": "proxmox-backup-manager cert update --force"}
_SHOW = {"pve": "pvenode cert info", "pbs": "proxmox-backup-manager cert info"}


def host_findings(probe: Probe, settings: ClientSettings, now: int) -> Iterator[Finding]:
    """Given what was found at a host, how the source is configured, and now (epoch), yield the findings up to the first obstacle."""
    subject = shown_host(probe.host, probe.port)
    failure = probe.failure
    obstacle = _OBSTACLES[failure] if failure else None
    steps = (
        (Check.NAME, ", ".join(probe.addresses)),
        (Check.CONNECTION, f"{probe.address} takes it" if probe.address else ""),
        (Check.TLS, probe.tls_version or ""),
    )
    for check, seen in steps:
        if obstacle and obstacle.check is check:
            words = f"{obstacle.words} ({probe.detail})" if probe.detail else obstacle.words
            yield Finding(check, subject, State.FAILED, words, obstacle.remedy)
            return
        yield Finding(check, subject, State.FINE, seen)
    yield _certificate(probe, subject, settings, now)


def shown_host(host: str, port: int) -> str:
    """Given host and port, return `pve1:8006` or `[::1]:8006`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _certificate(probe: Probe, subject: str, settings: ClientSettings, now: int) -> Finding:
    certificate = probe.certificate
    if certificate is None:
        return Finding(Check.CERTIFICATE, subject, State.UNKNOWN, "it could not be read", "look at it on the server")
    told = f"for {_listed(certificate.names)}, until {_day(certificate.not_after)}"
    pin = f"compare the fingerprint with `{_SHOW[settings.kind]}` there, then put it into the configuration, under tls"
    state, words, remedy = State.FINE, "", ""
    if settings.fingerprints:
        known = {plain_fingerprint(fingerprint) for fingerprint in settings.fingerprints}
        if plain_fingerprint(certificate.fingerprint) not in known:
            state, words, remedy = State.FAILED, "it is not the one of tls.fingerprint", f"if it was renewed, {pin}"
    elif not settings.verify:
        state, words, remedy = State.WARNING, "it is not checked (tls.verify: false)", pin
    elif probe.distrust:
        state, words = State.FAILED, f"it is not trusted ({probe.distrust})"
        remedy = f"set tls.ca_file to the authority's certificate; or {pin}"
    if state is State.FINE and certificate.not_after - now < EXPIRES_SOON:
        ended = certificate.not_after < now
        state, words = State.WARNING, "it has ended" if ended else "it ends soon"
        remedy = f"renew it there: {_RENEW[settings.kind]}"
    setting = f'fingerprint: "{certificate.fingerprint}"'
    return Finding(Check.CERTIFICATE, subject, state, f"{words}: {told}" if words else told, remedy, (setting,))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "no name"


def _day(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%d")
