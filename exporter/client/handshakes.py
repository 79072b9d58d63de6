"""A TLS handshake that failed, in words: what was expected, what was presented, what to do."""

from __future__ import annotations

import ssl

from exporter.client.calls import Call, Failure
from exporter.client.failures import causes, clean
from exporter.client.settings import plain_fingerprint
from exporter.client.tls import Certificate, FingerprintMismatch, SourceContext, presented_certificate
from exporter.errors import FailureReason, TlsFailed, Unreachable

# X509_V_ERR_… of OpenSSL
_NOT_YET_VALID, _EXPIRED, _OTHER_NAME, _OTHER_ADDRESS = 9, 10, 62, 64
_SHOW = {"pve": "pvenode cert info", "pbs": "proxmox-backup-manager cert info"}
_RENEW = {"pve": "pvecm updatecerts --force", "pbs": "proxmox-backup-manager cert update --force"}


def tls_failure(call: Call, error: Exception, context: SourceContext, address: tuple[str, int]) -> Failure | None:
    """Given an exception, return the failure if TLS is its cause, else None.

    Where the certificate was refused it is fetched once more, to show it; so its expiry is known in any case.
    """
    cause = next((cause for cause in causes(error) if isinstance(cause, ssl.SSLError)), None)
    if cause is None or isinstance(cause, TimeoutError):
        return None
    if isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        cut = Unreachable(
            call.settings.label, call.path, f"{call.host}: the connection was cut", reason=FailureReason.RESET
        )
        return Failure(cut, transient=True, elsewhere=True)
    if isinstance(cause, FingerprintMismatch):
        detail, remedy = _other_fingerprint(call, cause)
    elif isinstance(cause, ssl.SSLCertVerificationError):
        timeout = min(call.settings.connect_timeout, call.deadline.remaining())
        presented = presented_certificate(*address, timeout=timeout) if timeout > 0 else None
        context.certificate = presented or context.certificate
        detail, remedy = _not_trusted(call, cause, presented)
    else:
        detail = f"{call.host}: {clean(call, cause.reason or str(cause))}"
        remedy = "is this the API's port, and does it speak TLS 1.2 or later?"
    return Failure(TlsFailed(call.settings.label, call.path, detail, remedy), elsewhere=True)


def ca_file_failure(call: Call, error: OSError) -> Failure:
    """Given what went wrong with the CA file, return that failure."""
    problem = "no certificate in it" if isinstance(error, ssl.SSLError) else error.strerror
    remedy = "ca_file must be a readable PEM file, such as a copy of /etc/pve/pve-root-ca.pem"
    return Failure(TlsFailed(call.settings.label, call.path, f"ca_file {call.settings.ca_file}: {problem}", remedy))


def _other_fingerprint(call: Call, mismatch: FingerprintMismatch) -> tuple[str, str]:
    expected = " or ".join(
        bytes.fromhex(plain_fingerprint(fingerprint)).hex(":").upper() for fingerprint in call.settings.fingerprints
    )
    return (
        f"{call.host}: certificate fingerprint {mismatch.presented} presented, {expected} expected",
        f"if the certificate was renewed, compare with `{_SHOW[call.settings.kind]}` there and set `fingerprint` to it",
    )


def _not_trusted(call: Call, error: ssl.SSLCertVerificationError, presented: Certificate | None) -> tuple[str, str]:
    fingerprint = presented.fingerprint if presented else "(unknown: the server did not show it again)"
    pin = f"compare {fingerprint} with `{_SHOW[call.settings.kind]}` there and set `fingerprint` to it"
    if error.verify_code == _EXPIRED:
        since = f" on {presented.expiry}" if presented else ""
        return f"{call.host}: the certificate expired{since}", f"renew it there: {_RENEW[call.settings.kind]}"
    if error.verify_code == _NOT_YET_VALID:
        return f"{call.host}: the certificate is not valid yet", "check the clocks of both hosts"
    if error.verify_code in (_OTHER_NAME, _OTHER_ADDRESS):
        names = ", ".join(presented.names) if presented and presented.names else "no name"
        return f"{call.host}: the certificate is for {names}", f"configure one of these as host; or {pin}"
    return (
        f"{call.host}: the certificate is not signed by a known authority ({error.verify_message}), its SHA-256 fingerprint "
        f"is {fingerprint}",
        f"set `ca_file` to the authority's certificate; or {pin}",
    )
