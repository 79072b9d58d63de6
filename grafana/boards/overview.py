"""The overview: how many guests are protected, which are the worst, and what could not be seen."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.boards.frame import CLUSTERS, POOLS, Section, assemble
from grafana.boards.panels.figures import Figures
from grafana.boards.panels.graphs import Graph
from grafana.boards.panels.shared import Drawn, Query
from grafana.boards.panels.tables import Column, Rows
from grafana.boards.queries import CHOSEN, PVE, age, chosen, greatest, of_guests, ranked, share
from grafana.boards.states import COVERAGE, GREEN, ORANGE, PROTECTION, RED, SEVERITY, YELLOW, steps
from grafana.boards.unseen import UNSEEN

LATE = steps(GREEN, (0.8, YELLOW), (1, RED))
BAD_IF_ANY = steps(GREEN, (1, RED))
RATIO = steps(RED, (0.9, ORANGE), (0.99, YELLOW), (1, GREEN))


def _count(state: str) -> str:
    """Return how many of the chosen guests are in a state of protection."""
    found = of_guests("guest_protection", f', state="{state}"')
    return f"sum({found})"


def _demanded() -> str:
    return f"(count({of_guests('guest_info')}) - {_count('waived')})"


def _sentence() -> Query:
    """Return the sentence: each number becomes a label, and the legend puts the labels together."""
    expression = f'count_values("demanded", {_demanded()})'
    for state in PROTECTION.looks:
        expression += f'\n* on () group_left ({state}) count_values("{state}", {_count(state)})'
    return Query(
        expression,
        "{{protected}} of {{demanded}} guests are protected; {{unprotected}} unprotected, {{at_risk}} at risk, {{unknown}} unknown;"
        " {{waived}} more waived",
    )


def _findings_of(severity: str) -> str:
    """Given a matcher, return how many open findings each chosen guest has."""
    return f"count by (pve, vmid) ({chosen(greatest('guest_finding', 'pve, vmid, code', f'{PVE}, {severity}'))})"


def _gravest() -> str:
    return f"max by (code) (\n{chosen(ranked('guest_finding', SEVERITY, 'pve, vmid, code', PVE))}\n)"


def _clusters() -> Drawn:
    def in_state(state: str) -> str:
        counted = greatest("guests_by_protection", "pve, state", f'{PVE}, state="{state}"')
        return f"sum by (pve) ({counted})"

    all_guests = greatest("guests_by_protection", "pve, state", PVE + ', state!="waived"')
    return Rows(
        "Clusters",
        "Each cluster. Disagreements are guests for which vzcover would predict another answer than PVE itself gave: it should be 0.",
        f"max by (pve) (vzcover_guest_info{{{PVE}}})",
        ("pve",),
        [
            Column(
                "protected of demanded",
                share(in_state("protected"), f"sum by (pve) ({all_guests})"),
                "percentunit",
                thresholds=RATIO,
            ),
            *(
                Column(
                    PROTECTION.looks[state][0], in_state(state), none="not known", thresholds=steps("text", (1, colour))
                )
                for state, (_, colour) in PROTECTION.looks.items()
            ),
            Column(
                "disagreements",
                greatest("coverage_disagreements", "pve", PVE),
                none="not compared",
                thresholds=BAD_IF_ANY,
            ),
        ],
        sort="protected of demanded",
        descending=False,
        width=14,
    )


BY_PROTECTION = f"sum by (state) ({chosen(greatest('guest_protection', 'pve, vmid, state', PVE))})"
BY_COVERAGE = f"sum by (status) ({chosen(greatest('guest_coverage', 'pve, vmid, status', PVE))})"
NOW = (
    Figures(
        "In one sentence",
        "Of the guests that the variables choose. Waived guests, and those that need no backup by the policy, are counted apart.",
        _sentence(),
        unit="none",
        width=24,
        height=3,
        none="No guest is known",
        names_only=True,
    ),
    Figures(
        "Protected",
        "Guests that are protected, of all that are not waived: a good backup that is recent enough, an active job, no open finding.",
        Query(share(_count("protected"), _demanded()), "protected"),
        unit="percentunit",
        thresholds=RATIO,
    ),
    Figures(
        "Guests by protection",
        "What is true of the backups of each guest. Unknown means that something needed for a verdict could not be seen.",
        Query(BY_PROTECTION, "{{state}}"),
        states=PROTECTION,
        width=12,
    ),
    Figures(
        "Guests by planned coverage",
        "Whether an active backup job selects each guest. Not decided means that such a job may exist and could not be seen.",
        Query(BY_COVERAGE, "{{status}}"),
        states=COVERAGE,
        width=8,
    ),
)
LAST = of_guests("guest_last_backup_timestamp_seconds")
LIMIT = of_guests("guest_rpo_seconds")
CRITICAL = _findings_of('severity="critical"')
OTHERS = _findings_of('severity!="critical"')
WORST_FIRST = Rows(
    "Guests, worst first",
    "Every guest of the inventory, also those that were never backed up. A row links to the guest's own dashboard, which names"
    " its findings.",
    f"max by (pve, vmid, name, guest_type, node, pool) ({CHOSEN})",
    ("pve", "vmid", "name", "guest_type", "node", "pool"),
    [
        Column("protection", chosen(ranked("guest_protection", PROTECTION, "pve, vmid", PVE)), states=PROTECTION),
        Column("jobs", chosen(ranked("guest_coverage", COVERAGE, "pve, vmid", PVE)), states=COVERAGE),
        Column("critical findings", CRITICAL, thresholds=BAD_IF_ANY, none="0"),
        Column("other findings", OTHERS, none="0"),
        Column("age of last good backup", age(LAST), "s", none="none known"),
        Column("accepted age", LIMIT, "s", none="not known"),
        Column("age of what is accepted", share(age(LAST), LIMIT), "percentunit", thresholds=LATE, decimals=0),
        Column("copies", of_guests("guest_copies"), none="not known"),
        Column("off-site", of_guests("guest_offsite_copies"), none="not known"),
    ],
    sort="protection",
    to_guest=True,
    height=14,
)
COUNTS = greatest("guests_by_protection", "pve, state", PVE)
PART = greatest("guests_by_protection", "pve, state", PVE + ', state="protected"')
WHOLE = greatest("guests_by_protection", "pve, state", PVE + ', state!="waived"')
TREND = (
    Graph(
        "Protected guests of those that are not waived",
        "By cluster, whatever pool is chosen. A gap is a time in which the inventory was not known.",
        [Query(share(f"sum by (pve) ({PART})", f"sum by (pve) ({WHOLE})"), "{{pve}}")],
        unit="percentunit",
        greatest=1,
    ),
    Graph(
        "Guests by protection over time",
        "Of all chosen clusters, whatever pool is chosen.",
        [Query(f"sum by (state) ({COUNTS})", "{{state}}")],
        states=PROTECTION,
        stacked=True,
    ),
)
COUNTED = chosen(greatest("guest_finding", "pve, vmid, code, severity", PVE))
FINDINGS = Rows(
    "Open findings",
    "How many guests have each open finding; docs/findings.md tells what each code means. Waived guests have none.",
    f"count by (code) ({COUNTED})",
    ("code",),
    [
        Column("severity", _gravest(), states=SEVERITY),
        Column("guests", f"count by (code) ({COUNTED})"),
    ],
    sort="severity",
    width=10,
    none="none",
)


def board() -> Dashboard:
    """Return the dashboard."""
    return assemble(
        "vzcover-overview",
        "Whether every guest is backed up as promised: states, the worst first, what could not be seen, the trend.",
        [CLUSTERS, POOLS],
        [
            Section("Now", NOW),
            Section("Worst first", [WORST_FIRST]),
            Section("What could not be seen", UNSEEN),
            Section("Trend", TREND),
            Section("Findings and clusters", [FINDINGS, _clusters()]),
        ],
        since="now-7d",
    )
