"""How single settings are written: durations, addresses, fingerprints and the like."""

from __future__ import annotations

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.addresses import Address, HostKind, ListenKind, parse_address
from exporter.config.kinds import Kind
from exporter.config.numbers import Duration, Flag, Percent, Whole, written_duration
from exporter.config.texts import Fingerprint, Secret, TimeOfDay, TokenId, Zone

LONG = 10**9 - 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("300", 300),
        ("0300", 300),
        ("90s", 90),
        ("5m", 300),
        ("24h", 86_400),
        ("1h30m", 5400),
        ("90d", 7_776_000),
        ("2w", 1_209_600),
        ("1d12h", 129_600),
        ("1m30", 90),
        ("0", 0),
    ],
)
def test_durations(text: str, seconds: int) -> None:
    assert Duration(0, LONG).parse(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["5 m", "m", "1m1h", "1.5h", "-5m", "+5", "1e3", "5M", "5min", "22:30", "٣٠", "1h1h", "h5", "", " ", "9" * 99],
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|expected text"):
        Duration(0, LONG).parse(text)


@given(st.integers(0, LONG))
def test_a_written_duration_reads_back(seconds: int) -> None:
    assert Duration(0, LONG).parse(written_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"), [(300, "5m"), (86_400, "24h"), (7_776_000, "90d"), (90, "90s"), (5400, "90m")]
)
def test_durations_are_written_as_people_do(seconds: int, text: str) -> None:
    assert written_duration(seconds) == text


@pytest.mark.parametrize(("text", "fraction"), [("10%", 0.1), ("0.1", 0.1), ("0%", 0), ("0", 0), ("12.5 %", 0.125)])
def test_percentages(text: str, fraction: float) -> None:
    assert Percent(50).parse(text) == fraction


@pytest.mark.parametrize("value", ["yes", "no", "on", "off", "True", "1", "0", "y", "", None, 1, 0])
def test_only_true_and_false_are_flags(value: object) -> None:
    with pytest.raises(ValueError, match="write true or false"):
        Flag().parse(value)


@pytest.mark.parametrize("value", ["1_000", "0x10", "1.0", "٣", "1e2", True, None, [], "--1"])
def test_what_is_no_whole_number(value: object) -> None:
    with pytest.raises(ValueError, match=r"whole number|expected text"):
        Whole(0, 10_000).parse(value)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("pve1", "pve1", 8006),
        ("pve1.example.com:443", "pve1.example.com", 443),
        ("pve1.example.com.", "pve1.example.com.", 8006),
        ("10.0.0.1", "10.0.0.1", 8006),
        ("2001:db8::1", "2001:db8::1", 8006),
        ("[2001:db8::1]", "2001:db8::1", 8006),
        ("[fe80::1%eth0]:1", "fe80::1%eth0", 1),
        ("my_host", "my_host", 8006),
    ],
)
def test_hosts(text: str, host: str, port: int) -> None:
    assert HostKind(8006).parse(text) == Address(host, port)


NO_HOSTS = "|:8006|a:|a:b|a:0|a:65536|a:-1|https://a|a/b|u:p@a|[::1|[::g]|[a]:1|10.0.0.256|1.2.3|a..b|-a|a-|a b|é|[::1]x|a:٣|::1]:5"


@pytest.mark.parametrize("text", [*NO_HOSTS.split("|"), "a" * 64])
def test_what_is_no_host(text: str) -> None:
    with pytest.raises(ValueError, match=r"write pve1|expected text"):
        HostKind(8006).parse(text)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [(":10977", "", 10977), ("127.0.0.1:0", "127.0.0.1", 0), ("[::]:1", "::", 1), ("localhost:80", "localhost", 80)],
)
def test_addresses_to_listen_on(text: str, host: str, port: int) -> None:
    assert ListenKind().parse(text) == Address(host, port)
    assert ListenKind().parse(str(Address(host, port))) == Address(host, port)


@pytest.mark.parametrize("text", ["10977", "localhost", "[::1]", ":", ":x", "unix:/run/x", "::1:80"])
def test_what_is_no_address_to_listen_on(text: str) -> None:
    with pytest.raises(ValueError, match="write :10977"):
        ListenKind().parse(text)


@given(st.text(alphabet=":[].%a1/@-é ", max_size=12), st.sampled_from([None, 8006]))
def test_any_text_is_an_address_that_reads_back_or_a_value_error(text: str, port: int | None) -> None:
    try:
        address = parse_address(text, port)
    except ValueError:
        return
    assert parse_address(str(address), port) == address


@pytest.mark.parametrize(
    "text", ["ab" * 32, "AB:" * 31 + "ab", "SHA256:" + "ab" * 32, "sha256=" + "AB" * 32, "ab " * 32]
)
def test_fingerprints_are_normalised(text: str) -> None:
    assert Fingerprint().parse(text) == ":".join(["AB"] * 32)


@pytest.mark.parametrize("text", ["a@pve!b", "first.last@ad!vzcover-1", "me@mail.example@ldap!x_1"])
def test_token_ids(text: str) -> None:
    assert TokenId().parse(text) == text


@pytest.mark.parametrize("text", ["a@pve", "pve!b", "@pve!b", "a@!b", "a@pve!", "a b@pve!c", "a@pve!b=c", "a@pve!b:c"])
def test_what_is_no_token_id(text: str) -> None:
    with pytest.raises(ValueError, match="USER@REALM!TOKEN"):
        TokenId().parse(text)


@pytest.mark.parametrize(("text", "value"), [("06:00", time(6)), ("6:05", time(6, 5)), ("23:59", time(23, 59))])
def test_times_of_day(text: str, value: time) -> None:
    assert TimeOfDay().parse(text) == value


@pytest.mark.parametrize("text", ["24:00", "06:60", "6", "06:00:00", "6pm", "-1:00"])
def test_what_is_no_time_of_day(text: str) -> None:
    with pytest.raises(ValueError, match="write HH:MM"):
        TimeOfDay().parse(text)


@pytest.mark.parametrize(
    "text", ["Europe", "/etc/localtime", "../UTC", "Mars/Olympus", "\x00", "\ud800", "a" * 300, "UTC\n."]
)
def test_what_is_no_zone(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a time zone|expected text"):
        Zone().parse(text)


@pytest.mark.parametrize("text", ["a@pve!b=c", "PVEAPIToken=a@pve!b=c", "PBSAPIToken=a@pbs!b:c"])
def test_a_whole_token_is_no_secret(text: str) -> None:
    with pytest.raises(ValueError, match="holds the whole token"):
        Secret().parse(text)


@pytest.mark.parametrize(
    "kind", [Flag(), Whole(0, 9), Duration(0, 9), Percent(9), HostKind(1), TimeOfDay(), Zone(), TokenId()]
)
@given(st.none() | st.text() | st.lists(st.text(), max_size=1) | st.floats() | st.integers() | st.booleans())
def test_any_value_is_taken_or_a_value_error(kind: Kind, value: object) -> None:
    try:
        kind.parse(value)
    except ValueError as error:
        message = str(error)
        assert message
