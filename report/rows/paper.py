"""Report → sections of headings and rows of text: what the PDF, the page and the tables share. The only place that lays them out."""

from __future__ import annotations

from dataclasses import replace
from datetime import tzinfo

from report.model.report import Report
from report.model.sources import IssueCode
from report.rows.changes import all_changes
from report.rows.estate import all_estate
from report.rows.front import build_front
from report.rows.guests import all_guests, status_section, without_backup
from report.rows.jobs import all_jobs, all_storages, drift
from report.rows.method import all_issues, method
from report.rows.orphans import orphans
from report.rows.protection import guests_at_risk, protection_sections
from report.rows.retention import retention
from report.rows.runbook import runbook, storages_to_restore_from, waivers
from report.rows.server_jobs import pbs_jobs
from report.rows.servers import datastores
from report.rows.shared import Reader, has_servers, shows_backups
from report.rows.usage import usage_by_day
from report.sections import Paper, Section, with_sections
from report.version import VERSION
from report.words import describe_issue, front_sentence


def build_paper(
    report: Report,
    language: str,
    zone: tzinfo,
    *,
    site: str = "vzcover",
    data_sha256: str | None = None,
    version: str = VERSION,
) -> Paper:
    """Given a report, a language ("en", "fr"), the zone that instants are shown in, the site's name, and the checksum of the data
    file that goes with it, return the whole report as text: page one and sections 7 to 15 of design/report.md; sections on
    backups only where some were read or a PBS is configured, sections on backup servers only where one is. Orphaned backups are nobody's,
    and in no report on some guests.

    Raises ValueError for a language without words.
    """
    reader = Reader(language, zone)
    front = build_front(report, reader, site)
    whole = (*all_changes(report, reader), *all_estate(report, reader), *all_issues(report, reader))
    led_to = {section.more for section in front.sections}
    paper = Paper(
        language=language,
        created_at=report.created_at,
        front=front,
        sections=(
            *without_backup(report, reader),
            *guests_at_risk(report, reader),
            all_guests(report, reader),
            *(retention(report, reader) if shows_backups(report) else ()),
            *((orphans(report, reader),) if shows_backups(report) and not report.is_cut else ()),
            *protection_sections(report, reader),
            all_jobs(report, reader),
            all_storages(report, reader),
            *drift(report, reader),
            *(
                (datastores(report, reader), *usage_by_day(report, reader), pbs_jobs(report, reader))
                if has_servers(report)
                else ()
            ),
            *(
                (*storages_to_restore_from(report, reader), runbook(report, reader))
                if report.summary.backups_read
                else ()
            ),
            waivers(report, reader),
            *method(report, reader, version=version, data_sha256=data_sha256),
        ),
        # the renderer knows the numbers; it fills these two in
        page_of=reader.word("page_of", page="{page}", pages="{pages}"),
        spare=tuple(section for section in whole if section.key not in led_to),
    )
    return with_sections(paper, (section for section in whole if section.key in led_to))


def status_rows(report: Report, language: str, zone: tzinfo) -> Section:
    """Given a report, return the table of `vzcover status`: every demanded guest that is not known to be protected and in an
    active job, worst first; while no backup was read, not in an active job.

    Its first sentence is page one's; what can be done for all guests of a storage at once follows. The caller prints both below the
    table.
    """
    section = status_section(report, Reader(language, zone))
    once = (
        describe_issue(issue, language, zone) for issue in report.issues if issue.code is IssueCode.PBS_NOT_CONFIGURED
    )
    empty = section.empty if report.guests else ""  # page one's sentence says it
    return replace(section, empty=empty, sentences=(front_sentence(report, language), *once))
