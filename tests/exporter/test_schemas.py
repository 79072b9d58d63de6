"""Every JSON that vzcover writes, prints, serves, bundles or attaches fits the schema of it that is in docs/."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from exporter.bundle.content import ABOUT, Chain, Made
from exporter.bundle.write import write_bundle
from exporter.cli import main
from exporter.deliver import write_files
from exporter.reports import Written
from exporter.schemas import about_schema, history_schema, schema_text
from report.model.report import Report
from report.rows.shared import Reader
from report.words import LANGUAGES
from tests.builders import report
from tests.exporter.bundle.test_bundle import unheard
from tests.exporter.delivery.house import DAILY, READER, FakeDoor, House, channel
from tests.golden_files import assert_file
from tests.processes import Config, serving, wait_for, write_config
from tests.simulator_process import SimulatorHandle, running_simulator
from tests.specimen import specimen, specimen_with_backups

DOCS = Path(__file__).resolve().parents[2] / "docs"
SPECIMENS = (specimen(), specimen_with_backups(), report())


def fits(schema: str, text: str | bytes) -> Any:
    """Check a document against a schema of docs/; return it."""
    document = json.loads(text)
    Draft202012Validator(json.loads((DOCS / f"{schema}.schema.json").read_text())).validate(document)
    return document


@pytest.mark.parametrize(("name", "schema"), [("history", history_schema()), ("about", about_schema())])
def test_the_committed_schemas_are_the_code_s(name: str, schema: dict[str, Any]) -> None:
    assert_file(DOCS / f"{name}.schema.json", schema_text(schema))
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("judged", SPECIMENS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_written_file_fits(judged: Report, language: str, tmp_path: Path) -> None:
    (written,) = write_files(tmp_path, judged, Reader(language, UTC), ["json"])
    fits("report", written.read_bytes())


@pytest.mark.parametrize("judged", SPECIMENS)
@pytest.mark.parametrize("name", ["day", "day.zip"])
def test_a_bundle_s_report_and_what_it_says_of_itself_fit(judged: Report, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    made = Made(Chain("daily", by_hand=not path.suffix), 0 if path.suffix else None, "ab" * 32, "3.13.0")
    write_bundle(path, judged, READER, made, tell=unheard)
    for member, schema in (("report.json", "report"), (ABOUT, "about")):
        if path.is_dir():
            content = (path / member).read_bytes()
        else:
            with zipfile.ZipFile(path) as archive:
                content = archive.read(member)
        fits(schema, content)


@pytest.mark.parametrize("clusters", [(), ("lab",), ("nowhere",)])
def test_an_attachment_fits_also_one_cut_to_clusters(clusters: tuple[str, ...], tmp_path: Path) -> None:
    door = FakeDoor()
    house = House(tmp_path, channel("mail", door, attach=("json",), clusters=clusters))
    with house.running() as deliveries:
        deliveries.reported(DAILY, specimen_with_backups(), Written())
        wait_for(lambda: door.taken, "the message")
    (attached,) = door.taken[0][0].attachments
    document = fits("report", attached.content)
    assert not clusters or {guest["pve"] for guest in document["guests"]} <= set(clusters)


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorHandle]:
    with running_simulator("serve", "--guests", 12) as running:
        yield running


@pytest.fixture
def config(simulator: SimulatorHandle, tmp_path: Path) -> Config:
    return write_config(tmp_path, simulator)


def printed(capsys: pytest.CaptureFixture[str], config: Config, *arguments: str) -> str:
    capsys.readouterr()
    main([*arguments, "--config", str(config.path)])
    return capsys.readouterr().out


def test_what_is_printed_and_served_fits(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    assert fits("report", printed(capsys, config, "status", "--json"))["guests"]
    assert fits("report", printed(capsys, config, "report", "--format", "json", "--output", "-"))["guests"]
    with serving(config) as running:
        served = fits("report", running.get("/api/v1/report")[1])
    assert fits("history", printed(capsys, config, "history", "--json"))["days"]
    guest = served["guests"][0]
    assert fits("history", printed(capsys, config, "history", f"{guest['pve']}/{guest['vmid']}", "--json"))["days"]
