"""Section 15: how the report came about: sources and their age, rules in force, versions, and all that did not fit on page one."""

from __future__ import annotations

from report.model import JobState, Report, SourceReport
from report.rows.front import ROWS_AT_MOST, issues_section
from report.rows.shared import Reader
from report.sections import Row, Section
from report.words import (
    PBS,
    describe_missing_privilege,
    format_duration,
    format_instant,
    format_number,
    join_phrases,
    printable,
)

_RULES = ("coverage", "undecided", "staleness", "check")
_BACKUP_RULES = ("protected", "retention")


def method(report: Report, reader: Reader, *, version: str, data_sha256: str | None) -> tuple[Section, ...]:
    """Given a report, vzcover's version and the data file's checksum, return the parts of section 15."""
    sections = [_sources(report, reader), _rules(report, reader, version, data_sha256)]
    if len(report.issues) > ROWS_AT_MOST:
        full = issues_section(report.issues, reader, key="method_issues", number=15)
        sections.append(full)
    return tuple(sections)


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
    templates = reader.word("yes" if report.policy.demand_templates else "no")
    facts = [(reader.word("rule.demand_templates"), templates)]
    rules = (*_RULES, *_BACKUP_RULES) if report.summary.backups_read else _RULES
    facts += [(reader.word(f"rule.{rule}"), reader.word(f"rule.{rule}.value")) for rule in rules]
    if not report.summary.backups_read:
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
