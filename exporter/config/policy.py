"""The sections of the policy: what is expected of which guests, what is waived, and what no API tells of a store.

`exporter.expectations` makes report.policy.Policy of them; what one setting alone cannot show is checked in `policy_checks`.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from exporter.config.kinds import ListOf
from exporter.config.numbers import Flag, Limit, Whole
from exporter.config.scopes import FindingName, GuestName, OneGuest, Until, VmidRange, Vmids
from exporter.config.section import DAY, HOUR, Section, SourceName
from exporter.config.texts import AnyText, Pattern

LONGEST = 3660 * DAY


POOL = Pattern(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,2}", "the name of a pool, at most 3 deep", "prod/web")
TAG = Pattern(r"[^\s;,]+", "a tag without blanks, commas and semicolons", "no-backup")
VOLUME = Pattern(r"[a-z]+[0-9]*", "a disk or mount point as the guest's configuration names it", "scsi1")
VOLUMES = Pattern(r"[a-z0-9*?\[\]!-]+", "a disk or mount point, * and ? stand for any characters", "mp*")
STORE = Pattern(r"[A-Za-z0-9_][A-Za-z0-9._-]*", "letters, digits, - _ and .", "main")


Answer = Annotated[bool | None, Flag()]
Age = Annotated[int | None, Limit(HOUR, LONGEST)]
Copies = Annotated[int | None, Whole(1, 99)]
Volumes = Annotated[tuple[Annotated[str, VOLUMES], ...] | None, ListOf(0)]

# the same for the policy itself and for its rules
MEANING = {
    "demand": "Whether backups are demanded at all; if not the guests are waived and counted apart.",
    "demand_templates": "Whether templates must be covered too; if not they are waived and counted apart.",
    "demand_stopped": "Whether guests that are stopped must be covered too; templates have their own setting.",
    "max_age": "Greatest age of the newest usable backup; none: as the schedules of the guest's jobs promise.",
    "verified_within": "Greatest age of the newest backup that was verified where it lies and found good; none: not asked.",
    "copies": "Stores that must hold a backup that is recent enough.",
    "offsite": "Whether one of them must be a store that is marked off-site.",
    "offsite_max_age": "Greatest age of the newest off-site backup; none: as for any copy.",
    "encrypted": "Whether backups must be encrypted by the client.",
    "allow_excluded_volumes": "Volumes that may be left out of the backups; * and ? stand for any characters.",
    "restore_proven_within": "Greatest age of the newest proof that a restore worked; none: not asked.",
}


def _said(name: str, default: object = None) -> Any:
    return Field(default=default, description=MEANING[name])


class Expected(Section):
    """What can be expected of backups; what is not given is not said."""

    demand: Answer = _said("demand")
    demand_templates: Answer = _said("demand_templates")
    demand_stopped: Answer = _said("demand_stopped")
    max_age: Age = _said("max_age")
    verified_within: Age = _said("verified_within")
    copies: Copies = _said("copies")
    offsite: Answer = _said("offsite")
    offsite_max_age: Age = _said("offsite_max_age")
    encrypted: Answer = _said("encrypted")
    allow_excluded_volumes: Volumes = _said("allow_excluded_volumes")
    restore_proven_within: Age = _said("restore_proven_within")


class Match(Section):
    """Which guests are meant: those that match each key that is given; of several values of a key one is enough."""

    clusters: Annotated[tuple[SourceName, ...], ListOf()] = Field(
        default=(), description="Guests of these configured clusters."
    )
    pools: Annotated[tuple[Annotated[str, POOL], ...], ListOf()] = Field(
        default=(), description="Guests in these pools, or in pools below them."
    )
    tags: Annotated[tuple[Annotated[str, TAG], ...], ListOf()] = Field(
        default=(), description="Guests with one of these tags."
    )
    names: Annotated[tuple[Annotated[str, AnyText()], ...], ListOf()] = Field(
        default=(), description="Guests with such a name; * and ? stand for any characters, capitals matter."
    )
    vmids: Annotated[tuple[Annotated[VmidRange, Vmids()], ...], ListOf()] = Field(
        default=(), description="Guests with these vmids; both ends of a range are meant."
    )


class Named(Section):
    """The head of a rule; a base of its own so that it stands before the expectations."""

    name: Annotated[str, AnyText()] = Field(description="Name of the rule in the report; unique.")
    match: Match = Field(default=Match(), description="Guests that are meant; none given: all that are left.")


class Rule(Expected, Named):
    """Expectations for some guests; what is not given is as in the policy itself. The first rule that matches a guest holds."""


class Waiver(Section):
    """An exception for some guests: the guest as a whole, one finding or one volume of it, for a reason and until a day."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["match"]}, {"required": ["guest"]}]})

    match: Match | None = Field(default=None, description="Guests that are meant.")
    guest: Annotated[GuestName | None, OneGuest()] = Field(
        default=None, description="The one guest that is meant; in place of match."
    )
    finding: Annotated[str | None, FindingName()] = Field(
        default=None, description="The finding that does not count; none: the guests as a whole are waived."
    )
    volume: Annotated[str | None, VOLUME] = Field(
        default=None, description="The volume that may be missing in the backups; the others still count."
    )
    reason: Annotated[str, AnyText()] = Field(description="Why; the report shows it.")
    owner: Annotated[str, AnyText()] = Field(default="", description="Who answers for it.")
    until: Annotated[date, Until()] = Field(
        description="Last day on which it holds, or the instant at which it ends, in the zone of reports."
    )


class Policy(Expected):
    """What is expected of the backups: docs/policies.md."""

    demand: Answer = _said("demand", True)
    demand_templates: Answer = _said("demand_templates", False)
    demand_stopped: Answer = _said("demand_stopped", True)
    max_age: Age = _said("max_age", 0)
    verified_within: Age = _said("verified_within", 0)
    copies: Copies = _said("copies", 1)
    offsite: Answer = _said("offsite", False)
    offsite_max_age: Age = _said("offsite_max_age", 0)
    encrypted: Answer = _said("encrypted", False)
    allow_excluded_volumes: Volumes = _said("allow_excluded_volumes", ())
    restore_proven_within: Age = _said("restore_proven_within", 0)
    rules: tuple[Rule, ...] = Field(default=(), description="Other expectations for some guests.")
    waivers: tuple[Waiver, ...] = Field(default=(), description="Exceptions with a reason and an end.")
    waive_by_tag: Annotated[str | None, TAG] = Field(
        default=None, description="Tag that waives a guest as a whole, without an end."
    )
    waive_in_notes: Annotated[bool, Flag()] = Field(
        default=False, description="Whether a line `vzcover: waive until=… reason=…` in a guest's notes is a waiver."
    )


class StoreMark(Section):
    """What no API tells of a store."""

    name: Annotated[str, STORE] = Field(description="Name of the storage, or of the datastore.")
    site: Annotated[str | None, AnyText()] = Field(
        default=None, description="Where it stands; not given for a datastore: as its server."
    )
    offsite: Answer = Field(
        default=None,
        description="Whether that is another place than the guests': its backups count as off-site copies; "
        "not given for a datastore: as its server.",
    )
    media: Annotated[str | None, AnyText()] = Field(
        default=None, description="What it is made of, such as disk or tape."
    )
    immutable: Answer = Field(
        default=None, description="Whether nobody can change or remove backups in it before their time."
    )
