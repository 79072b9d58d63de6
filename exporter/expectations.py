"""The configured policy → report.policy.Policy: what the operator expects, in the form that facts are judged by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from exporter.config.model import Config
from exporter.config.policy import Expected, Match
from exporter.config.policy import StoreMark as StoreSection
from exporter.config.policy import Waiver as WaiverSection
from report.policy import Expectation, Policy, Rule, Scope, StoreMark, Waiver, end_of

# setting → attribute of the expectation
_AS_WRITTEN = {
    "demand": "demanded",
    "demand_templates": "templates",
    "demand_stopped": "stopped",
    "copies": "copies",
    "offsite": "offsite",
    "encrypted": "encrypted",
    "allow_excluded_volumes": "allowed_volumes",
}
# `none` is held as 0 there, and as None here
_LIMITS = {
    "max_age": "max_age_seconds",
    "verified_within": "verified_within_seconds",
    "offsite_max_age": "offsite_max_age_seconds",
    "restore_proven_within": "restore_proven_within_seconds",
}


def policy_of(config: Config) -> Policy:
    """Given a configuration, return what the operator expects; days end in the zone of reports."""
    settings, zone = config.policy, config.report.zone_info
    default = _expectation(settings, Expectation())
    return Policy(
        default=default,
        rules=tuple(Rule(rule.name, scope_of(rule.match), _expectation(rule, default)) for rule in settings.rules),
        waivers=tuple(_waiver(waiver, zone) for waiver in settings.waivers),
        stores=tuple(_stores(config)),
        waive_by_tag=settings.waive_by_tag or "",
        waive_in_notes=settings.waive_in_notes,
        zone=zone,
    )


def _expectation(said: Expected, default: Expectation) -> Expectation:
    """Given what is said and what holds otherwise, return the expectation."""
    given: dict[str, Any] = {}
    for setting, attribute in (_AS_WRITTEN | _LIMITS).items():
        value = getattr(said, setting)
        if value is not None:
            given[attribute] = value or None if setting in _LIMITS else value
    return replace(default, **given)


def scope_of(match: Match) -> Scope:
    """Given guests as the configuration names them, return the scope."""
    vmids = tuple((vmids.low, vmids.high) for vmids in match.vmids)
    return Scope(match.clusters, match.pools, match.tags, match.names, vmids)


def _waiver(said: WaiverSection, zone: ZoneInfo) -> Waiver:
    scope = Scope.of_guest(said.guest.cluster, said.guest.vmid) if said.guest else scope_of(said.match or Match())
    until = end_of(said.until, zone)
    return Waiver(scope, said.reason, until, said.owner, said.finding or "", said.volume or "")


def _stores(config: Config) -> Iterator[StoreMark]:
    for cluster in config.pve:
        for storage in cluster.storages:
            yield _mark(storage, StoreMark(cluster.name))
    for server in config.pbs:
        whole = StoreMark(server.name, site=server.site or "", offsite=server.offsite)
        if server.site or server.offsite:
            yield whole
        for datastore in server.datastores:
            yield _mark(datastore, whole)


def _mark(said: StoreSection, server: StoreMark) -> StoreMark:
    """Given what is said of a store and of its server, return the store's mark: what is not said is the server's."""
    return StoreMark(
        server.server,
        said.name,
        said.site or server.site,
        server.offsite if said.offsite is None else said.offsite,
        said.media or "",
        said.immutable or False,
    )
