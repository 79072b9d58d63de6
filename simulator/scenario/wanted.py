"""What a scenario is asked for, and the plan that its parts share."""

from __future__ import annotations

from dataclasses import dataclass, field

RELEASES = {"9.1": (9, 1), "8.4": (8, 4), "7.4": (7, 4)}
SMALLEST = 5


@dataclass(frozen=True, slots=True)
class Target:
    """A backup server that storage entries point at."""

    name: str
    host: str
    port: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Size, seed, release and time (epoch seconds) of a made-up cluster, and the backup servers beside it.

    `number` counts the clusters beside the same backup servers; the first one is 0.
    With `branch` there is the small second cluster that writes into the first one's namespace too.
    `bulk` groups of `bulk_times` snapshots each, made by arithmetic, lie on the first one for benches.
    """

    number: int = 0
    guests: int = 60
    nodes: int = 3
    seed: int = 1
    release: tuple[int, int] = (9, 1)
    zone: str = "Europe/Vienna"
    now: int = 1_795_227_919
    offline_node: str | None = None
    missing_pool: bool = False
    branch: bool = False
    targets: tuple[Target, ...] = ()
    history_days: int = 60
    bulk: int = 0
    bulk_times: int = 100

    @property
    def name(self) -> str:
        return f"demo{self.number + 1}" if self.number else "demo"

    @property
    def letter(self) -> str:
        """What names of nodes, and the namespace and account on the backup servers, begin or end with: b, c, …."""
        return chr(ord("a") + self.number)

    @property
    def own_namespace(self) -> str:
        """The namespace of the clusters after the first one."""
        return f"cluster-{self.letter}"

    @property
    def account(self) -> str:
        """The token that the cluster has on the backup servers."""
        return f"backup@pbs!{self.own_namespace}" if self.number else "backup@pbs!pve"

    @property
    def node_names(self) -> list[str]:
        prefix = self.letter if self.number else "pve"
        return [f"{prefix}{number}" for number in range(1, self.nodes + 1)]

    def pool(self, name: str) -> str:
        """A pool's name; releases before 8.1 know no pools in pools."""
        return name if self.release >= (8, 1) else name.replace("/", "-")


@dataclass(slots=True)
class Plan:
    """Which guest has which part: vmids by role. `hard` are those of the cases that leave a guest without a job.

    `trouble` tells who has which trouble (`cast`).
    """

    ordinary: list[int] = field(default_factory=list)
    templates: list[int] = field(default_factory=list)
    hard: dict[str, list[int]] = field(default_factory=dict)
    node_of: dict[int, str] = field(default_factory=dict)
    pool_of: dict[int, str] = field(default_factory=dict)
    trouble: dict[str, int] = field(default_factory=dict)

    def one(self, case: str, stand_in: int) -> int:
        """The case's own guest; in a small estate that has none, the n-th ordinary one, which another job covers."""
        own = self.hard.get(case)
        return own[0] if own else self.ordinary[stand_in % len(self.ordinary)]
