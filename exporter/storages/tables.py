"""Checks, plans and states as sections of rows, which `exporter.terminal` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from exporter.storages.apply import Outcome
from exporter.storages.checks import Check, Grade
from exporter.storages.entries import ClusterStorages, Desired
from exporter.storages.plan import Action, Change, Plan
from report.drift import drift_of
from report.facts import StorageDefinition
from report.sections import Column, Row, Section
from report.sharing import Shared
from report.storage_options import PBS, FieldChange
from report.wording.formats import format_bytes

# the marks of exporter.terminal
MARKS = {
    Grade.GOOD: "active",
    Grade.WARNING: "at_risk",
    Grade.BAD: "unprotected",
    Grade.UNREACHABLE: "unprotected",
    Grade.UNKNOWN: "unknown",
    Action.CREATE: "create",
    Action.UPDATE: "update",
    Action.MANUAL: "unprotected",
    Action.UNKNOWN: "unknown",
    Action.UNCHANGED: "active",
}
SHARED = "two clusters write to one place, and mix or block each other's backups"
IN_FILE = "in file"
SEPARATE = "give each cluster a namespace of its own, or say --share-namespace"


def checks_section(checks: Sequence[Check], verbose: bool) -> Section:
    """Given checks, return those that came out badly, or all of them, with a sentence that counts."""
    shown = [check for check in checks if verbose or check.grade is not Grade.GOOD]
    rows = [
        Row((check.entry, ", ".join(check.clusters), check.what, check.message, check.remedy), MARKS[check.grade])
        for check in shown
    ]
    bad = sum(check.grade is not Grade.GOOD for check in checks)
    entries = len({(check.entry, check.clusters) for check in checks})
    sentence = f"{_count(entries, 'entry', 'entries')} checked, {_count(bad, 'finding', 'findings')}"
    return _section(("entry", "clusters", "check", "result", "what to do"), rows, (sentence,))


def plan_section(plan: Plan) -> Section:
    """Given a plan, return all that is not as it should be, shared namespaces first, with a sentence that counts."""
    rows = [_shared_row(shared) for shared in plan.shared]
    rows += [_plan_row(change) for change in plan.changes if change.action is not Action.UNCHANGED]
    rows += [
        Row((advice.entry, ", ".join(advice.clusters), "advice", advice.message, advice.remedy), MARKS[Grade.WARNING])
        for advice in plan.advice
    ]
    counts = {action: sum(change.action is action for change in plan.changes) for action in Action}
    if plan.in_line:
        sentence = f"PVE is in line with the file: {_count(len(plan.changes), 'entry', 'entries')}, nothing to change"
    else:
        sentence = (
            f"{counts[Action.CREATE]} to create, {counts[Action.UPDATE]} to update, {counts[Action.MANUAL]} to do by hand, "
            f"{counts[Action.UNKNOWN]} unknown, {counts[Action.UNCHANGED]} in line"
        )
    return _section(("entry", "cluster", "action", "change", "what to do"), rows, (sentence,))


def _shared_row(shared: Shared) -> Row:
    names = ", ".join(dict.fromkeys(name for _, name in shared.entries))
    clusters = ", ".join(dict.fromkeys(cluster for cluster, _ in shared.entries))
    return Row((names, clusters, "CRITICAL", f"{SHARED}: {shared.place}", SEPARATE), MARKS[Grade.BAD])


def shared_checks(shared: Sequence[Shared]) -> tuple[Check, ...]:
    """Given shared namespaces, return them as checks that failed."""
    return tuple(
        Check(
            ", ".join(dict.fromkeys(name for _, name in one.entries)),
            tuple(dict.fromkeys(cluster for cluster, _ in one.entries)),
            "CRITICAL",
            Grade.BAD,
            f"{SHARED}: {one.place}",
            SEPARATE,
        )
        for one in shared
    )


def _plan_row(change: Change) -> Row:
    lines = [change.reason] if change.reason else []
    if change.manual is not None:
        lines.append(change.manual.reason)
    lines += [shown_field(field, create=change.action is Action.CREATE) for field in change.fields]
    if change.action is Action.CREATE:
        secret = "from " + change.desired.password if change.desired.password else "none"
        lines.append(f"password: {secret}")
        lines += ["encryption key: PVE makes one"] if change.desired.new_key else []
    else:
        lines += change.remarks
    remedies = [f"warning: {warning}" for warning in change.warnings]
    if change.manual is not None:
        remedies += [f"{number}. {step}" for number, step in enumerate(change.manual.steps, 1)]
        if change.manual.losses:
            remedies.append(f"deleting it in PVE would lose: {', '.join(change.manual.losses)}")
        if change.manual.jobs:
            remedies.append(f"jobs that refer to it: {', '.join(change.manual.jobs)}")
    return Row(
        (change.name, change.cluster, change.action, "\n".join(lines), "\n".join(remedies)), MARKS[change.action]
    )


def shown_field(field: FieldChange, create: bool = False) -> str:
    """Given a difference, return `port: 8008 → 8007`; of something new only what it will be."""
    after = field.after or "not set"
    return f"{field.option}: {after}" if create else f"{field.option}: {field.before or 'not set'} → {after}"


def status_section(
    desired: Sequence[Desired], actual: Mapping[str, ClusterStorages], unreadable: Mapping[str, str]
) -> Section:
    """Given what the file wants, what each cluster that answered has, and why others did not, return every PBS entry of file and PVE."""
    rows = [row for cluster in actual.values() for row in _status_rows(desired, cluster)]
    rows += [
        Row((entry.name, entry.cluster, "?", IN_FILE, "the cluster could not be read", ""), MARKS[Grade.UNKNOWN])
        for entry in desired
        if entry.cluster in unreadable
    ]
    astray = sum(row.state not in ("active", "") for row in rows)
    sentence = f"{_count(len(rows), 'entry', 'entries')}, {astray} not in line with the file or not active"
    return _section(("entry", "cluster", "usage", "file", "state", "what to do"), rows, (sentence,))


def _status_rows(desired: Sequence[Desired], cluster: ClusterStorages) -> Iterator[Row]:
    wanted = {entry.name: entry for entry in desired if entry.cluster == cluster.cluster}
    for storage in cluster.storages:
        if storage.storage_type == PBS or storage.storage in wanted:
            yield _status_row(storage, wanted.get(storage.storage), cluster)
    for name in wanted:
        if cluster.find(name) is None:
            unseen = "not in PVE" if cluster.all_visible else "not visible to the token"
            state = MARKS[Grade.BAD if cluster.all_visible else Grade.UNKNOWN]
            yield Row((name, cluster.cluster, "-", IN_FILE, unseen, "vzcover storages plan"), state)


def _status_row(storage: StorageDefinition, wanted: Desired | None, cluster: ClusterStorages) -> Row:
    states = [state for state in cluster.states if state.storage == storage.storage]
    active = ", ".join(state.node for state in states if state.active)
    idle = "" if storage.disabled else ", ".join(state.node for state in states if not state.active)
    seen = [f"active on {active}"] if active else []
    seen += [f"not active on {idle}"] if idle else []
    lines = ["disabled" if storage.disabled else ", ".join(["enabled", *(seen or ["no node told"])])]
    found = drift_of(wanted, cluster.find(wanted.name)) if wanted else ()
    lines += [f"{one.field} is {one.found or 'not set'}, the file says {one.wanted or 'not set'}" for one in found]
    remedies = ["vzcover storages plan"] if found else []
    remedies += [f"on {idle}: pvesm status --storage {storage.storage}"] if idle else []
    cells = (
        storage.storage,
        cluster.cluster,
        next((_usage(state.used_bytes, state.total_bytes) for state in states if state.total_bytes), "?"),
        IN_FILE if wanted else "not in file",
        "\n".join(lines),
        "\n".join(remedies),
    )
    grade = Grade.BAD if idle else Grade.WARNING if found else Grade.GOOD
    return Row(cells, MARKS[grade] if wanted or idle else "")


def _usage(used: int | None, total: int | None) -> str:
    if used is None or not total:
        return "?"
    return f"{used * 100 // total} % of {format_bytes(total, 'en')}"


def outcome_lines(outcome: Outcome) -> Iterator[str]:
    """Given what came of a run, yield what was done, what failed, and what was therefore not begun."""
    for change in outcome.done:
        yield f"done: {change.cluster}: {change.name}: {change.action}"
    if outcome.failed is not None:
        yield f"failed: {outcome.failed.cluster}: {outcome.failed.name}: {outcome.failed.action}: {outcome.problem}"
    elif outcome.problem:
        yield outcome.problem
    for change in outcome.not_done:
        yield f"not done: {change.cluster}: {change.name}: {change.action}"


def _section(columns: Sequence[str], rows: Sequence[Row], sentences: tuple[str, ...]) -> Section:
    return Section("storages", 0, "", sentences, tuple(Column(column, 1) for column in columns), tuple(rows))


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
