"""A corrected secret is taken at the next call, and a refusal says whose which secret is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workbench import (
    APIKey,
    DropboxConnection,
    FTPConnection,
    IMAPConnection,
    RESTChannel,
    RESTConnection,
    Service,
    SMTPConnection,
    TwilioConnection,
    secret,
)
from workbench.app.workbench import Workbench
from workbench.connections.common.errors import AccessRefused
from workbench.core.errors import ConnectionFailed
from workbench.core.masking import mask
from workbench.core.secret import Secret, given
from workbench.sandbox.http.source import HTTPSource
from workbench.sandbox.sms_gateway import SMSGateway

KINDS = [
    FTPConnection("Mine", host="example.com", username="ada", password=secret("MINE")),
    SMTPConnection("Mine", host="example.com", username="ada", password=secret("MINE")),
    IMAPConnection("Mine", host="example.com", username="ada", password=secret("MINE")),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".env").write_text("OTHER_PASSWORD=wrong-Canary-1\n")
    return tmp_path


@pytest.fixture
def peers() -> Iterator[Workbench]:
    with Workbench(port=0) as wb:
        yield wb


@pytest.mark.parametrize("definition", KINDS, ids=lambda each: each.kind)
def test_a_corrected_password_is_taken_at_the_next_call(peers: Workbench, folder: Path, definition: Any) -> None:
    peers.define(definition)
    peers.sandbox()
    played: Any = peers._parts.sandbox.stand_in(definition)
    password = given(played.password.name) or peers._parts.secrets.played.get(played.password.name)
    assert password
    with Workbench(port=0, folder=folder) as wb:
        wb.define(played.replace(password=secret("OTHER_PASSWORD")))
        item = wb.connections["Mine"]
        for _ in range(2):
            with pytest.raises(ConnectionFailed, match="Fix: set OTHER_PASSWORD .* of user") as refused:
                item.ping()
            assert repr(played.username) in str(refused.value)
            assert ".." not in str(refused.value).replace("...", "")
        (folder / ".env").write_text(f"OTHER_PASSWORD={password}\n")
        assert item.ping()
        assert mask("it was wrong-Canary-1") == "it was ***"


def test_a_changed_key_of_rest_is_sent_at_the_next_call_and_the_same_one_keeps_the_connection(folder: Path) -> None:
    class Open(Service):
        name = "open"

        def handle(self) -> str:
            return str(self.request.http.headers["X-Api-Key"])

    with Workbench(port=0, folder=folder) as wb:
        wb.deploy(Open)
        wb.define(RESTChannel("open", service="open", path="/open"))
        wb.define(RESTConnection("Here", host=wb.start(), path="/open", api_key=secret("OTHER_PASSWORD")))
        item = wb.connections["Here"]
        first = item.conn
        assert first.get("").text == "wrong-Canary-1"
        assert item.conn is first
        (folder / ".env").write_text("OTHER_PASSWORD=right-Canary-22\n")
        assert item.conn.get("").text == "right-Canary-22"
        (folder / ".env").write_text("")
        assert item.conn.get("").text == "right-Canary-22"


def test_a_users_key_is_read_again_when_its_cell_runs_again(folder: Path) -> None:
    with Workbench(port=0, folder=folder) as wb:

        class Open(Service):
            name = "open"

            def handle(self) -> str:
                return "come in"

        wb.deploy(Open)
        user = APIKey("ada", key=secret("OTHER_PASSWORD"))
        wb.define(user, RESTChannel("open", service="open", path="/open", security="ada"))
        (folder / ".env").write_text("OTHER_PASSWORD=right-Canary-22\n")
        wb.define(user)
        assert wb.call("/open", headers={"X-API-Key": "right-Canary-22"}).status == 200
        assert wb.call("/open", headers={"X-API-Key": "wrong-Canary-1"}).status == 401


def test_a_corrected_token_of_dropbox_is_taken_at_the_next_call(folder: Path) -> None:
    source = HTTPSource("plays Dropbox").start()
    definition = DropboxConnection("Mine", user_agent="t/1", api_url=source.url, token=secret("OTHER_PASSWORD"))
    source.reply("/2/check/user", status=401, json={"error": {".tag": "invalid_access_token"}})
    with Workbench(port=0, folder=folder) as wb:
        wb.define(definition)
        item = wb.connections["Mine"]
        for _ in range(2):
            with pytest.raises(
                ConnectionFailed, match="not valid, .* Fix: set OTHER_PASSWORD to the right value, which"
            ):
                item.ping()
        assert source.requests[-1].headers["Authorization"] == "Bearer wrong-Canary-1"
        (folder / ".env").write_text("OTHER_PASSWORD=right-Canary-22\n")
        with pytest.raises(ConnectionFailed):
            item.ping()
        assert source.requests[-1].headers["Authorization"] == "Bearer right-Canary-22"
    source.stop()


def test_a_corrected_token_of_twilio_is_taken_at_the_next_call(folder: Path) -> None:
    gateway = SMSGateway("plays Twilio").start()
    played = gateway.stand_in(TwilioConnection("Mine", account_sid="AC01", auth_token=secret("MINE")))
    assert isinstance(played.auth_token, Secret)
    with Workbench(port=0, folder=folder) as wb:
        wb.define(played.replace(auth_token=secret("OTHER_PASSWORD")))
        item = wb.connections["Mine"]
        for _ in range(2):
            with pytest.raises(
                AccessRefused, match="401, .* Fix: set OTHER_PASSWORD to the right value, which is read"
            ):
                item.ping()
        (folder / ".env").write_text(f"OTHER_PASSWORD={given(played.auth_token.name)}\n")
        assert item.ping().startswith("account ")
    gateway.stop()
