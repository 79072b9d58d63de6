"""Which format and encoding a client wants, out of its Accept and Accept-Encoding headers (RFC 9110, section 12.5)."""

from __future__ import annotations

from collections.abc import Iterator

OPENMETRICS = "application/openmetrics-text"
TEXT = ("text/plain", "text/*", "*/*")
VERSIONS = ("", "1.0.0")


def wants_openmetrics(accept: str) -> bool:
    """Given an Accept header, say whether OpenMetrics 1.0 is asked for and no text format is preferred."""
    openmetrics = text = 0.0
    for media_type, parameters, quality in _weighted(accept):
        if media_type == OPENMETRICS and parameters.get("version", "") in VERSIONS:
            openmetrics = max(openmetrics, quality)
        elif media_type in TEXT:
            text = max(text, quality)
    return openmetrics > 0 and openmetrics >= text


def accepts_gzip(accept_encoding: str) -> bool:
    """Given an Accept-Encoding header, say whether gzip may be sent."""
    qualities = {encoding: quality for encoding, _, quality in _weighted(accept_encoding)}
    return qualities.get("gzip", qualities.get("*", 0.0)) > 0


def _weighted(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """Yield each element with its parameters and its weight, which is 1 unless `q` says otherwise and 0 where that is nonsense."""
    for element in header.split(","):
        name, *written = (part.strip() for part in element.split(";"))
        parameters = {
            key.strip().lower(): value.strip(' "') for key, _, value in (part.partition("=") for part in written)
        }
        try:
            quality = float(parameters.get("q", "1"))
        except ValueError:
            quality = 0.0
        yield name.lower(), parameters, quality
