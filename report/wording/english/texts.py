"""The whole table of English."""

from __future__ import annotations

from report.wording.english.backups import BACKUP_PLURALS, BACKUP_WORDS
from report.wording.english.days import DAY_WORDS
from report.wording.english.findings import FINDING_MEANINGS, FINDING_REMEDIES, FINDING_WORDS, FINDINGS
from report.wording.english.issues import ISSUE_REMEDIES, ISSUES
from report.wording.english.names import FINDING_NAMES
from report.wording.english.protection import PROTECTION_WORDS
from report.wording.english.reasons import JOB_REASONS, REASONS, REMEDIES
from report.wording.english.words import PLURALS, WORDS
from report.wording.table import Texts

ENGLISH = Texts(
    reasons=REASONS,
    job_reasons=JOB_REASONS,
    remedies=REMEDIES,
    issues=ISSUES,
    issue_remedies=ISSUE_REMEDIES,
    findings=FINDINGS,
    finding_meanings=FINDING_MEANINGS,
    finding_remedies=FINDING_REMEDIES,
    finding_names=FINDING_NAMES,
    words=WORDS | BACKUP_WORDS | DAY_WORDS | FINDING_WORDS | PROTECTION_WORDS,
    plurals=PLURALS | BACKUP_PLURALS,
    byte_units=("B", "kB", "MB", "GB", "TB", "PB", "EB"),
    second="s",
    minute="min",
    hour="h",
    day="d",
    first_of_month="1",
    instant_pattern="d\N{NO-BREAK SPACE}MMM\N{NO-BREAK SPACE}y, HH:mm",
    long_date_pattern="EEEE d\N{NO-BREAK SPACE}MMMM\N{NO-BREAK SPACE}y, HH:mm",
    date_pattern="d\N{NO-BREAK SPACE}MMM\N{NO-BREAK SPACE}y",
)
