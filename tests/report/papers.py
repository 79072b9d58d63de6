"""Sample papers for the tests of `report.pdf`."""

from __future__ import annotations

from report.sections import Column, FrontPage, Paper, Row, Section, StateCount

CREATED_AT = 1_760_000_000
GUEST_COLUMNS = (
    Column("Guest", 2.2),
    Column("ID", 0.8, right=True),
    Column("Type", 0.7),
    Column("Node", 1.0),
    Column("Pool", 1.1),
    Column("Coverage", 1.4),
    Column("Jobs", 1.6),
    Column("Why", 3.0),
)
_STATES = ("sauvegarde_planifiee",) * 17 + ("non_sauvegardee", "indetermine", "waived")
_WORDS = {
    "sauvegarde_planifiee": ("planned", "in active job backup-3a, daily 02:00"),
    "non_sauvegardee": ("not planned", "in no backup job"),
    "indetermine": ("undetermined", "job backup-7c stores to ceph-backup, which this token cannot see"),
    "waived": ("not demanded", "template"),
}


def guest_row(number: int) -> Row:
    """Given a number, return a guest's row as section 8 has it."""
    state = _STATES[number * 7 % 20]
    word, why = _WORDS[state]
    pool = ("production", "staging", "", "customers-emea")[
        number * 4 // 10_000 % 4 if number > 999 else number // 20 % 4
    ]
    return Row(
        cells=(
            f"web-frontend-{number:05d}",
            str(100 + number),
            "VM" if number % 3 else "CT",
            f"pve{number % 5 + 1}",
            pool or "no pool",
            word,
            "backup-3a" if state == "sauvegarde_planifiee" else "none",
            why,
        ),
        state=state,
        anchor=f"guest-main-{100 + number}",
        group=f"main → {pool or 'no pool'}",
    )


def guest_section(count: int, landscape: bool = True) -> Section:
    """Given how many guests, return a section that lists them in groups."""
    rows = tuple(guest_row(number) for number in range(count))
    return Section(
        "guests",
        8,
        "All guests",
        ("Grouped by cluster and pool.",),
        GUEST_COLUMNS,
        rows,
        "There are no guests.",
        landscape,
    )


def front_page(rows: tuple[Row, ...] = ()) -> FrontPage:
    """Given rows for "worst first", return a page one."""
    worst = Section(
        "worst",
        4,
        "Worst first",
        (),
        (Column("Guest", 2.0), Column("Reason", 4.0), Column("What to do", 3.0)),
        rows,
        "Nothing is wrong as far as could be seen.",
    )
    unseen = Section(
        "unseen",
        5,
        "What could not be seen",
        (),
        (Column("Source", 1.0), Column("What", 2.0), Column("Touches", 3.0)),
        (
            Row(
                ("main", "privilege Datastore.Audit on /storage/ceph-backup is missing", "3 guests: 118, 138, 158"),
                "indetermine",
            ),
        ),
        "Everything could be seen.",
    )
    return FrontPage(
        "Backup coverage",
        "Cluster main · 9 October 2025, 08:53 UTC · vzcover 0.1.0",
        "49 of 52 guests are in an active backup job; whether backups exist has not been looked at.",
        (
            "Counted: every guest that the policy demands. 1 template is left out and counted apart.",
            "Rules in force: a guest is planned when at least one enabled job selects it and can store it.",
        ),
        (
            StateCount("sauvegarde_planifiee", "planned", 49, "49"),
            StateCount("non_sauvegardee", "not planned", 2, "2"),
            StateCount("indetermine", "undetermined", 1, "1"),
            StateCount("waived", "not demanded", 1, "1"),
        ),
        (worst, unseen),
    )


def job_section() -> Section:
    """Return a section about jobs, with every job state."""
    rows = (
        Row(("backup-3a", "daily 02:00", "10 Oct 2025 02:00", "49", "pbs-main", "active"), "active", "job-backup-3a"),
        Row(
            ("backup-5b", "mon..fri 22:30", "never", "3", "pbs-main", "disabled since its comment says “moved”"),
            "paused",
        ),
        Row(
            ("backup-7c", "sat 03:00", "11 Oct 2025 03:00", "1", "nas-old", "storage nas-old is not on node pve3"),
            "broken",
        ),
        Row(("backup-9d", "*/40", "unknown", "unknown", "ceph-backup", "storage not visible"), "unknown"),
    )
    columns = (
        Column("Job", 1.3),
        Column("Schedule", 1.5),
        Column("Next run", 1.6),
        Column("Guests", 0.8, right=True),
        Column("Storage", 1.2),
        Column("State and why", 3.0),
    )
    return Section("jobs", 11, "Backup jobs", (), columns, rows, "There are no backup jobs.")


def paper(guests: int, *others: Section, landscape: bool = True) -> Paper:
    """Given how many guests, return a whole paper whose page one links to the guests that are not planned."""
    section = guest_section(guests, landscape)
    worst = tuple(
        Row((row.cells[0], row.cells[7], "add it to a job"), row.state, link=row.anchor)
        for row in section.rows
        if row.state in ("non_sauvegardee", "indetermine")
    )[:8]
    return Paper("en", CREATED_AT, front_page(worst), (section, job_section(), *others), "page {page} of {pages}")
