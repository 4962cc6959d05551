"""What goes wrong with an SFTP server, in our words."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from workbench.connections.common.errors import root_of
from workbench.connections.files.errors import AccessRefused, Interrupted, StorageFull
from workbench.connections.sftp.definition import SFTPConnection
from workbench.core.errors import ConnectionFailed


def who(definition: SFTPConnection) -> str:
    """The connection and its address."""
    return f"{definition} at {definition.address}"


@contextmanager
def troubles(definition: SFTPConnection) -> Iterator[None]:
    """Errors of the network and of paramiko, in our words."""
    import paramiko

    name = who(definition)
    try:
        yield
    except ConnectionFailed:
        raise
    except paramiko.AuthenticationException as exc:
        raise AccessRefused(
            f"{name} refused the user name, password or key: {exc} {definition.credentials_fix}"
        ) from exc
    except socket.gaierror as exc:
        raise ConnectionFailed(
            f"{definition}: the host {definition.host!r} does not resolve ({exc.strerror}). Fix: correct host="
        ) from exc
    except (TimeoutError, paramiko.SSHException) as exc:
        # Paramiko says of a silent server that its banner cannot be read.
        if not isinstance(root_of(exc), TimeoutError):
            raise Interrupted(f"{name} hung up in the middle of the conversation: {exc}.") from exc
        raise Interrupted(
            f"{name} did not answer within {definition.timeout_seconds:g} s. "
            f"Fix: check that it is up and reachable, or raise timeout_seconds"
        ) from exc
    except (EOFError, ConnectionResetError, BrokenPipeError) as exc:
        raise Interrupted(f"{name} hung up in the middle of the conversation: {exc or 'without a word'}.") from exc
    except OSError as exc:
        if is_a_no(exc):
            raise AccessRefused(
                f"{name} refused it: {exc.strerror or exc}. Fix: ask for the right to do that there."
            ) from exc
        raise Interrupted(f"{name} cannot be reached: {exc.strerror or exc}. Fix: check host and port") from exc


def is_a_no(exc: OSError) -> bool:
    """Whether the server said it: paramiko gives its answers the form of an operating system's errors."""
    if isinstance(exc, TimeoutError | ConnectionError) or str(exc) == "Socket is closed":
        return False
    return exc.errno in (None, errno.ENOENT, errno.EACCES)


def no_access(definition: SFTPConnection, path: str, exc: OSError) -> AccessRefused:
    """The error of a no about something that is there."""
    return AccessRefused(f"{who(definition)} refused {path or '/'!r}: {exc.strerror or exc}.")


def full(definition: SFTPConnection, path: str, exc: OSError) -> StorageFull:
    """The error of a write that was refused, which servers say in a word that names no reason."""
    return StorageFull(
        f"{who(definition)} takes no more of {path!r} ({exc.strerror or exc}), "
        f"as a full disk does. Fix: make room there."
    )
