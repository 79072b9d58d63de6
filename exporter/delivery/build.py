"""The configuration's channels → channels that can send."""

from __future__ import annotations

from exporter.config import delivery as configured
from exporter.config.model import Config
from exporter.delivery.channel import Channel, Door
from exporter.delivery.chat import MISSING, Chat, installed
from exporter.delivery.mail import Mail
from exporter.errors import ConfigError, ConfigProblem
from report.rows.shared import Reader


def channels_of(config: Config) -> tuple[Channel, ...]:
    """Given a configuration, return its channels; raise ConfigError if one needs apprise and that is not installed."""
    problems = [
        ConfigProblem("configuration", None, f"deliver[{index}].apprise", MISSING)
        for index, channel in enumerate(config.deliver)
        if channel.apprise is not None and not installed()
    ]
    if problems:
        raise ConfigError(problems)
    return tuple(_channel(channel, config) for channel in config.deliver)


def _channel(channel: configured.Channel, config: Config) -> Channel:
    return Channel(
        name=channel.name,
        when=frozenset(channel.when),
        clusters=channel.clusters,
        severities=frozenset(channel.severities),
        reader=Reader(channel.language or config.report.language, config.report.zone_info),
        attach=channel.mail.attach if channel.mail else (),
        door=_door(channel),
        language=channel.language,
    )


def _door(channel: configured.Channel) -> Door:
    mail, chat = channel.mail, channel.apprise
    if mail is None:
        return Chat(channel.name, chat.urls if chat else ())
    return Mail(
        host=mail.host,
        port=mail.port_number,
        security=mail.security,
        sender=mail.sender,
        targets=mail.to,
        ca_file=str(mail.ca_file) if mail.ca_file else None,
        username=mail.username,
        password=mail.password.get_secret_value() if mail.password else "",
    )
