"""Section 15: how the report came about: sources and their age, rules in force, versions, and all that did not fit on page one."""

from __future__ import annotations

from report.model import JobState, Report, SourceReport
from report.rows.front import ROWS_AT_MOST, issues_section
from report.rows.shared import Reader
from report.sections import Row, Section
from report.words import (
    describe_missing_privilege,
    format_duration,
    format_instant,
    format_number,
    join_phrases,
    printable,
)

_RULES = ("coverage", "undecided", "staleness", "check")


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
    disagreements = source.coverage_disagreements
    return Row(
        cells=(
            printable(source.name),
            state,
            printable(source.version) if source.version else reader.word("unknown"),
            format_instant(source.fetched_at, reader.zone, language) if source.fetched_at else reader.word("never"),
            format_duration(now - source.fetched_at, language) if source.fetched_at else reader.word("none"),
            missing or reader.word("none"),
            reader.word("unknown") if disagreements is None else format_number(disagreements, language),
        ),
        state=JobState.ACTIVE if source.up else JobState.BROKEN,
        anchor=f"source-{source.name}",
    )


def _rules(report: Report, reader: Reader, version: str, data_sha256: str | None) -> Section:
    """List the rules and thresholds that the verdicts rest on, with what is in force."""
    templates = reader.word("yes" if report.policy.demand_templates else "no")
    facts = [(reader.word("rule.demand_templates"), templates)]
    facts += [(reader.word(f"rule.{rule}"), reader.word(f"rule.{rule}.value")) for rule in _RULES]
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
