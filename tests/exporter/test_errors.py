"""Errors name the thing and the remedy in one line, and have the exit code of the command that ends on them."""

from __future__ import annotations

import pytest

from exporter.errors import (
    HEADLINES,
    AuthenticationFailed,
    ConfigError,
    ConfigProblem,
    DeadlinePassed,
    Denied,
    FailureReason,
    Malformed,
    NotFound,
    OutputError,
    ServerFailed,
    SourceError,
    TlsFailed,
    Unreachable,
    VzcoverError,
)


def test_a_source_error_with_a_status_names_source_endpoint_and_remedy() -> None:
    error = Denied("pve lab", "/cluster/backup", "token a@pve!b lacks Sys.Audit on /", "run: pveum acl", status=403)
    assert str(error) == "pve lab: 403 on /cluster/backup: token a@pve!b lacks Sys.Audit on /; run: pveum acl"


def test_a_source_error_without_an_answer_says_what_happened() -> None:
    error = Unreachable("pbs vault", "/version", "pbs1:8007 refused", reason=FailureReason.RESET)
    assert str(error) == "pbs vault: connection reset on /version: pbs1:8007 refused"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Unreachable, "connect"),
        (TlsFailed, "tls"),
        (AuthenticationFailed, "unauthorized"),
        (Denied, "forbidden"),
        (NotFound, "not_found"),
        (ServerFailed, "server_error"),
        (Malformed, "malformed"),
        (DeadlinePassed, "deadline"),
    ],
)
def test_each_kind_of_source_error_has_its_reason(kind: type[SourceError], reason: str) -> None:
    assert kind("pve lab", "/version", "").reason == reason


def test_a_tls_failure_is_a_kind_of_unreachable() -> None:
    assert issubclass(TlsFailed, Unreachable)


def test_every_reason_has_a_headline() -> None:
    assert set(HEADLINES) == set(FailureReason)


def test_exit_codes_are_those_of_the_command_line() -> None:
    codes = [kind.exit_code for kind in (VzcoverError, ConfigError, SourceError, OutputError)]
    assert codes == [1, 2, 3, 4]


def test_a_config_error_has_a_line_for_each_problem() -> None:
    error = ConfigError(
        [ConfigProblem("c.yaml", 3, "pve[0].name", "missing"), ConfigProblem("c.yaml", None, "", "empty")]
    )
    assert str(error) == "c.yaml:3: pve[0].name: missing\nc.yaml: empty"


def test_a_problem_is_one_printable_line_whatever_it_holds() -> None:
    assert str(ConfigProblem("c.yaml", 1, "a\nb", "x\x1b[31m\ud800")) == "c.yaml:1: a�b: x�[31m�"


def test_an_output_error_names_the_file() -> None:
    assert (
        str(OutputError("/r/a.pdf", "no space left", "free some")) == "cannot write /r/a.pdf: no space left; free some"
    )
