"""Reports: each once for each due time, whatever the clock and restarts do. A real configuration and real files, a small writer."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from time import time as machine_clock
from zoneinfo import ZoneInfo

import pytest
from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory

from exporter.counters import Counters
from exporter.errors import OutputError
from exporter.logs import FIELDS
from exporter.metrics.own import ReportStatus
from exporter.parts import Parts
from exporter.reporting import RETRY_SECONDS, Reporting
from exporter.reports import PlannedReport, Written, planned_reports
from exporter.state import FILE_NAME
from exporter.store import Store
from report.model.report import Report
from tests.builders import report
from tests.exporter.config_files import GOOD, load
from tests.exporter.web_fixtures import snapshot

BERLIN = ZoneInfo("Europe/Berlin")
HOUR, DAY = 3600, 86_400


def berlin(text: str, fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).timestamp())


def shown(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, BERLIN).strftime("%m-%d %H:%M %Z")


class House:
    """Where daemons are started one after the other: a clock, a folder that survives them, and what each of them writes."""

    def __init__(self, folder: Path, now: str, at: str = "06:00", state: str = "state", reports: str = "[]") -> None:
        self.folder = folder
        self.now = berlin(now)
        self.at = at
        self.state = state
        self.reports = reports
        self.enabled = True
        self.made: list[tuple[str, str]] = []
        self.removed_at: list[int] = []
        self.ends_when_removing = False
        self.failure: Exception | None = None
        self.failing: set[str] = set()
        self.reporting = self.start()

    def parts(self) -> Parts:
        enabled = str(self.enabled).lower()
        settings = f"at: '{self.at}', zone: Europe/Berlin, enabled: {enabled}"
        text = f"{GOOD}state_dir: {self.state}\nreport: {{{settings}}}\nreports: {self.reports}\n"
        loaded = load(self.folder, text)

        def write(planned: PlannedReport, of: Report, due: int | None) -> Written:
            if self.failure and (planned.name in self.failing or not self.failing):
                raise self.failure
            self.made.append((planned.name, shown(self.now)))
            return Written((self.folder / f"{planned.prefix}-20260101T000000Z.pdf",))

        def remove(planned: PlannedReport, now: int) -> list[Path]:
            self.removed_at.append(now)
            if self.ends_when_removing:
                raise KeyboardInterrupt
            return []

        return Parts(
            config=loaded.config,
            config_hash=loaded.sha256,
            reports=planned_reports(loaded.config),
            refresh=lambda now: report(),
            json=lambda of: b"",
            page=lambda of, pdf: b"",
            write_report=write,
            remove_old=remove,
            newest_pdf=lambda: None,
            close=lambda: None,
        )

    def start(self, *, at_start: bool = False, clock: Callable[[], float] | None = None) -> Reporting:
        """Start a daemon's report thread, up to where it would wait; the former one is gone."""
        self.in_force = self.parts()
        self.store, self.counters, self.stopping = Store(snapshot(report())), Counters(), threading.Event()
        self.reporting = Reporting(
            lambda: self.in_force,
            self.store,
            self.counters,
            self.stopping,
            threading.Event(),
            at_start=at_start,
            clock=clock or (lambda: self.now),
        )
        self.reporting.recall()
        if at_start:
            self.reporting.write(self.in_force.reports[0])
        return self.reporting

    def reload(self, reports: str) -> None:
        """Put other reports beside the daily one in force while the daemon runs."""
        self.reports = reports
        self.in_force = self.parts()

    def pass_time(self, seconds: int, step: int = 60) -> None:
        """Let the clock run, and the daemon look at it."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + step)
            self.reporting.check()

    @property
    def written(self) -> list[str]:
        """When the daily report was written."""
        return [at for name, at in self.made if name == "daily"]

    def status(self, name: str = "daily") -> ReportStatus:
        """What metrics tell of a report."""
        return next(each for each in self.reporting.statuses() if each.name == name)

    def failures(self, series: str = "vzcover_report_failures_total") -> float:
        lines = self.counters.render(openmetrics=False).decode().splitlines()
        return float(next(line for line in lines if line.startswith(f"{series} ")).split()[1])

    @property
    def remembered(self) -> dict[str, dict[str, int]]:
        """What the file holds that survives a restart."""
        return dict(json.loads((self.folder / "state" / FILE_NAME).read_text()))


@pytest.fixture
def house(tmp_path: Path) -> Callable[..., House]:
    return lambda *arguments, **options: House(tmp_path, *arguments, **options)


def test_the_report_is_written_once_a_day_at_its_time(house: Callable[..., House]) -> None:
    home = house("2026-06-01 12:00")
    home.pass_time(3 * DAY)

    assert home.written == ["06-02 06:00 CEST", "06-03 06:00 CEST", "06-04 06:00 CEST"]
    assert home.status().last_at == berlin("2026-06-04 06:00")
    assert home.status().last_seconds is not None
    assert len(home.removed_at) == 3


@pytest.mark.parametrize(
    ("at", "start", "written"),
    [
        ("02:30", "2026-03-28 00:00", ["03-28 02:30 CET", "03-29 03:30 CEST", "03-30 02:30 CEST"]),
        ("02:30", "2026-10-24 00:00", ["10-24 02:30 CEST", "10-25 02:30 CEST", "10-26 02:30 CET"]),
        ("06:00", "2026-03-28 00:00", ["03-28 06:00 CET", "03-29 06:00 CEST", "03-30 06:00 CEST"]),
        ("06:00", "2026-10-24 00:00", ["10-24 06:00 CEST", "10-25 06:00 CET", "10-26 06:00 CET"]),
    ],
)
def test_clock_changes_cost_no_report_and_add_none(
    at: str, start: str, written: list[str], house: Callable[..., House]
) -> None:
    home = house(start, at=at)
    home.pass_time(3 * DAY)

    assert home.written == written


@pytest.mark.parametrize(
    ("before", "restart", "written"),
    [
        # the daemon's first life ends before the time, the second begins just after it: on the spring day, in autumn's both passes
        ("2026-03-29 01:00", ("2026-03-29 03:30", 0), ["03-29 03:30 CEST"]),
        ("2026-10-25 01:00", ("2026-10-25 02:31", 0), ["10-25 02:31 CEST"]),
        ("2026-10-25 01:00", ("2026-10-25 02:31", 1), ["10-25 02:31 CET"]),
        ("2026-06-01 01:00", ("2026-06-01 02:31", 0), ["06-01 02:31 CEST"]),
        # and just before it
        ("2026-03-29 01:00", ("2026-03-29 03:29", 0), []),
        ("2026-06-01 01:00", ("2026-06-01 02:29", 0), []),
    ],
)
def test_a_report_missed_while_down_is_made_up_once(
    before: str, restart: tuple[str, int], written: list[str], house: Callable[..., House]
) -> None:
    home = house(before, at="02:30")
    home.reporting.check()
    home.now = berlin(*restart)
    for _ in range(3):
        home.start().check()
        home.reporting.check()

    assert home.written == written


def test_a_first_start_just_after_the_time_makes_nothing_up(house: Callable[..., House]) -> None:
    home = house("2026-06-01 06:00")
    home.pass_time(DAY - 60)
    assert home.written == []

    home.pass_time(60)
    assert home.written == ["06-02 06:00 CEST"]


def test_of_ten_missed_reports_one_is_made_up(house: Callable[..., House]) -> None:
    home = house("2026-06-01 12:00")
    home.now += 10 * DAY
    home.start()
    home.pass_time(HOUR)

    assert home.written == ["06-11 12:01 CEST"]


def test_a_report_that_was_written_is_not_written_again_by_the_next_daemon(house: Callable[..., House]) -> None:
    home = house("2026-06-01 12:00")
    home.pass_time(DAY)
    home.start()
    home.pass_time(HOUR)

    assert home.written == ["06-02 06:00 CEST"]
    assert home.status().last_at == berlin("2026-06-02 06:00")


def test_a_daemon_that_ends_as_soon_as_a_report_is_written_leaves_it_served(house: Callable[..., House]) -> None:
    home = house("2026-06-01 12:00")
    home.ends_when_removing = True
    with pytest.raises(KeyboardInterrupt):
        home.pass_time(DAY)
    home.ends_when_removing = False
    home.start()
    home.pass_time(DAY)

    assert home.written == ["06-02 06:00 CEST", "06-03 06:00 CEST"]


@pytest.mark.parametrize("content", [None, b"", b"{", b'{"daily": {"due": "x"}}'])
def test_without_a_readable_memory_nothing_is_made_up(content: bytes | None, house: Callable[..., House]) -> None:
    home = house("2026-06-01 12:00")
    memory = home.folder / "state" / FILE_NAME
    home.now += 2 * DAY
    memory.unlink() if content is None else memory.write_bytes(content)
    home.start()
    home.pass_time(HOUR)

    assert home.written == []
    assert home.remembered["daily"]["due"] == berlin("2026-06-03 06:00")


def test_where_the_memory_cannot_be_written_reports_come_all_the_same(
    house: Callable[..., House], caplog: pytest.LogCaptureFixture
) -> None:
    # below a file there can be no folder
    home = house("2026-06-01 12:00", state="config.yaml/state")
    home.pass_time(2 * DAY)
    home.now += 2 * DAY
    home.start()
    home.pass_time(HOUR)

    assert home.written == ["06-02 06:00 CEST", "06-03 06:00 CEST"]
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == 2 * [
        "state_dir is not writable: a report missed while down is not made up"
    ]


def test_the_clock_may_go_forward_by_days(house: Callable[..., House]) -> None:
    home = house("2026-06-01 12:00")
    home.pass_time(HOUR)
    home.now += 5 * DAY
    home.pass_time(HOUR)

    assert home.written == ["06-06 13:01 CEST"]


def test_the_clock_may_go_back_a_little_without_a_second_report(house: Callable[..., House]) -> None:
    home = house("2026-06-01 12:00")
    home.pass_time(18 * HOUR)
    home.now -= 3 * HOUR
    home.pass_time(6 * HOUR)

    assert home.written == ["06-02 06:00 CEST"]


def test_a_clock_that_was_years_ahead_costs_no_reports_once_it_is_right(house: Callable[..., House]) -> None:
    home = house("2036-06-01 05:00")
    home.pass_time(2 * HOUR)
    home.now = berlin("2026-06-01 12:00")
    for _ in range(2):
        home.pass_time(DAY)
        home.start()

    assert home.written == ["06-01 06:00 CEST", "06-02 06:00 CEST", "06-03 06:00 CEST"]


def test_a_machine_that_boots_in_the_past_repeats_nothing_when_its_clock_is_set(house: Callable[..., House]) -> None:
    home = house("2026-06-01 12:00")
    home.pass_time(DAY)
    home.now = berlin("2024-01-01 00:00")
    home.start()
    home.pass_time(60)
    home.now = berlin("2026-06-02 12:05")
    home.pass_time(HOUR)

    assert home.written == ["06-02 06:00 CEST"]


def test_a_report_that_fails_is_tried_again_and_logged_once(
    house: Callable[..., House], caplog: pytest.LogCaptureFixture
) -> None:
    home = house("2026-06-01 05:59")
    home.failure = OutputError("reports", "no space left on device", "free some space there")
    home.now += 60

    home.reporting.check()
    home.pass_time(2 * RETRY_SECONDS, step=1)
    assert home.failures() == 3
    assert [getattr(record, FIELDS) for record in caplog.records] == [
        {"report": "daily", "error": "cannot write reports: no space left on device; free some space there"}
    ]

    home.failure = None
    home.pass_time(RETRY_SECONDS)
    assert home.written == ["06-01 06:03 CEST"]


def test_old_files_go_also_while_a_report_fails(house: Callable[..., House]) -> None:
    home = house("2026-06-01 05:59")
    home.failure = OutputError("reports", "no bundle: it has no SHA256SUMS")
    home.pass_time(3 * 60)

    assert home.written == []
    assert len(home.removed_at) == home.failures() == 3


def test_a_bug_in_a_renderer_is_logged_and_does_not_end_the_thread(
    house: Callable[..., House], caplog: pytest.LogCaptureFixture
) -> None:
    home = house("2026-06-01 05:59")
    home.failure = ZeroDivisionError("a bug")
    home.pass_time(3 * 60)
    home.failure = None
    home.pass_time(60)

    assert home.written == ["06-01 06:03 CEST"]
    assert [record.exc_info is not None for record in caplog.records if record.levelno == logging.ERROR] == [True]


def test_a_report_that_is_switched_off_is_not_written_and_not_made_up(house: Callable[..., House]) -> None:
    home = house("2026-06-01 12:00")
    home.enabled = False
    home.start()
    home.pass_time(DAY)
    home.enabled = True
    home.start()
    home.pass_time(HOUR)

    assert home.written == []


def test_the_report_at_the_start_is_not_the_days_report(house: Callable[..., House]) -> None:
    home = house("2026-06-01 05:00")
    home.start(at_start=True)
    home.pass_time(2 * HOUR)

    assert home.written == ["06-01 05:00 CEST", "06-01 06:00 CEST"]
    assert home.store.latest_pdf == home.folder / "vzcover-20260101T000000Z.pdf"


WEEKLY = "{name: weekly, at: '07:00', days: monday}"
MONTHLY = "{name: monthly, days: [1, 31], match: {tags: [db]}}"


def test_every_report_has_its_own_days_and_time(house: Callable[..., House]) -> None:
    # 1 June 2026 is a Monday
    home = house("2026-05-30 12:00", reports=f"[{WEEKLY}, {MONTHLY}]")
    home.pass_time(10 * DAY)

    assert [made for made in home.made if made[0] != "daily"] == [
        ("monthly", "05-31 06:00 CEST"),
        ("monthly", "06-01 06:00 CEST"),
        ("weekly", "06-01 07:00 CEST"),
        ("weekly", "06-08 07:00 CEST"),
    ]
    assert len(home.written) == 10
    assert home.store.latest_pdf == home.folder / "vzcover-20260101T000000Z.pdf"


def test_reports_that_are_due_together_are_made_in_the_order_of_the_file(house: Callable[..., House]) -> None:
    home = house("2026-06-01 05:00", reports="[{name: zebra}, {name: ant}]")
    home.pass_time(HOUR)

    assert home.made == [(name, "06-01 06:00 CEST") for name in ("daily", "zebra", "ant")]


def test_of_each_report_the_newest_that_was_missed_is_made_up_once(house: Callable[..., House]) -> None:
    home = house("2026-05-30 12:00", reports=f"[{WEEKLY}, {MONTHLY}]")
    home.now += 20 * DAY
    for _ in range(3):
        home.start()
        home.pass_time(60)

    assert home.made == [(name, "06-19 12:01 CEST") for name in ("daily", "weekly", "monthly")]


@pytest.mark.parametrize("back", [60, HOUR, 8 * DAY])
def test_a_clock_set_back_repeats_no_weekly_report(back: int, house: Callable[..., House]) -> None:
    home = house("2026-06-01 06:00", reports=f"[{WEEKLY}]")
    home.pass_time(2 * HOUR)
    home.now -= back
    home.start()
    home.pass_time(back)

    assert [made for made in home.made if made[0] == "weekly"] == [("weekly", "06-01 07:00 CEST")]


def test_one_report_that_fails_stops_no_other_and_is_retried_by_itself(
    house: Callable[..., House], caplog: pytest.LogCaptureFixture
) -> None:
    home = house("2026-06-01 06:59", at="07:00", reports=f"[{WEEKLY}, {{name: other}}]")
    home.failure, home.failing = OutputError("weekly", "no space left on device", "free some space there"), {"weekly"}
    home.pass_time(5 * 60)

    assert home.made == [("daily", "06-01 07:00 CEST"), ("other", "06-01 07:00 CEST")]
    assert home.failures() == 0
    assert home.failures('vzcover_scheduled_report_failures_total{report="weekly"}') == 5
    assert home.failures('vzcover_scheduled_report_failures_total{report="other"}') == 0
    assert home.status("weekly").due == berlin("2026-06-01 07:00")
    assert [record.levelno for record in caplog.records].count(logging.ERROR) == 1

    home.failure = None
    home.pass_time(60)
    assert home.made[2:] == [("weekly", "06-01 07:05 CEST")]
    assert home.status("weekly").due == berlin("2026-06-08 07:00")


def test_a_report_that_failed_until_the_restart_is_made_after_it(house: Callable[..., House]) -> None:
    home = house("2026-06-01 06:59", at="05:00", reports=f"[{WEEKLY}]")
    home.failure = OutputError("weekly", "no space left on device", "free some space there")
    home.pass_time(HOUR)
    home.failure = None
    for _ in range(2):
        home.start()
        home.pass_time(60)

    assert home.made == [("weekly", "06-01 08:00 CEST")]


def test_a_report_that_comes_with_a_reload_has_missed_nothing(house: Callable[..., House]) -> None:
    home = house("2026-06-01 12:00")
    home.reload(f"[{WEEKLY}]")
    home.pass_time(HOUR)
    assert home.made == []
    assert home.remembered["weekly"]["due"] == berlin("2026-06-01 07:00")

    home.pass_time(7 * DAY)
    assert ("weekly", "06-08 07:00 CEST") in home.made


def test_a_report_that_is_removed_is_forgotten_and_new_when_it_comes_back(house: Callable[..., House]) -> None:
    home = house("2026-06-01 12:00", reports=f"[{WEEKLY}]")
    home.reload("[]")
    home.pass_time(60)
    assert set(home.remembered) == {"daily"}

    home.now += 10 * DAY
    home.reload(f"[{WEEKLY}]")
    home.pass_time(60)
    assert [name for name, _ in home.made] == ["daily"]


def test_what_a_report_that_is_not_configured_left_is_forgotten_at_the_start(house: Callable[..., House]) -> None:
    home = house("2026-06-01 12:00", reports=f"[{WEEKLY}]")
    home.reports = "[]"
    home.start()

    assert set(home.remembered) == {"daily"}


def test_the_other_reports_are_made_while_the_daily_one_is_switched_off(house: Callable[..., House]) -> None:
    home = house("2026-06-01 12:00", reports="[{name: other}]")
    home.enabled = False
    home.start()
    home.pass_time(DAY)

    assert home.made == [("other", "06-02 06:00 CEST")]
    assert [(each.name, each.due) for each in home.reporting.statuses()] == [
        ("daily", None),
        ("other", berlin("2026-06-03 06:00")),
    ]


@pytest.fixture
def frozen() -> Iterator[FrozenDateTimeFactory]:
    with freeze_time("2026-03-28T12:00:00Z") as factory:
        assert isinstance(factory, FrozenDateTimeFactory)
        yield factory


# the machine's own clock, as the daemon reads it: 25 October has 25 hours, 29 March has 23
@pytest.mark.parametrize(
    ("times", "written"),
    [
        (["2026-03-28T12:00Z", "2026-03-29T00:29Z", "2026-03-29T00:30Z"], 0),
        (["2026-03-28T12:00Z", "2026-03-29T01:29Z", "2026-03-29T01:30Z"], 1),
        (["2026-10-24T12:00Z", "2026-10-25T00:29Z", "2026-10-25T00:30Z"], 1),
        (["2026-10-24T12:00Z", "2026-10-25T00:30Z", "2026-10-25T01:30Z", "2026-10-25T01:31Z"], 1),
    ],
)
def test_on_the_days_of_a_clock_change_by_the_machines_clock(
    times: list[str], written: int, house: Callable[..., House], frozen: FrozenDateTimeFactory
) -> None:
    home = house("2026-01-01 00:00", at="02:30")
    (home.folder / "state" / FILE_NAME).unlink()
    for place, moment in enumerate(times):
        frozen.move_to(moment)
        if place == 0:
            home.start(clock=machine_clock)
        home.reporting.check()

    assert len(home.written) == written
