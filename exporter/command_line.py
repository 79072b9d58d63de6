"""What the commands share: the configuration and the clock that the command line names, complaints, output as bytes.

It imports little, so that a command which needs no more starts at once.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable

from exporter.config.load import LoadedConfig, find_config, load_config
from exporter.errors import ConfigError, ConfigProblem
from exporter.terminal import complain

# the year 3000; --now in milliseconds would be far beyond
LATEST = 32_503_680_000


def load(options: argparse.Namespace) -> LoadedConfig:
    """Given the command line, return the configuration; raise ConfigError."""
    return load_config(find_config(options.config, os.environ), os.environ)


def clock(options: argparse.Namespace) -> Callable[[], float]:
    """Given the command line, return the clock: the machine's, or one that stands at --now."""
    return time.time if options.now is None else lambda: float(options.now)


def usage(option: str, message: str) -> ConfigError:
    """Given an option and what is wrong with it, return the error."""
    return ConfigError([ConfigProblem("command line", None, option, message)])


def epoch(text: str) -> int:
    """Given the value of --now, return it; argparse turns the error into a usage message and exit code 2."""
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text} is not an instant in epoch seconds, such as 1795234733")
    if int(text) > LATEST:
        raise argparse.ArgumentTypeError(f"{text} is too far ahead; give seconds, not milliseconds")
    return int(text)


def write_out(content: bytes) -> None:
    """Write bytes to standard output as they are, whatever its encoding."""
    sys.stdout.flush()
    sys.stdout.buffer.write(content)


def warn(loaded: LoadedConfig) -> None:
    """Tell on standard error what is doubtful in a configuration."""
    for warning in loaded.warnings:
        complain(f"warning: {warning}")
