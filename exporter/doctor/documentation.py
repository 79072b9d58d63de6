"""The table of privileges → docs/permissions.md. Run: python -m exporter.doctor.documentation > docs/permissions.md"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from report.privileges import AUDITOR, PBS, PVE, needed_by, set_up_commands
from report.words import word

TITLES = {PVE: "Proxmox VE", PBS: "Proxmox Backup Server"}
TOKENS = {PVE: "vzcover@pve!ro", PBS: "vzcover@pbs!ro"}
WHERE = {PVE: "on one node of each cluster", PBS: "on each server"}

HEAD = """# Permissions

Made from the code by `python -m exporter.doctor.documentation > docs/permissions.md`; a test compares, and another one checks it against
the simulator: a token with these privileges misses nothing, and without any one of them exactly that one is reported.

vzcover only reads: a token that can write is a risk without a use. `vzcover doctor` compares what a token may do with what is needed
here, says what is hidden and on which path, and prints the commands; it warns of tokens that can do more. What is missing also stands on
page one of the report, with the guests it touches, and in `vzcover_permission_missing`.
"""

NOTES = {
    PVE: f"""The role holds the privileges of the table and nothing else. The built-in `{AUDITOR}` does as well; it can also read mappings,
networks and guest agents, which vzcover does not.

A token with privilege separation (`--privsep 1`) can do what both it and its user may: give both the role. On `/` it reaches everything
below, also pools and storages that are made later. A role on a deeper path replaces it there: with `NoAccess` on `/vms/100`
that guest is invisible, and PVE does not always say so (a privilege that is taken away on a path with an entry of its own is reported).

Listing the contents of a storage would need `Datastore.AllocateSpace` and `VM.Backup`, which can write. Backups on file storages are read
through the dry run of `prunebackups` instead, which an auditor may ask for; what is not known that way is their size.
""",
    PBS: """`Audit` is `Datastore.Audit` and `Sys.Audit`. It is given on `/` because tasks stand under `/system`; `DatastoreAudit` on
`/datastore` and `Audit` on `/system/tasks` are as good. `RemoteAudit` is needed only to see sync jobs that pull from a remote.
By tasks and jobs vzcover also learns the name of the server's node, which tells a verification of its own from one that a sync brought.

A token can do what both it and its user may: give both the role. Right to single datastores or namespaces
(`DatastoreAudit` on `/datastore/STORE/NAMESPACE`) is possible: what lies elsewhere is unknown then, never missing.
`DatastoreReader`, `DatastoreBackup`, `DatastorePowerUser` and `Admin` can read or remove backups: vzcover needs none of them.
""",
}


def document() -> str:
    """Return the whole of docs/permissions.md."""
    return HEAD + "".join("".join(_section(kind)) for kind in (PVE, PBS))


def _section(kind: str) -> Iterator[str]:
    yield f"\n## {TITLES[kind]}\n\nSet up, {WHERE[kind]}:\n\n```sh\n"
    yield from (f"{command}\n" for command in set_up_commands(kind, TOKENS[kind]))
    yield "```\n\n| privilege | path | | without it is hidden | rule |\n|---|---|---|---|---|\n"
    for row in needed_by(kind):
        reach = "and below" if row.below else "there"
        yield f"| `{row.privilege}` | `{row.path}` | {reach} | {word(f'hides.{row.hides}', 'en')} | {row.rule} |\n"
    yield f"\n{NOTES[kind]}"


if __name__ == "__main__":
    sys.stdout.write(document())
