"""Section 15: how the report came about: sources and their age, rules in force, versions, and all that did not fit on page one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from report.model.guests import Protection
from report.model.jobs import JobState
from report.model.report import Report
from report.model.sources import SourceReport
from report.policy import Expectation, Rule
from report.rows.front import issues_section
from report.rows.scope import scope_in_words
from report.rows.shared import Reader
from report.sections import Row, Section
from report.verdict import VERDICTS
from report.words import (
    PBS,
    capitalise,
    describe_missing_privilege,
    describe_protection,
    describe_scope,
    format_duration,
    format_instant,
    format_number,
    join_phrases,
    plural,
    printable,
)

_RULES = ("coverage", "undecided", "staleness", "check")
_BACKUP_RULES = ("retention",)


def method(report: Report, reader: Reader, *, version: str, data_sha256: str | None) -> tuple[Section, ...]:
    """Given a report, vzcover's version and the data file's checksum, return the parts of section 15."""
    return _sources(report, reader), _rules(report, reader, version, data_sha256)


def all_issues(report: Report, reader: Reader) -> tuple[Section, ...]:
    """Given a report, return all that could not be seen or does not fit; nothing without any."""
    return (issues_section(report.issues, reader, key="method_issues", number=15),) if report.issues else ()


def _sources(report: Report, reader: Reader) -> Section:
    return Section(
        key="method_sources",
        number=15,
        title=reader.word("section.method_sources"),
        columns=reader.columns(
            ("source", 1.7),
            ("state", 3),
            ("version", 1.2),
            ("read_at", 2.3),
            ("age>", 1.2),
            ("missing", 3.5),
            ("disagreements>", 1.7),
        ),
        rows=tuple(_source_row(source, report.created_at, reader) for source in report.sources),
        empty=reader.word("sources.none"),
    )


def _source_row(source: SourceReport, now: int, reader: Reader) -> Row:
    language = reader.language
    missing = join_phrases((describe_missing_privilege(each, language) for each in source.missing_privileges), language)
    state = reader.word("source.up" if source.up else "source.down")
    if source.failure:
        state = reader.word("with_reason", state=state, reason=source.failure.message)
    return Row(
        cells=(
            printable(source.name),
            state,
            printable(source.version) if source.version else reader.word("unknown"),
            format_instant(source.fetched_at, reader.zone, language) if source.fetched_at else reader.word("never"),
            format_duration(now - source.fetched_at, language) if source.fetched_at else reader.word("none"),
            missing or reader.word("none"),
            _disagreements(source, reader),
        ),
        state=JobState.ACTIVE if source.up else JobState.BROKEN,
        anchor=f"source-{source.name}",
    )


def _disagreements(source: SourceReport, reader: Reader) -> str:
    """Count where PVE's evaluation differs; a PBS evaluates no job."""
    if source.kind == PBS:
        return reader.word("none")
    count = source.coverage_disagreements
    return reader.word("unknown") if count is None else format_number(count, reader.language)


def _rules(report: Report, reader: Reader, version: str, data_sha256: str | None) -> Section:
    """List the rules and thresholds that the verdicts rest on, with what is in force."""
    facts = [(reader.word("rule.about"), scope_in_words(report.scope, reader))] if report.is_cut else []
    applied = Counter(guest.rule for guest in report.guests)
    default = expectation_in_words(report.policy.default, reader)
    facts.append((capitalise(reader.word("rule.default")), _with_count(default, applied[""], reader)))
    facts += [
        (
            capitalise(reader.word("rule.named", rule=rule.name)),
            _with_count(_rule_in_words(rule, reader), applied[rule.name], reader),
        )
        for rule in report.policy.rules
    ]
    rules = (*_RULES, *_BACKUP_RULES) if report.summary.backups_read else _RULES
    facts += [(reader.word(f"rule.{rule}"), reader.word(f"rule.{rule}.value")) for rule in rules]
    if report.summary.backups_read:
        facts += [
            (_verdict(number, row.verdict, reader), reader.word(f"verdict.{row.name}"))
            for number, row in enumerate(VERDICTS, 1)
        ]
    else:
        facts.append((reader.word("rule.protection"), reader.word("rule.protection.value")))
    facts.append((reader.word("rule.version"), version))
    if data_sha256:
        facts.append((reader.word("rule.data"), data_sha256))
    return Section(
        key="method_rules",
        number=15,
        title=reader.word("section.method_rules"),
        columns=reader.columns(("rule", 2), ("value", 6)),
        rows=tuple(Row(cells) for cells in facts),
    )


def _with_count(text: str, count: int, reader: Reader) -> str:
    """Say of a rule to how many guests it applied: of the rules that match a guest the first one does."""
    return reader.word("rule.applied", text=text, guests=plural("guests", count, reader.language))


def _verdict(number: int, verdict: Protection, reader: Reader) -> str:
    """Name a row of the table: the first one that applies decides."""
    return reader.word("rule.verdict", number=number, verdict=describe_protection(verdict, reader.language))


def _rule_in_words(rule: Rule, reader: Reader) -> str:
    demands = expectation_in_words(rule.expectation, reader)
    return reader.word("rule.scope", scope=capitalise(describe_scope(rule.scope, reader.language)), demands=demands)


def expectation_in_words(expectation: Expectation, reader: Reader) -> str:
    """Given what is expected of a guest, return it as one text: every demand with its limit."""
    return capitalise(join_phrases(_demands(expectation, reader), reader.language))


def _demands(expectation: Expectation, reader: Reader) -> Iterator[str]:
    """Yield the demands, in the order of their weight."""
    if not expectation.demanded:
        yield reader.word("demand.none")
        return
    limits = (
        ("max_age", expectation.max_age_seconds),
        ("verified", expectation.verified_within_seconds),
        ("offsite_age", expectation.offsite_max_age_seconds),
        ("proven", expectation.restore_proven_within_seconds),
    )
    if expectation.max_age_seconds is None:
        yield reader.word("demand.schedule")
    for name, seconds in limits:
        if seconds is not None:
            yield reader.word(f"demand.{name}", limit=format_duration(seconds, reader.language))
    if expectation.copies > 1:
        yield reader.word("demand.copies", copies=expectation.copies)
    if expectation.offsite:
        yield reader.word("demand.offsite")
    if expectation.encrypted:
        yield reader.word("demand.encrypted")
    if expectation.allowed_volumes:
        yield reader.word("demand.allowed", volumes=", ".join(expectation.allowed_volumes))
    yield reader.word("demand.templates" if expectation.templates else "demand.no_templates")
    if not expectation.stopped:
        yield reader.word("demand.no_stopped")
