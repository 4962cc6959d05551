"""Requests made by hand as a line for a shell; a real curl runs it."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from workbench.app.workbench import Workbench
from workbench.channels.rest import RESTChannel
from workbench.core.errors import ServiceUsage
from workbench.core.secret import give, secret
from workbench.core.service import Service
from workbench.security.definitions import APIKey, BasicAuth

ODD = "'\"$HOME `id` \\ ł !\n--next %s"
BIG = os.urandom(1 << 20) * 9


class Shows(Service):
    name = "shows"

    def handle(self) -> Any:
        http = self.request.http
        return {
            "method": http.method,
            "path": http.path,
            "query": http.GET,
            "type": http.headers.get("Content-Type"),
            "own": http.headers.get("X-Own"),
            "empty": http.headers.get("X-Empty"),
            "body": self.request.raw_request.hex()[:1000],
            "size": self.request.stream.seek(0, 2),
        }


@pytest.fixture
def wb(wb: Workbench) -> Workbench:
    give("USERS_PASSWORD", "s3cret ł\"'$")
    give("a key, of mine", "k3y")
    wb.deploy(Shows)
    wb.define(
        BasicAuth("my.user", password=secret("USERS_PASSWORD")),
        APIKey("my.key", key=secret("a key, of mine"), header="X-Key"),
        RESTChannel("shows", path="/shows/{rest}", data_format="raw", match_slash=True, max_body_bytes=16 << 20),
        RESTChannel("users", path="/users", service="shows", data_format="raw", security="my.user"),
        RESTChannel("keys", path="/keys", service="shows", data_format="raw", security="my.key"),
        RESTChannel("short", path="/short", service="shows", data_format="raw"),
    )
    return wb


def ran(line: str, **variables: str) -> bytes:
    """What a shell prints that runs the line."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: apt install curl")
    # No ~/.curlrc and no proxy of the person's.
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": "/nowhere", **variables}
    done = subprocess.run(["sh", "-euc", line], capture_output=True, timeout=30, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("call", "more"),
    [
        ("GET /shows/a", {}),
        ("GET /shows/a/../b/[1-3]?x=1&y=%26&z={a,b}&q='\"$HOME", {}),
        ("POST /shows/a", {}),
        ("DELETE /shows/ł", {"data": "x"}),
        ("POST /shows/a", {"data": ODD}),
        ("POST /shows/a", {"data": "@/etc/hostname"}),
        ("POST /shows/a", {"data": b""}),
        ("PUT /shows/a", {"data": bytes(range(256))}),
        ("POST /shows/a", {"data": {"a": ODD}}),
        ("POST /shows/a", {"data": "a=1", "headers": {"Content-Type": "text/x", "X-Own": ODD[:14], "X-Empty": ""}}),
    ],
)
def test_curl_sends_the_same_request(wb: Workbench, call: str, more: dict[str, Any]) -> None:
    answer = wb.call(call, **more)
    assert answer.status == 200
    assert ran(answer.copy_as_curl()) == answer.body


def test_curl_asks_for_a_head(wb: Workbench) -> None:
    line = wb.call("HEAD /shows/a").copy_as_curl()
    assert repr(line) == str(line)
    assert ran(line).startswith(b"HTTP/1.1 200")


def test_credentials_are_the_names_of_their_secrets(wb: Workbench) -> None:
    by_user = wb.call("GET /users", user="my.user")
    by_key = wb.call("POST /keys", data="x", user="my.key")
    assert by_user.copy_as_curl() == f'curl --user my.user:"$USERS_PASSWORD" {wb.url}/users'
    assert by_key.copy_as_curl() == (
        f"curl -H 'X-Key: '\"$a_key_of_mine\" -H Content-Type: --data-binary x {wb.url}/keys"
    )
    assert ran(by_user.copy_as_curl(), USERS_PASSWORD="s3cret ł\"'$") == by_user.body
    assert ran(by_key.copy_as_curl(), a_key_of_mine="k3y") == by_key.body


@pytest.mark.parametrize(
    "name", ["Authorization", "authorization", "Cookie", "X-API-Key", "X-Auth-Token", "Api-Secret"]
)
def test_headers_given_by_hand_that_hold_secrets_are_variables(wb: Workbench, name: str) -> None:
    line = wb.call("GET /shows/a", headers={name: "s3cret"}).copy_as_curl()
    assert "s3cret" not in line
    assert f"-H '{name}: '\"${re.sub('-', '_', name.upper())}\"" in line


@pytest.mark.parametrize("way", ["path", "file"])
def test_a_file_is_sent_piece_by_piece_by_us_and_by_curl(wb: Workbench, tmp_path: Path, way: str) -> None:
    path = tmp_path / "it's big.bin"
    path.write_bytes(BIG)
    if way == "path":
        answer = wb.call("POST /shows/a", data=path)
    else:
        with path.open("rb") as file:
            answer = wb.call("POST /shows/a", data=file)
    assert answer.json()["size"] == len(BIG)
    assert answer.copy_as_curl().startswith("curl -H Content-Type: --data-binary '@/")
    assert ran(answer.copy_as_curl()) == answer.body


def test_a_file_is_sent_from_where_it_is_and_a_pipe_in_chunks(wb: Workbench) -> None:
    file = io.BytesIO(b"abcdef")
    file.seek(2)
    answer = wb.call("POST /shows/a", data=file)
    assert bytes.fromhex(answer.json()["body"]) == b"cdef"
    with pytest.raises(ServiceUsage, match=r"a stream without a name. Fix: wb.call\(..., data=Path"):
        answer.copy_as_curl()
    reading, writing = os.pipe()
    os.write(writing, b"piped")
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert bytes.fromhex(wb.call("POST /shows/a", data=pipe).json()["body"]) == b"piped"


def test_a_file_that_is_refused_is_not_sent_to_its_end(wb: Workbench, tmp_path: Path) -> None:
    path = tmp_path / "sparse.bin"
    with path.open("wb") as file:
        file.truncate(1 << 33)
    assert wb.call("POST /short", data=path).status == 413


def test_a_body_too_long_for_a_line_says_so(wb: Workbench) -> None:
    answer = wb.call("POST /shows/a", data=b"x" * 70_000)
    with pytest.raises(ServiceUsage, match=r"70,000 bytes does not fit into a line. Fix: write it to a file"):
        answer.copy_as_curl()


def test_a_text_file_is_refused_and_a_missing_one_said(wb: Workbench, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    with (tmp_path / "a.txt").open() as text, pytest.raises(ServiceUsage, match="mode 'rb', not text"):
        wb.call("POST /shows/a", data=text)
    with pytest.raises(FileNotFoundError):
        wb.call("POST /shows/a", data=tmp_path / "nowhere")
