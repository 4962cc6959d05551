"""A PostgreSQL of our own for the time of the tests, and a PgBouncer before it, both reached by sockets in folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.programs import found
from workbench.connections.sql.definition import SQLConnection
from workbench.core.secret import secret

PASSWORD = "kept-4711-secret"
# Neither runs as root.
USER = "nobody" if os.getuid() == 0 else None
BOUNCER = """
[databases]
postgres = host={server} dbname=postgres
[pgbouncer]
listen_port = 6432
unix_socket_dir = {folder}
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 2
{more}
"""


def postgres_binary(name: str) -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name)


@contextmanager
def folder_of_its_own(prefix: str) -> Iterator[str]:
    """A folder for the user who runs it; with a short path, since the path of a socket may have about 100 letters."""
    folder = tempfile.mkdtemp(prefix=prefix)
    if USER:
        shutil.chown(folder, USER)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[SQLConnection]:
    """A connection to a server of our own."""
    initdb, pg_ctl = postgres_binary("initdb"), postgres_binary("pg_ctl")
    if initdb is None or pg_ctl is None:
        pytest.skip("PostgreSQL is not installed: apt install postgresql")
    with folder_of_its_own("pg-") as folder:

        def run(*command: str) -> None:
            subprocess.run(command, check=True, capture_output=True, timeout=50, user=USER, cwd=folder)

        data = f"{folder}/data"
        Path(f"{folder}/password").write_text(PASSWORD)
        access = ("-U", "tester", "-A", "scram-sha-256", f"--pwfile={folder}/password")
        run(initdb, "-D", data, *access, "--no-sync", "-E", "UTF8", "--locale=C")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        run(pg_ctl, "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start")
        try:
            account = {"username": "tester", "password": secret("PG_PASSWORD")}
            yield SQLConnection("My SQL", engine="postgresql", host=folder, database="postgres", **account)
        finally:
            run(pg_ctl, "-D", data, "-m", "immediate", "stop")


@pytest.fixture(scope="session")
def pgbouncer(postgres: SQLConnection) -> Iterator[SQLConnection]:
    """The same through PgBouncer in transaction mode, as it is installed."""
    with bounced(postgres) as definition:
        yield definition


@pytest.fixture(scope="session")
def lenient_pgbouncer(postgres: SQLConnection) -> Iterator[SQLConnection]:
    """One that passes over what it does not know at the start, as is often advised."""
    with bounced(postgres, "ignore_startup_parameters = options, extra_float_digits") as definition:
        yield definition


@contextmanager
def bounced(postgres: SQLConnection, more: str = "") -> Iterator[SQLConnection]:
    """A PgBouncer, until the end of the block."""
    program = found("pgbouncer", "pgbouncer")
    with folder_of_its_own("bouncer-") as folder:
        Path(f"{folder}/users").write_text(f'"tester" "{PASSWORD}"\n')
        Path(f"{folder}/bouncer.ini").write_text(BOUNCER.format(folder=folder, server=postgres.host, more=more))
        command = [program, f"{folder}/bouncer.ini"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, user=USER, cwd=folder)
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if "process up" in line:
                break
        else:
            raise AssertionError(f"PgBouncer did not start: {''.join(said)}")
        try:
            yield postgres.replace(host=folder, port=6432)
        finally:
            # At once, not when its clients have gone.
            process.kill()
            process.communicate(timeout=30)
