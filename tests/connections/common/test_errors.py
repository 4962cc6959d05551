"""Errors of the network in our words, whatever a service was doing when they came."""

from __future__ import annotations

import socket
import ssl

import pytest

from tests.connections.suites.cases import CASES, Case, opened, silent
from workbench.connections.common.errors import AccessRefused, Interrupted, Refused, reason, root_of, unreachable
from workbench.core.errors import ConnectionFailed

FAR = [name for name, case in CASES.items() if case.at is not None]


@pytest.mark.parametrize("name", FAR)
def test_what_a_service_was_handling_is_no_cause_of_ours(name: str) -> None:
    case: Case = CASES[name]
    with silent() as address, opened(case.leading(*address, timeout_seconds=0.2)) as conn:
        # At first use a library is imported, which takes longer than the timeout.
        getattr(conn, "client", None)
        said = []
        for handled in (None, LookupError("hunter2")):
            try:
                if handled is not None:
                    raise handled
                conn.ping()
            except LookupError:
                with pytest.raises(ConnectionFailed) as failed:
                    conn.ping()
                assert "hunter2" not in str(failed.value)
                said.append(type(failed.value))
            except ConnectionFailed as exc:
                said.append(type(exc))
    assert said[0] is said[1]


def test_a_cause_is_followed_to_its_root() -> None:
    def library() -> None:
        try:
            raise ConnectionRefusedError(111, "Connection refused")
        except OSError:
            # As libraries do that do not say `from`.
            raise ValueError("a library's own")  # noqa: B904

    with pytest.raises(ValueError, match="own") as failed:
        library()
    assert isinstance(root_of(failed.value), ConnectionRefusedError)
    assert reason(failed.value) == "[Errno 111] Connection refused"


@pytest.mark.parametrize(
    ("cause", "kind", "words"),
    [
        (TimeoutError(), Interrupted, "did not answer within 2 s. Fix: .*raise timeout_seconds"),
        (ConnectionResetError(), Interrupted, "hung up in the middle"),
        (ssl.SSLEOFError(), Interrupted, "hung up in the middle"),
        (ssl.SSLError(1, "wrong version number"), Interrupted, "cannot be reached: wrong version number"),
        (ConnectionRefusedError(111, "Connection refused"), Interrupted, "cannot be reached: Connection refused. Fix"),
        (socket.gaierror(socket.EAI_NONAME, "unknown"), ConnectionFailed, r"does not resolve \(unknown\)"),
        (socket.gaierror(socket.EAI_AGAIN, "later"), Interrupted, r"does not resolve \(later\)"),
    ],
)
def test_a_network_that_did_not_carry_is_said_in_one_sentence(
    cause: OSError, kind: type[ConnectionFailed], words: str
) -> None:
    error = unreachable("FTP 'F'", "h:21", 2.0, cause)
    assert type(error) is kind
    with pytest.raises(kind, match=f"^FTP 'F' at h:21 .*{words}"):
        raise error


def test_a_refused_access_is_a_refusal_and_a_permission_error() -> None:
    assert issubclass(AccessRefused, Refused)
    assert issubclass(AccessRefused, PermissionError)
