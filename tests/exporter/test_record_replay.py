"""A recording of the simulator, replayed: the same verdicts under other names, and nothing of the old ones left in it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from exporter.app import build_gatherer, refresh_once
from exporter.client.answered import Answered
from exporter.config.load import load_config
from exporter.counters import Counters
from exporter.record.texts import WORDS
from report.model.report import Report
from tests.processes import run, write_config
from tests.simulator_process import SimulatorHandle, running_simulator

# values that are words of the API, besides keys and the words of messages
_VALUES = """
Audit Europe GuestAgent Mapping Modify Proxmox SDN Sys UPID Vienna access aptupdate backed-up backup-info blob
catalog cdrom conf creating creation-qemu daily datastore-usage debian defaults didx dir discard efitype encrypt
false fidx fri garbage_collection hourly identity images img included_volumes index iothread iso keep keep-all
l26 localhost lvmthin lxc media mon monthly new nfs none not-backed-up now null openvz pam pbs pct
pre-enrolled-keys prunebackups prunejob pxar qemu qemu-server qmrestore read-only recovering renamed resources
restore restoring root rootdir sat sdn sign-only signed snapshots sun suspend sync-direction syncjob system tar
tasks thu true tue verificationjob vma vms vzrestore vztmpl wed weekly zst
"""
VOCABULARY = frozenset(_VALUES.split())
# disks, archives and jobs of PVE's own naming, and what follows an escaped character
FORMS = re.compile(
    r"(?:vm|base)-[0-9]+-(?:disk-[0-9]+|cloudinit)|vzdump-[a-z]+-[0-9]+-[0-9_-]+|x3a(?:vm|ct)-[0-9]+|(?:drive-)?[a-z]+[0-9]"
)


@dataclass(frozen=True)
class Made:
    """A recording, what was judged while it was made, what its replay is judged as, the words and keys of the genuine answers, and what
    must not be in it.
    """

    folder: Path
    original: Report
    replayed: Report
    raw: frozenset[str]
    keys: frozenset[str]
    forbidden: frozenset[str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    home = tmp_path_factory.mktemp("recorded")
    now = int(time.time())
    with running_simulator("serve", "--guests", 24, "--pbs", 2, "--now", now) as simulator:
        config = configuration(home, simulator)
        folder = home / "recording"
        ended = run("record", folder, "--config", config, "--now", now)
        assert (ended.returncode, ended.stderr) == (0, "")
        original = refresh_once(load_config(config, {}), now)
        answers = raw_answers(config, now)
        raw = words("\n".join(f"{unquote(each.path)} {each.body.decode()} {each.reason}" for each in answers))
        forbidden = identities(simulator)
    with ExitStack() as stack:
        for name, listen in re.findall(r"name: (\S+)\n    hosts: \[\"(.+)\"\]", (folder / "config.yaml").read_text()):
            replay = stack.enter_context(running_simulator("replay", folder / name, "--listen", listen))
            assert replay.clock["now"] == now
        replayed = refresh_once(load_config(folder / "config.yaml", {}), now)
        yield Made(folder, original, replayed, raw, keys_in(answers), forbidden)


def configuration(home: Path, simulator: SimulatorHandle) -> Path:
    """Read the cluster and both servers."""
    more = "pbs:\n"
    for server in simulator.pbs:
        token, secret = next(pair for pair in server.tokens.items() if pair[0].startswith("auditor@"))
        (home / f"{server.name}.secret").write_text(secret)
        (home / f"{server.name}.secret").chmod(0o600)
        more += (
            f'  - name: vault-{server.name}\n    hosts: ["{server.host}:{server.port}"]\n    token_id: "{token}"\n'
            f'    token_secret_file: {server.name}.secret\n    tls: {{fingerprint: "{server.fingerprint}"}}\n'
        )
    return write_config(home, simulator, more=more).path


def identities(simulator: SimulatorHandle) -> frozenset[str]:
    """Secrets, accounts, addresses and fingerprints."""
    found = {f'"{simulator.host}', "192.0.2."}
    for endpoint in (simulator, *simulator.pbs):
        plain = endpoint.fingerprint.replace(":", "").lower()
        found |= {
            endpoint.fingerprint,
            endpoint.fingerprint.lower(),
            plain,
            *endpoint.tokens,
            *endpoint.tokens.values(),
        }
    return frozenset(found | {password for server in simulator.pbs for password in server.passwords.values()})


def raw_answers(config: Path, now: int) -> list[Answered]:
    """What the servers answer, as it comes."""
    answers: list[Answered] = []
    gatherer = build_gatherer(
        load_config(config, {}).config, Counters(), observe=lambda _, answer: answers.append(answer)
    )
    try:
        gatherer.gather(now)
    finally:
        gatherer.close()
    return answers


def keys_in(answers: list[Answered]) -> frozenset[str]:
    """The keys of all objects; those of permissions are paths, and no words of the API."""

    def keys(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            yield from value
        for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from keys(each)

    bodies = [json.loads(each.body) for each in answers if each.status == 200 and each.path != "/access/permissions"]
    return frozenset(key for body in bodies for key in keys(body))


def words(text: str) -> frozenset[str]:
    """Words in the order they stand, numbers left out; `\\u00e9` of JSON is what it stands for."""
    plain = re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)
    return frozenset(word for word in re.findall(r"(?<![\w-])[^\W\d_][\w-]{2,}", plain))


def test_the_verdicts_of_the_replay_are_those_of_the_original(made: Made) -> None:
    def verdicts(report: Report) -> list[Any]:
        return [
            (
                g.guest.vmid,
                g.coverage,
                g.protection,
                [reason.code for reason in g.reasons],
                [str(f.code) for f in g.findings],
            )
            for g in sorted(report.guests, key=lambda guest: guest.guest.vmid)
        ]

    assert verdicts(made.replayed) == verdicts(made.original)
    assert len({guest.protection for guest in made.original.guests}) > 1


def test_so_is_everything_else_that_has_no_name(made: Made) -> None:
    def shape(report: Report) -> dict[str, Any]:
        return {
            "summary": report.summary,
            "issues": [issue.code for issue in report.issues],
            "sources": sorted((source.kind, source.version, source.up) for source in report.sources),
            "jobs": sorted((job.state, job.job.schedule or "", str(job.job.keep)) for job in report.jobs),
            "storages": len(report.storages),
            "datastores": sorted((store.state, str(store.groups), str(store.snapshots)) for store in report.datastores),
            "groups": sorted(
                (
                    group.backup_type,
                    str(group.match),
                    group.snapshots,
                    str(group.state),
                    str(group.expected),
                )
                for group in report.groups
            ),
        }

    assert shape(made.replayed) == shape(made.original)


def test_the_references_between_sources_still_match(made: Made) -> None:
    for report in (made.original, made.replayed):
        assert any(guest.protection == "protected" for guest in report.guests)
    assert {guest.guest.name for guest in made.replayed.guests}.isdisjoint(g.guest.name for g in made.original.guests)


def test_nothing_of_the_original_is_left_but_the_vocabulary_of_the_api(made: Made) -> None:
    files = list(made.folder.rglob("*.json"))
    left = words("\n".join([*(path.read_text() for path in files), *(path.name for path in files)])) & made.raw

    assert len(made.raw - left) > 100
    foreign = {word for word in left - made.keys - VOCABULARY if word.lower() not in WORDS}
    assert sorted(word for word in foreign if not FORMS.fullmatch(word)) == []


def test_no_secret_account_address_or_fingerprint_is_left(made: Made) -> None:
    text = "\n".join(path.read_text() for path in made.folder.rglob("*.json"))

    assert [word for word in made.forbidden if word in text] == []


def test_every_file_says_what_was_asked_and_no_header_is_in_it(made: Made) -> None:
    for path in made.folder.glob("*/*.json"):
        document = json.loads(path.read_text())
        assert set(document) == {"request", "status", "reason", "content_type", "body"}
        assert set(document["request"]) == {"method", "path", "params"}
        assert document["request"]["method"] == "GET"
