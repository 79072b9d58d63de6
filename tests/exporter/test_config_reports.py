"""The section `reports` and the days of reports: what loads, and what is refused."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from exporter.reports import PlannedReport, planned_reports, report_called
from exporter.schedule import Days
from report.policy import Scope
from tests.exporter.config_files import GOOD, load, problems, refusal

MAIL = "{host: mail.example.com, sender: vzcover@example.com, to: ops@example.com}"


def reports(*sections: str, more: str = "") -> str:
    return f"{GOOD}{more}reports:\n" + "".join(f"  - {{{section}}}\n" for section in sections)


def planned(folder: Path, *sections: str, more: str = "") -> tuple[PlannedReport, ...]:
    return planned_reports(load(folder, reports(*sections, more=more)).config)


def channels(*sections: str) -> str:
    return "deliver:\n" + "".join(f"  - {{{section}, mail: {MAIL}}}\n" for section in sections)


def test_every_setting_can_be_given(tmp_path: Path) -> None:
    section = (
        "name: prod, at: '7:15', days: [mon, friday, 15, last], zone: Europe/Vienna, language: fr, formats: 'pdf, xlsx', "
        "match: {clusters: lab, pools: [prod], tags: db, names: 'a*', vmids: 100-199}, output: out, keep_number: 52, "
        "keep_age: 400d, deliver: ops"
    )
    _, prod = planned(tmp_path, section, more=channels("name: ops, when: []"))

    assert (prod.due.at, str(prod.due.zone)) == (time(7, 15), "Europe/Vienna")
    assert prod.due.days == Days(frozenset({0, 4}), frozenset({15}), last=True)
    assert (prod.reader.language, prod.reader.zone, prod.formats) == ("fr", prod.due.zone, ("pdf", "xlsx"))
    assert prod.scope == Scope(("lab",), ("prod",), ("db",), ("a*",), ((100, 199),))
    assert (prod.folder, prod.keep_number, prod.keep_age) == (tmp_path / "out", 52, 400 * 86_400)
    assert prod.channels == {"ops"}


def test_the_daily_report_goes_to_those_who_want_it_daily_and_others_to_those_they_name(tmp_path: Path) -> None:
    more = channels("name: ops", "name: boss, when: []", "name: news, when: change")
    daily, weekly = planned(tmp_path, "name: weekly, deliver: [boss, news]", more=more)

    assert [daily.channels, weekly.channels] == [frozenset({"ops"}), frozenset({"boss", "news"})]


def test_a_report_can_come_from_the_environment(tmp_path: Path) -> None:
    variables = {"VZCOVER__REPORTS__0__NAME": "weekly", "VZCOVER__REPORTS__0__DAYS": "sat, 1"}
    (_, weekly) = planned_reports(load(tmp_path, GOOD, variables).config)

    assert (weekly.name, weekly.due.days) == ("weekly", Days(frozenset({5}), frozenset({1})))


def test_the_folder_follows_state_dir(tmp_path: Path) -> None:
    daily, weekly = planned(tmp_path, "name: weekly", more="state_dir: kept\n")
    assert (daily.folder, weekly.folder) == (tmp_path / "kept/reports", tmp_path / "kept/reports/weekly")


REFUSED = [
    ("name: daily", "reports[0].name: daily is the name of the report of `report`; choose another"),
    (
        "at: '07:00'",
        "reports[0].name: missing; Name in file names, metrics, logs and `vzcover report --name`; unique, and not daily ",
    ),
    ("name: Weekly", "reports[0].name: expected small letters a to z, digits and -, at most 63, such as lab"),
    (
        "name: w, on: monday",
        "reports[0].on: no such setting; did you mean zone?",
    ),
    (
        "name: w, days: moonday",
        'reports[0].days[0]: "moonday" is no day; write monday or mon, a day of the month from 1 to 31, or last',
    ),
    (
        "name: w, days: [1, 32]",
        'reports[0].days[1]: "32" is no day; write monday or mon, a day of the month from 1 to 31, or last',
    ),
    ("name: w, days: [mon, monday]", "reports[0].days: monday is there twice; write it once"),
    ("name: w, days: []", "reports[0].days: an empty list; write at least 1"),
    (
        "name: w, at: '24:00'",
        'reports[0].at: "24:00" is not a time of day; write HH:MM from 00:00 to 23:59, such as 06:00',
    ),
    ("name: w, zone: Europe/Viena", 'reports[0].zone: "Europe/Viena" is not a time zone; did you mean Europe/Vienna?'),
    ("name: w, formats: docx", 'reports[0].formats[0]: "docx" is not known; write one of pdf, json, csv, html, xlsx'),
    (
        "name: w, match: {clusters: lob}",
        "reports[0].match.clusters: no configured cluster is called lob; did you mean lab?",
    ),
    (
        "name: w, match: {vmids: 9}",
        'reports[0].match.vmids[0]: "9" is no vmid; write one from 100, or a range, such as 100-199',
    ),
    ("name: w, deliver: ops", "reports[0].deliver: no channel is called ops; there is none under deliver"),
]


@pytest.mark.parametrize(("section", "expected"), REFUSED)
def test_what_cannot_be_meant_is_refused_and_named(section: str, expected: str, tmp_path: Path) -> None:
    (told,) = [line.partition(": ")[2] for line in problems(tmp_path, reports(section))]
    assert told.startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            reports("name: w", "name: w"),
            "reports[1].name: already the name of reports[0]; names of reports are unique",
        ),
        (
            reports("name: w, deliver: [opps]", more=channels("name: ops")),
            "reports[0].deliver: no channel is called opps; did you mean ops?",
        ),
        (
            GOOD + channels("name: ops, when: []"),
            "deliver[0].when: nothing would go to this channel; name it in `deliver` of one of the `reports`, or say when",
        ),
        (
            GOOD + "report: {days: someday}\n",
            'report.days[0]: "someday" is no day; write monday or mon, a day of the month from 1 to 31, or last',
        ),
    ],
)
def test_what_does_not_fit_together_is_refused_and_named(text: str, expected: str, tmp_path: Path) -> None:
    assert [line.partition(": ")[2] for line in problems(tmp_path, text)] == [expected]


def test_a_name_that_no_report_has_is_refused_with_the_one_that_may_be_meant(tmp_path: Path) -> None:
    every = planned(tmp_path, "name: weekly", "name: monthly")

    assert report_called("monthly", every).name == "monthly"
    error = refusal(lambda: report_called("weekli", every))
    assert str(error) == "command line: --name: no report is called weekli; did you mean weekly?"
