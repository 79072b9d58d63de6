"""A Paper as plain text, for golden files that a person reads."""

from __future__ import annotations

from report.sections import Paper, Section


def paper_text(paper: Paper) -> str:
    """Given a paper, return it as text: every cell on a line of its own under its heading, marks and links in brackets."""
    front = paper.front
    lines = [front.title, front.subtitle, "", front.sentence, *(f"* {note}" for note in front.notes), ""]
    lines += [f"[{piece.state}] {piece.word}: {piece.count}" for piece in front.bar]
    for section in (*front.sections, *paper.sections):
        lines += ["", section_text(section)]
    return "\n".join([*lines, "", paper.page_of, ""])


def section_text(section: Section) -> str:
    """Given a section, return it as text."""
    pages = " (landscape)" if section.landscape else ""
    lines = [f"## {section.number} {section.title} [{section.key}]{pages}", *section.sentences]
    if section.more:
        lines[-1] += f" ->{section.more}"
    if section.chart:
        lines.append(f"(chart of {len(section.chart.columns)} days, {section.chart.first} to {section.chart.last})")
    if section.legend:
        lines.append(", ".join(f"{entry.mark} {entry.word}".strip() for entry in section.legend))
    if not section.rows:
        return "\n".join([*lines, *([section.empty] if section.empty else [])])
    lines.append(" | ".join(f"{column.heading}{'>' if column.right else ''}" for column in section.columns))
    group = ""
    for row in section.rows:
        if row.group != group:
            group = row.group
            lines.append(f"-- {group}")
        place = f" #{row.anchor}" if row.anchor else ""
        link = f" ->{row.link}" if row.link else ""
        lines.append(f"[{row.state}]{place}{link} " + " | ".join(row.cells))
    return "\n".join(lines)
