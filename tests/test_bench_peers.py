"""The comparison says what was measured, and the other exporter is pinned by hashes; the measuring itself is never part of CI."""

from __future__ import annotations

import re

from bench.peers.document import document
from bench.peers.exporter import VENV
from bench.peers.measure import Case, Fault, Measured, Scrape
from tests.simulator_process import REPOSITORY

CASE = Case(2_000, 50)
OTHER = Measured(
    "other", CASE, (0.25, 0.5, 1.0), 11, None, 1_234, ("other_backed_up",), (Fault("/a", 500, 0, "the scrape fails"),)
)
OURS = Measured("vzcover", CASE, (0.001,), 0, (3.456, 208, 87), 2_000, (), (Fault("/a", 200, 2_001, "nothing"),))


def test_the_document_holds_every_figure_that_was_measured() -> None:
    text = document({"date": "today"}, [OTHER, OURS])
    assert "| date | today |\n" in text
    assert "| 2,000 | 50 ms | other | 500.0 ms | 1000.0 ms | 11 | – | – | – | 1,234 |\n" in text
    assert "| 2,000 | 50 ms | vzcover | 1.0 ms | 1.0 ms | 0 | 208 | 87 | 3.46 s | 2,000 |\n" in text
    assert "| 2,000 | 50 ms | `/a` | other | 500 | 1,234 → 0 | the scrape fails |\n" in text
    assert "| other | `other_backed_up` |\n" in text


def test_series_and_families_are_counted_off_the_text() -> None:
    text = '# HELP a A.\n# TYPE a gauge\na 1\na{b="c"} 2\n'
    assert (Scrape(0.1, 200, text).series, Scrape(0.1, 200, text).families) == (2, {"a"})
    assert Scrape(0.1, 500, "an error\n").series == 0


def test_each_package_of_the_other_exporter_is_pinned_with_hashes() -> None:
    text = (REPOSITORY / "bench" / "peers" / "requirements.lock").read_text()
    pins = re.findall(r"^[a-z0-9-]+==\S+.*\\\n    --hash=sha256:", text, re.MULTILINE)
    assert len(pins) == len(re.findall(r"^[a-z0-9]", text, re.MULTILINE)) > 5
    assert (REPOSITORY / "bench" / "peers" / "requirements.in").read_text().strip() + " \\\n" in text


def test_the_target_makes_the_environment_that_the_bench_looks_for() -> None:
    assert f"PEERS := {VENV.relative_to(REPOSITORY)}\n" in (REPOSITORY / "Makefile").read_text()
