"""The table of verdicts and the closed list of findings → docs/findings.md, which a test keeps equal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from report.findings import INSTANTS, PARAMETERS, RULES, Area, Finding, FindingCode
from report.verdict import VERDICTS
from report.words import describe_finding_code, describe_finding_remedy, word

_LANGUAGE = "en"
_EXAMPLE_VMID = 100
HEAD = """# Verdicts and findings

Made from the code by `make docs`; a test compares.

## The verdict

The first row that applies decides. Warnings and critical findings lower a verdict; information never does.

| row | when | verdict |
|---|---|---|
"""
FINDINGS = f"""
## Findings

The list is closed: a code never changes its meaning, new ones are added. The severity is the usual one: what concerns a store on which no
active job counts is lowered to information, and a backup that is too old is critical where no active job will make another. No verdict
rests on findings about jobs, stores and waivers. In commands `{_EXAMPLE_VMID}` is the guest's id, and capitals are what the finding names.

Parameters are what a finding carries in JSON (`params`), the threshold in force and the evidence; those ending in `_seconds` and `_bytes`
say their unit. These are instants in epoch seconds, 0 where there is none: {{instants}}.
"""
TABLE = """
### {title}

| code | severity | meaning | what to do | parameters |
|---|---|---|---|---|
"""


def findings_document() -> str:
    """Return the whole of docs/findings.md."""
    parts = [HEAD, *_verdicts(), FINDINGS.format(instants=_names(sorted(INSTANTS)))]
    for area in Area:
        parts += [TABLE.format(title=word(f"area.{area}", _LANGUAGE))]
        parts += (_row(code) for code, rule in RULES.items() if rule.area is area)
    return "".join(parts)


def _verdicts() -> Iterator[str]:
    for row in VERDICTS:
        yield f"| `{row.name}` | {word(f'verdict.{row.name}', _LANGUAGE)} | `{row.verdict}` |\n"


def _row(code: FindingCode) -> str:
    names = PARAMETERS.get(code, ())
    example = Finding.of(code, "SUBJECT", **{name: name.upper() for name in names})
    remedy = describe_finding_remedy(example, _LANGUAGE, _EXAMPLE_VMID)
    cells = (f"`{code}`", RULES[code].severity, describe_finding_code(code, _LANGUAGE), remedy, _names(names))
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
