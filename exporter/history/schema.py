"""The database's tables, as steps: each takes it from one version to the next. Steps are only ever added.

A day is its number since 1970-01-01, an instant epoch seconds; sizes are bytes; NULL is "not known". Names and lists of findings are held
once, in `word`, and meant by number.
"""

from __future__ import annotations

# "vzcv" in PRAGMA application_id: the file is ours
APPLICATION_ID = 0x767A6376

_FIRST = (
    "CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)",
    # `name`: the newest that is known, by which a guest is looked up
    "CREATE TABLE guest (id INTEGER PRIMARY KEY, pve TEXT NOT NULL, vmid INTEGER NOT NULL, name TEXT, UNIQUE (pve, vmid))",
    # by day first: a refresh writes pages that lie side by side, and old days go at once. `worst`: the worst protection of the day
    """CREATE TABLE guest_day (
        day INTEGER NOT NULL, guest INTEGER NOT NULL REFERENCES guest,
        coverage INTEGER, protection INTEGER, worst INTEGER, newest INTEGER, actual INTEGER, expected INTEGER, size INTEGER,
        findings INTEGER REFERENCES word, name INTEGER REFERENCES word, node INTEGER REFERENCES word,
        cell INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (day, guest)) WITHOUT ROWID""",
    """CREATE TABLE cluster_day (
        day INTEGER NOT NULL, pve TEXT NOT NULL, guests INTEGER NOT NULL, demanded INTEGER NOT NULL,
        planned INTEGER NOT NULL, not_planned INTEGER NOT NULL, undecided INTEGER NOT NULL,
        protected INTEGER NOT NULL, at_risk INTEGER NOT NULL, unprotected INTEGER NOT NULL, unknown INTEGER NOT NULL,
        waived INTEGER NOT NULL,
        PRIMARY KEY (day, pve)) WITHOUT ROWID""",
    """CREATE TABLE datastore_day (
        day INTEGER NOT NULL, server TEXT NOT NULL, datastore TEXT NOT NULL,
        used INTEGER NOT NULL, total INTEGER NOT NULL, lowest INTEGER NOT NULL, highest INTEGER NOT NULL,
        PRIMARY KEY (day, server, datastore)) WITHOUT ROWID""",
    # what the next Report is judged with, as JSON: `past` is "last" or "baseline"
    """CREATE TABLE remembered (
        past TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (past, kind, key)) WITHOUT ROWID""",
)

STEPS: tuple[tuple[str, ...], ...] = (_FIRST,)
VERSION = len(STEPS)
