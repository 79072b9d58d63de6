"""The policy in the configuration file: what it becomes, and the exact lines of what is wrong with it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest
import yaml

from exporter.config.catalog import children
from exporter.config.numbers import Limit
from exporter.config.policy import MEANING, Expected
from exporter.config.policy import Policy as PolicySection
from exporter.config.schema import config_schema
from exporter.config.scopes import FindingName, GuestName, OneGuest, Until, VmidRange, Vmids
from exporter.expectations import policy_of
from report.policy import Expectation, Policy, Rule, Scope, StoreMark, Waiver
from tests.exporter.config_files import GOOD, load, problems

DAY = 86_400
VIENNA = ZoneInfo("Europe/Vienna")


def policy(folder: Path, text: str, environment: dict[str, str] | None = None) -> Policy:
    return policy_of(load(folder, GOOD + text, environment).config)


def last_second(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=VIENNA).timestamp())


def test_without_a_policy_the_ordinary_one_holds(tmp_path: Path) -> None:
    assert policy(tmp_path, "report: {zone: Europe/Vienna}\n") == Policy(zone=VIENNA)


def test_every_expectation_can_be_given(tmp_path: Path) -> None:
    text = (
        "policy:\n  demand: false\n  demand_templates: true\n  demand_stopped: false\n  max_age: 26h\n"
        "  verified_within: 30d\n  copies: 2\n  offsite: true\n  offsite_max_age: 8d\n  encrypted: true\n"
        "  allow_excluded_volumes: scsi9, mp*\n  restore_proven_within: 365d\n"
    )
    assert policy(tmp_path, text).default == Expectation(
        demanded=False,
        templates=True,
        stopped=False,
        max_age_seconds=26 * 3600,
        verified_within_seconds=30 * DAY,
        copies=2,
        offsite=True,
        offsite_max_age_seconds=8 * DAY,
        encrypted=True,
        allowed_volumes=("scsi9", "mp*"),
        restore_proven_within_seconds=365 * DAY,
    )


def test_what_a_rule_does_not_say_is_as_in_the_policy(tmp_path: Path) -> None:
    text = (
        "policy:\n  max_age: 26h\n  copies: 2\n  encrypted: true\n  allow_excluded_volumes: [scsi9]\n  rules:\n"
        "    - name: production\n"
        "      match: {clusters: [lab], pools: [prod/web], tags: [db], names: ['db*', 'web-?'], vmids: '100-199, 300'}\n"
        "      copies: 3\n"
        "    - {name: loose, max_age: none, encrypted: false, allow_excluded_volumes: []}\n"
    )
    default = Expectation(max_age_seconds=26 * 3600, copies=2, encrypted=True, allowed_volumes=("scsi9",))
    scope = Scope(("lab",), ("prod/web",), ("db",), ("db*", "web-?"), ((100, 199), (300, 300)))
    found = policy(tmp_path, text)
    assert found.default == default
    assert found.rules == (
        Rule("production", scope, replace(default, copies=3)),
        Rule("loose", Scope(), Expectation(copies=2)),
    )


def test_every_setting_of_the_policy_may_stand_in_a_rule() -> None:
    assert list(children(Expected)) == list(MEANING)
    assert list(MEANING) == [name for name in children(PolicySection) if name in MEANING]


def test_waivers_end_with_their_last_day_in_the_zone_of_reports(tmp_path: Path) -> None:
    text = (
        "report: {zone: Europe/Vienna}\npolicy:\n  waivers:\n"
        "    - {guest: lab/104, reason: migration in progress, owner: alice, until: 2027-01-31}\n"
        "    - {match: {pools: [prod]}, finding: backup_late, reason: x, until: 2027-07-01 12:00}\n"
        "    - {match: {tags: db}, volume: scsi1, finding: volumes_excluded, reason: y, until: 2027-07-01T10:00Z}\n"
        "    - {match: {vmids: 104}, volume: mp0, reason: z, until: 2020-01-01}\n"
        "  waive_by_tag: no-backup\n  waive_in_notes: true\n"
    )
    found = policy(tmp_path, text)
    noon = last_second("2027-07-01T12:00:00")
    assert found.waivers == (
        Waiver(Scope.of_guest("lab", 104), "migration in progress", last_second("2027-01-31T23:59:59"), "alice"),
        Waiver(Scope(pools=("prod",)), "x", noon, code="backup_late"),
        Waiver(Scope(tags=("db",)), "y", noon, code="volumes_excluded", volume="scsi1"),
        Waiver(Scope(vmids=((104, 104),)), "z", last_second("2020-01-01T23:59:59"), volume="mp0"),
    )
    assert (found.waive_by_tag, found.waive_in_notes, found.zone) == ("no-backup", True, VIENNA)


def test_stores_are_marked_where_they_are_configured(tmp_path: Path) -> None:
    text = (
        "    storages:\n      - {name: nas, site: attic, media: disk}\n      - {name: cloud, offsite: true, immutable: true}\n"
        "pbs:\n  - name: vault\n    hosts: a\n    token_id: b@pbs!c\n    token_secret: x\n    site: cellar\n    offsite: true\n"
        "    datastores:\n      - {name: main}\n      - {name: tapes, site: bank, media: tape}\n      - {name: near, offsite: false}\n"
        "  - {name: plain, hosts: a, token_id: b@pbs!c, token_secret: x}\n"
    )
    found = policy(tmp_path, text)
    assert found.stores == (
        StoreMark("lab", "nas", "attic", media="disk"),
        StoreMark("lab", "cloud", offsite=True, immutable=True),
        StoreMark("vault", "", "cellar", offsite=True),
        StoreMark("vault", "main", "cellar", offsite=True),
        StoreMark("vault", "tapes", "bank", offsite=True, media="tape"),
        StoreMark("vault", "near", "cellar"),
    )
    assert found.of_store("vault", "unsaid").offsite
    assert not found.of_store("plain", "main").offsite


def test_the_policy_can_come_from_the_environment(tmp_path: Path) -> None:
    environment = {
        "VZCOVER__POLICY__MAX_AGE": "2d",
        "VZCOVER__POLICY__WAIVERS__0__GUEST": "lab/104",
        "VZCOVER__POLICY__WAIVERS__0__REASON": "why",
        "VZCOVER__POLICY__WAIVERS__0__UNTIL": "2027-01-31",
        "VZCOVER__POLICY__RULES__0__NAME": "few",
        "VZCOVER__POLICY__RULES__0__MATCH__VMIDS": "100-199, 300",
    }
    found = policy(tmp_path, "", environment)
    assert found.default.max_age_seconds == 2 * DAY
    assert [waiver.subject for waiver in found.waivers] == ["lab/104"]
    assert [str(rule.scope) for rule in found.rules] == ["vmid:100-199,300"]


def test_the_digest_tells_a_limit_that_is_lifted_from_one_that_is_not_said(tmp_path: Path) -> None:
    rule = "policy: {max_age: 26h, rules: [{name: a, max_age: %s}]}\n"
    assert load(tmp_path, GOOD + rule % "none").sha256 != load(tmp_path, GOOD + rule % "").sha256


WAIVED = "reason: x, until: 2027-01-31"
DATE = "write the last day, such as 2027-01-31, or an instant: 2027-01-31T18:00"
BAD = [
    ("max_age: 5min", 'max_age: "5min" is not a duration; write 300 (seconds), 90s, 5m, 24h or 1h30m'),
    ("max_age: 5m", "max_age: 5m is out of bounds; write a duration from 1h to 3660d, or none"),
    ("copies: 0", "copies: 0 is out of bounds; write a whole number from 1 to 99"),
    ("maxage: 5h", "maxage: no such setting; did you mean max_age?"),
    ("allow_excluded_volumes: [SCSI 1]", None),
    ("rules: {name: a}", "rules: expected a list (lines that begin with `- `), found a mapping"),
    ("rules: [{match: {}}]", "rules[0].name: missing; Name of the rule in the report; unique (text)"),
    ("rules: [{name: a}, {name: a}]", "rules[1].name: already the name of rules[0]; names are unique"),
    (
        "rules: [{name: a, match: {clusters: labb}}]",
        "rules[0].match.clusters: no configured cluster is called labb; did you mean lab?",
    ),
    (
        "rules: [{name: a, match: {cluster: lab}}]",
        "rules[0].match.cluster: no such setting; did you mean clusters?",
    ),
    ("rules: [{name: a, match: {pools: []}}]", "rules[0].match.pools: an empty list; write at least 1"),
    (
        "rules: [{name: a, match: {vmids: '200-100'}}]",
        "rules[0].match.vmids[0]: the range 200-100 is empty; write 100-200",
    ),
    ("rules: [{name: a, match: {vmids: '100,100'}}]", "rules[0].match.vmids: 100 is there twice; write it once"),
    (
        "rules: [{name: a, match: {vmids: all}}]",
        'rules[0].match.vmids[0]: "all" is no vmid; write one from 100, or a range, such as 100-199',
    ),
    (
        f"waivers: [{{match: {{}}, {WAIVED}}}]",
        "waivers[0].match: missing; say which guests are waived, such as guest: lab/104; all of them are never",
    ),
    (
        f"waivers: [{{{WAIVED}}}]",
        "waivers[0]: missing; say which guests are waived, such as guest: lab/104; all of them are never",
    ),
    (
        f"waivers: [{{match: {{pools: }}, {WAIVED}}}]",
        "waivers[0].match: missing; say which guests are waived, such as guest: lab/104; all of them are never",
    ),
    (
        f"waivers: [{{guest: lab/104, match: {{tags: a}}, {WAIVED}}}]",
        "waivers[0].guest: match and guest exclude each other; keep one",
    ),
    (
        f"waivers: [{{guest: 104, {WAIVED}}}]",
        "waivers[0].guest: expected a cluster's name, / and a vmid, such as lab/104",
    ),
    (
        f"waivers: [{{guest: attic/104, {WAIVED}}}]",
        "waivers[0].guest: no configured cluster is called attic; possible here: lab",
    ),
    (
        "waivers: [{guest: lab/104, until: 2027-01-31}]",
        "waivers[0].reason: missing; Why; the report shows it (text)",
    ),
    (
        "waivers: [{guest: lab/104, reason: x}]",
        "waivers[0].until: missing; Last day on which it holds, or the instant at which it ends, in the zone of reports "
        "(YYYY-MM-DD or YYYY-MM-DDTHH:MM)",
    ),
    ("waivers: [{guest: lab/104, reason: x, until: soon}]", f'waivers[0].until: "soon" is not a date; {DATE}'),
    (
        f"waivers: [{{guest: lab/104, finding: backup_to_old, {WAIVED}}}]",
        'waivers[0].finding: "backup_to_old" is no finding about a guest; did you mean backup_too_old?',
    ),
    (
        f"waivers: [{{guest: lab/104, finding: waiver_expired, {WAIVED}}}]",
        None,
    ),
    (
        f"waivers: [{{guest: lab/104, finding: backup_late, volume: scsi1, {WAIVED}}}]",
        "waivers[0].volume: the finding is about no single volume; remove it, or write volumes_excluded, "
        "no_volume_saved or volumes_not_in_backup",
    ),
]


@pytest.mark.parametrize(("line", "message"), BAD, ids=[line for line, _ in BAD])
def test_a_bad_policy_gives_its_line_and_what_is_right(tmp_path: Path, line: str, message: str | None) -> None:
    found = problems(tmp_path, f"{GOOD}policy:\n  {line}\n")
    assert len(found) == 1
    assert found[0].startswith("config.yaml:7: policy.")
    if message is not None:
        assert found == [f"config.yaml:7: policy.{message}"]


def test_all_that_is_wrong_with_a_policy_is_told_at_once(tmp_path: Path) -> None:
    text = (
        "pbs:\n  - name: vault\n    hosts: a\n    token_id: b@pbs!c\n    token_secret: x\n    datastores:\n"
        "      - name: main\n      - name: main\n"
        "policy:\n  max_age: 1\n  rules:\n    - match:\n        clusters: [vault, lab]\n        vmids: 1\n"
        "  waivers:\n    - until: x\n    - match:\n        pools: [a]\n      guest: lab/104\n"
    )
    assert [line.split(": ")[:2] for line in problems(tmp_path, GOOD + text)] == [
        ["config.yaml:13", "pbs[0].datastores[1].name"],
        ["config.yaml:15", "policy.max_age"],
        ["config.yaml:17", "policy.rules[0].name"],
        ["config.yaml:18", "policy.rules[0].match.clusters"],
        ["config.yaml:19", "policy.rules[0].match.vmids[0]"],
        ["config.yaml:21", "policy.waivers[0]"],
        ["config.yaml:21", "policy.waivers[0].reason"],
        ["config.yaml:21", "policy.waivers[0].until"],
        ["config.yaml:22", "policy.waivers[1].reason"],
        ["config.yaml:22", "policy.waivers[1].until"],
        ["config.yaml:24", "policy.waivers[1].guest"],
    ]


@pytest.mark.parametrize(
    "text",
    [
        *("policy: x", "policy: [x]", "policy: {rules: x}", "policy: {rules: [x]}", "policy: {waivers: [[x]]}"),
        *("policy: {rules: [{name: [], match: x}]}", "policy: {waivers: [{match: x, guest: []}]}"),
        *("policy: {rules: [{name: a, match: {clusters: {a: b}}}]}", "policy: {waivers: [{volume: [], finding: {}}]}"),
    ],
)
def test_a_policy_of_a_wrong_form_is_told_and_nothing_breaks(tmp_path: Path, text: str) -> None:
    found = problems(tmp_path, f"{GOOD}{text}\n")
    assert all(line.startswith("config.yaml:6: policy") for line in found)


GUIDE = Path(__file__).resolve().parents[2] / "docs" / "policies.md"


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(policy:.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL))
def test_what_the_guide_shows_loads(tmp_path: Path, block: str) -> None:
    assert policy(tmp_path, block) != Policy()


def test_the_schema_wants_a_waiver_to_say_which_guests() -> None:
    def valid(waiver: dict[str, str | dict[str, str]]) -> bool:
        document = yaml.safe_load(GOOD) | {"policy": {"waivers": [{"reason": "x", "until": "2027-01-31", **waiver}]}}
        return jsonschema.Draft202012Validator(config_schema()).is_valid(document)

    assert valid({"guest": "lab/104"})
    assert valid({"match": {"vmids": "100-199, 300"}})
    assert not valid({})
    assert not valid({"guest": "lab/104", "match": {"tags": "a"}})


KINDS: list[tuple[Any, str, Any]] = [
    (Vmids(), "104", VmidRange(104, 104)),
    (Vmids(), "100 - 199", VmidRange(100, 199)),
    (OneGuest(), "lab/104", GuestName("lab", 104)),
    (FindingName(), "backup_late", "backup_late"),
    (Limit(3600, DAY), "none", 0),
    (Limit(3600, DAY), "2h", 7200),
]


@pytest.mark.parametrize(("kind", "text", "value"), KINDS)
def test_values_read_and_read_back_as_shown(kind: Any, text: str, value: Any) -> None:
    assert kind.parse(text) == value
    assert kind.parse(kind.shown(value)) == value
    assert kind.parse(value) == value


@pytest.mark.parametrize("text", ["2027-01-31", "2027-01-31T18:00", "2027-01-31 18:00:00+01:00", "2027-01-31T18:00Z"])
def test_the_end_of_a_waiver_reads_back_as_shown(text: str) -> None:
    value = Until().parse(text)
    assert Until().parse(Until().shown(value)) == value
