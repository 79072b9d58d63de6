"""Expressions that several panels are made of. Each is one series a thing, also where two vzcover are scraped."""

from __future__ import annotations

from grafana.boards.states import States

GROUP = "server, datastore, namespace, backup_type, backup_id"
# the namespace at the top of a datastore has no name
TOP_NAMESPACE = ("namespace", "(top)")
PVE = 'pve=~"$pve"'
SERVER = 'server=~"$server"'
# the guests that the variables choose; one without a pool has no such label, which `.*` matches
CHOSEN = 'vzcover_guest_info{pve=~"$pve", pool=~"$pool"}'
ONE_GUEST = 'pve="$pve", vmid="$guest"'


def greatest(metric: str, by: str, selector: str = "") -> str:
    """Given a metric without its prefix, labels and matchers, return its greatest value for each combination of the labels."""
    return f"max by ({by}) (vzcover_{metric}{{{selector}}})" if selector else f"max by ({by}) (vzcover_{metric})"


def ranked(metric: str, states: States, by: str, selector: str) -> str:
    """Given a metric with a series for each state, return the rank of the state that holds, for each combination of the labels `by`."""
    terms = [
        f'{rank} * (vzcover_{metric}{{{selector}, {states.label}="{value}"}} == 1)'
        for value, rank in states.ranks.items()
    ]
    return f"max by ({by}) (\n  " + "\n  or ".join(terms) + "\n)"


def chosen(expression: str) -> str:
    """Given an expression with the labels pve and vmid, return it for the guests that the variables choose."""
    return f"{expression}\nand on (pve, vmid) {CHOSEN}"


def of_guests(metric: str, more: str = "") -> str:
    """Given a metric about guests, return its value for each guest that the variables choose; `more`: further matchers."""
    return chosen(greatest(metric, "pve, vmid", PVE + more))


def age(timestamp: str) -> str:
    """Given an expression that is an instant, return how many seconds ago that is."""
    return f"time() - {timestamp}"


def milliseconds(timestamp: str) -> str:
    """Given an expression that is an instant, return it as Grafana wants dates."""
    return f"1000 * {timestamp}"


def share(part: str, whole: str) -> str:
    """Given two expressions with the same labels, return the ratio where there is something to share."""
    return f"({part})\n/ (({whole}) > 0)"
