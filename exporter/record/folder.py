"""A recording as a folder: one file an answer, one folder a source, in the form that `python -m simulator replay` serves."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from exporter.errors import OutputError
from exporter.record.scrub import Recorded

# says what a folder is, and when it was made; the simulator reads it as its clock
EPOCH_FILE = "RECORDED_AT_EPOCH"
CONFIG_FILE = "config.yaml"
PREFIX = "/api2/json"
LONGEST_NAME = 80


def check_folder(folder: Path, force: bool) -> None:
    """Given where to record, and whether an older recording may give way, raise OutputError if something else is there."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise OutputError(str(folder), "it is no folder", "choose another one")
    if not any(folder.iterdir()):
        return
    if not force:
        raise OutputError(
            str(folder), "it is not empty", "choose another folder, or replace an older recording with --force"
        )
    if not (folder / EPOCH_FILE).is_file():
        raise OutputError(str(folder), "it holds something else than a recording", "choose another folder")


def write_recording(
    folder: Path, now: int, sources: Mapping[str, Sequence[Recorded]], config: str, *, force: bool = False
) -> list[Path]:
    """Given a folder, when it was recorded (epoch), each source's answers, and the configuration for a replay, write them whole or not at
    all; return the sources' folders. Raises OutputError, also for a folder that must not be replaced.
    """
    check_folder(folder, force)
    target = folder.absolute()
    try:
        with _beside(target) as made:
            (made / EPOCH_FILE).write_text(f"{now}\n")
            _private(made / CONFIG_FILE, config)
            for name, answers in sources.items():
                (made / name).mkdir()
                (made / name / EPOCH_FILE).write_text(f"{now}\n")
                for number, answer in enumerate(answers, 1):
                    (made / name / _file_name(number, answer)).write_text(_document(answer), encoding="utf-8")
            _swap(made, target)
    except OSError as error:
        raise OutputError(str(folder), (error.strerror or str(error)).lower(), "choose another folder") from None
    return [folder / name for name in sources]


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A folder on the same file system, gone in the end unless it was renamed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _swap(made: Path, target: Path) -> None:
    """Put the new folder where the old one was; that one is kept until the new one is there."""
    if not target.exists():
        made.rename(target)
        return
    with _beside(target) as aside:
        target.rename(aside / target.name)
        try:
            made.rename(target)
        except OSError:
            (aside / target.name).rename(target)
            raise


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _file_name(number: int, answer: Recorded) -> str:
    """`0001-cluster-status.json`: a number, because two requests may differ in the query only."""
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", answer.path).strip("-.")[:LONGEST_NAME]
    return f"{number:04d}-{readable}.json"


def _document(answer: Recorded) -> str:
    document = {
        "request": {"method": answer.method, "path": f"{PREFIX}{answer.path}", "params": dict(answer.query)},
        "status": answer.status,
        "reason": answer.reason,
        "content_type": answer.content_type,
        "body": answer.body,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
