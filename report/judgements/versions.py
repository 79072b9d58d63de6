"""Does each group hold as many versions as schedule and policy would have left? Information only: retention has its own report (E34)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from report.backups import place_name
from report.evidence import Judgement
from report.findings import Finding, FindingCode
from report.model.groups import GroupReport, RetentionState

_CODES = {RetentionState.SHORT: FindingCode.VERSIONS_MISSING, RetentionState.EXCESS: FindingCode.VERSIONS_SURPLUS}


def judge_versions(groups: Iterable[GroupReport]) -> Judgement:
    """Given a guest's groups as they were judged (E34), return where versions are missing or too many."""
    return Judgement(tuple(_findings(groups)))


def _findings(groups: Iterable[GroupReport]) -> Iterator[Finding]:
    for group in groups:
        if group.state in _CODES and group.expected is not None and group.actual is not None:
            place = place_name(group.server, group.datastore, group.namespace)
            yield Finding.of(_CODES[group.state], place, place=place, expected=group.expected, actual=group.actual)
