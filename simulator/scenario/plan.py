"""Who is who: spreads guests over nodes, pools and the hard cases of rulebook section K, about one in ten uncovered."""

from __future__ import annotations

from random import Random

from simulator.scenario.cast import cast
from simulator.scenario.wanted import Plan, Wanted

# in order of importance: a small estate has only the first ones
HARD_CASES = (
    "no-job",
    "disabled-job",
    "sub-pool",
    "legacy-disabled",
    "excluded",
    "past-schedule",
    "disabled-storage",
    "wrong-content",
    "undefined-storage",
    "restricted-storage",
    "pool-and-vmid",
)
ORDINARY_POOLS = ("prod", "prod/web", "prod/db", "infra", None)


def make_plan(wanted: Wanted, random: Random) -> Plan:
    """Given what is wanted, return every guest's part; hard cases live on the first node, templates on the last."""
    vmids = _vmids(wanted.guests, random)
    plan = Plan()
    templates = max(1, wanted.guests // 40)
    plan.templates = [9000 + number if wanted.guests < 5000 else 90_000 + number for number in range(templates)]
    vmids = vmids[: wanted.guests - templates]
    left_out = set(random.sample(vmids, round(wanted.guests * 0.1)))
    plan.ordinary = [vmid for vmid in vmids if vmid not in left_out]
    for position, vmid in enumerate(sorted(left_out)):
        # what is left over after one guest a case has no job
        case = HARD_CASES[position] if position < len(HARD_CASES) else ("no-job", "sub-pool")[position % 2]
        plan.hard.setdefault(case, []).append(vmid)
    _place(wanted, plan)
    plan.trouble = cast(wanted, plan)
    return plan


def _vmids(count: int, random: Random) -> list[int]:
    """Ascending ids from 100 with gaps."""
    found, vmid = [], 100
    for _ in range(count):
        found.append(vmid)
        vmid += 1 if random.random() < 0.8 or count > 5000 else random.randint(2, 9)
    return found


def _place(wanted: Wanted, plan: Plan) -> None:
    names = wanted.node_names
    for position, vmid in enumerate(plan.ordinary):
        plan.node_of[vmid] = names[position % len(names)]
        pool = ORDINARY_POOLS[(position // len(names)) % len(ORDINARY_POOLS)]
        if pool is not None:
            plan.pool_of[vmid] = wanted.pool(pool)
    for case, vmids in plan.hard.items():
        for vmid in vmids:
            plan.node_of[vmid] = names[-1] if case == "excluded" else names[0]
            if case == "sub-pool":
                plan.pool_of[vmid] = wanted.pool("prod/db/archive")
            elif case == "no-job" and vmid != vmids[0]:
                plan.pool_of[vmid] = "lab"
    for vmid in plan.templates:
        plan.node_of[vmid] = names[-1]
        plan.pool_of[vmid] = "templates"
