"""The ready-made tokens and what they may do (A8)."""

from __future__ import annotations

import hashlib
import uuid

from simulator.model import Access, Token

AUDITOR, LIMITED, NOTHING = "auditor@pve!vzcover", "limited@pve!vzcover", "nobody@pve!vzcover"
WRITER, ROOT = "vzcover-apply@pve!storages", "root@pam!full"


def make_tokens(seed: int) -> tuple[Token, ...]:
    """An auditor's token, one that sees some guests only, one without rights of its own, and two that may write.

    Of those, one may write storage entries and nothing else; the other is of root@pam. Secrets come from the seed.
    """
    return (
        Token(AUDITOR, _secret(seed, AUDITOR), separated=True),
        Token(LIMITED, _secret(seed, LIMITED)),
        Token(NOTHING, _secret(seed, NOTHING), separated=True),
        Token(WRITER, _secret(seed, WRITER), separated=True),
        Token(ROOT, _secret(seed, ROOT)),
    )


def _secret(seed: int, identity: str) -> str:
    return str(uuid.UUID(bytes=hashlib.sha256(f"{seed} {identity}".encode()).digest()[:16], version=4))


def auditor(identity: str) -> tuple[Access, ...]:
    """The entries that make a token with separated rights an auditor of everything."""
    return (Access("/", identity, "PVEAuditor"), Access("/", identity.partition("!")[0], "PVEAuditor"))


def make_access() -> tuple[Access, ...]:
    """The limited user has the auditor's role on `/` itself, on one pool with those below it, and on one storage."""
    user = LIMITED.partition("!")[0]
    return (
        *auditor(AUDITOR),
        Access("/", user, "PVEAuditor", propagate=False),
        Access("/pool/prod", user, "PVEAuditor"),
        Access("/storage/pbs-main", user, "PVEDatastoreUser"),
        Access("/", NOTHING.partition("!")[0], "PVEAuditor"),
        Access("/storage", WRITER, "PVEDatastoreAdmin"),
        Access("/storage", WRITER.partition("!")[0], "PVEDatastoreAdmin"),
        Access("/", ROOT.partition("!")[0], "Administrator"),
    )
