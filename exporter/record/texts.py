"""Messages of servers: only words that Proxmox itself writes stay, names become their other names, anything else is blotted out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

BLOT = "…"
# words of genuine messages; what is not among them may be anybody's
_WORDS = """
a abort aborted aborting activate additional address admin agent all allocate allow already an and any api2 appears
archive are at authentication available backing backup backups bad be been bios broken but by cannot check chunk
chunks client clone cluster code command config configuration configured connect connection content could
credentials ct data datastore datastores defined device did direction directory disabled disk does domain down due
efidisk empty end enoent entry enumeration err error errors exist exit expired failed fetching file files find
finished for forbidden found freeze from full gateway get got great group groups guest has have host hostname http
id ignored implemented in info information input inserting internal interrupt interrupted invalid is it job jobs
json kept kill killed left local lock locked log login lookup lost maintenance match memory message method migrate
missing mode mounted namespace namespaces network no node nodes not offline ok older on one online only open
operation option options or os out output ovmf parameter password path pattern permission permissions pipe pipelined
pool prepare properties property proxy prune pruning qmp querying read reason refused regex remote removed request
requested reset response resume retention rollback route running schema send server service signal size skip
snapshot some space started starting status stop stopped storage storages store strange success successfully such
supported suspended suspending sync task template temporary thaw the ticket time timed timeout to token type unable
unauthorized unexpected unknown up update upload use user validation value verification verify version vm volume
vzdump warnings was while with without write yes you your zone
"""
WORDS = frozenset(_WORDS.split())
# those that our own program looks for stay, whatever somebody has named so
_READ_BY_US = frozenset({"pool", "does", "not", "exist", "strange", "vm", "id", "missing", "on", "warnings", "ok"})
_TOKEN = re.compile(
    r"""UPID:\S+
    | (?<![\w.])/[^\s'",;:()]*
    | [\w.+-]+@[\w.-]+(?:![\w.-]+)?
    | [0-9]{1,3}(?:\.[0-9]{1,3}){3}
    | [\w.+-]+""",
    re.VERBOSE,
)
_PRIVILEGE = re.compile(r"[A-Z][A-Za-z]+\.[A-Z][A-Za-z]+")
_NUMBER = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Texts:
    """`names`: what is known, by original; `path`, `upid` rename what they are called for."""

    names: Mapping[str, str]
    path: Callable[[str], str]
    upid: Callable[[str], str]

    def scrub(self, text: str) -> str:
        """Given a message, return what may be shown of it."""
        return _TOKEN.sub(lambda found: self._token(found[0]), text)

    def _token(self, token: str) -> str:
        if token.startswith("UPID:"):
            return self.upid(token)
        if token.startswith("/"):
            return self.path(token)
        if token.lower() in _READ_BY_US or _NUMBER.fullmatch(token) or _PRIVILEGE.fullmatch(token):
            return token
        bare = token.rstrip(".")
        if not any(character.isalnum() for character in bare):
            return token
        if bare in self.names:
            return self.names[bare] + token[len(bare) :]
        return token if all(word in WORDS for word in bare.lower().split("-")) else BLOT
