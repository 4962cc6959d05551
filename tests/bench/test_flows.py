"""Both sides of the flows keep the same file and mail and keep the same value; FastAPI's where it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.bench.flows import BODY, FLOWS, SIDES
from tests.bench.hello import SIGNED
from tests.bench.processes import Served, served
from tests.bench.servers.computing import COMPUTE, REST
from tests.bench.servers.orders import CC, GREETING, RECIPIENT, SENDER, Places
from tests.bench.servers.peers import RATES
from tests.bench.test_servers import HAS_EXTRA
from workbench import DropboxConnection, RESTConnection, SMTPConnection, Workbench, secret
from workbench.core.secret import given

CALLED = (
    RESTConnection("Source", host="https://data.example.com"),
    SMTPConnection("Mail", host="mail.example.com", mode="plain"),
    DropboxConnection("Kept", user_agent="bench/1.0", token=secret("T")),
)


@pytest.fixture
def called(tmp_path: Path) -> Iterator[Workbench]:
    """Whom the sides call: peers in this process, where one can see what arrived, and a Redis."""
    with Workbench(port=0, folder=tmp_path, store="memory://") as wb:
        wb.define(*CALLED)
        wb.sandbox()
        wb.peers["Source"].reply("/rates", json=RATES)
        yield wb


def places(called: Workbench) -> Places:
    source, mail, kept = (called._parts.sandbox.stand_in(each) for each in CALLED)
    assert called.kvdb.conn.ping()
    return Places(
        source=source.host,
        dropbox=kept.api_url,
        token=given(kept.token.name),
        smtp_host=mail.host,
        smtp_port=mail.port,
        redis=called.kvdb.url,
    )


def ask(server: Served, path: str, method: str = "GET", data: bytes = b"") -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            method, f"http://127.0.0.1:{server.port}{path}", data=data, headers=dict(SIGNED), timeout=30
        )


@pytest.mark.parametrize("program", [each for name, each in SIDES.items() if name == "us" or HAS_EXTRA])
def test_each_side_keeps_the_file_and_mails_what_it_fetched(program: str, called: Workbench) -> None:
    with served(program, told=places(called)) as (server,):
        for request in FLOWS.values():
            assert ask(server, request.path, request.method, request.body).status_code < 300
        assert called.peers["Kept"].files["my-file.txt"] == BODY
        kept = called.kvdb.conn.get("newest.data")
        [mail] = called.peers["Mail"].messages
        assert (mail.sender, mail.to, mail.cc, mail.subject) == (SENDER, [RECIPIENT], [CC], "New data")
        assert mail.attachments == {"my.data.txt": kept.encode()}
        assert '"rate"' in kept
        server.tell(COMPUTE)
        for path in ("/hello", "/hello-async"):
            assert ask(server, path).text == GREETING
        server.tell(REST)
