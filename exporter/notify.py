"""`vzcover notify --test`: a test message by one channel or all, now and without the outbox, and what came of it."""

from __future__ import annotations

import argparse

from exporter.command_line import clock, load, usage, warn
from exporter.concealed import blotted
from exporter.delivery.build import channels_of
from exporter.delivery.channel import Channel
from exporter.delivery.compose import test_message
from exporter.errors import DeliveryError
from exporter.terminal import complain


def notify_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of notify."""
    parser.add_argument(
        "--test",
        nargs="?",
        const="",
        required=True,
        metavar="CHANNEL",
        help="send a test message by this channel (none: by all), and say what came of it",
    )


def notify(options: argparse.Namespace) -> int:
    """Send a test message by each channel that is meant; return 4 if one was not taken."""
    loaded = load(options)
    warn(loaded)
    channels = channels_of(loaded.config)
    if not channels:
        raise usage("deliver", "no channel is configured; docs/delivery.md tells how")
    wanted = [channel for channel in channels if options.test in ("", channel.name)]
    if not wanted:
        raise usage("--test", f"no channel is called {options.test}; there are {', '.join(c.name for c in channels)}")
    return max(_tried(channel, int(clock(options)())) for channel in wanted)


def _tried(channel: Channel, now: int) -> int:
    """Send by one channel and say what came of it; return an exit code."""
    targets = channel.door.targets
    try:
        sent = channel.door.send(test_message(channel, now), targets)
    except DeliveryError as error:
        complain(f"{channel.name}: {error}")
        return error.exit_code
    for refusal in sent.refused:
        complain(f"{channel.name}: refused: {refusal}")
    not_taken = len(sent.left) + len(sent.refused)
    if not_taken:
        complain(f"{channel.name}: not taken by {not_taken} of {len(targets)}")
        return DeliveryError.exit_code
    print(blotted(f"{channel.name}: taken by {len(targets)} of {len(targets)}"))
    return 0
