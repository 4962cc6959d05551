"""Twenty canaries: secrets that go out, come back and are learned late are in no cassette, nor in one saved anew."""

from __future__ import annotations

import base64
import json
import secrets as random
from typing import Any
from urllib.parse import quote

import pytest

from tests.app.again import called, deployed
from tests.app.cassettes.conftest import Ran
from tests.app.test_canaries import forms
from workbench import RESTConnection, Workbench, secret
from workbench.app.cassettes.errors import NotATest

NUMBER = 20
VALUES = [f"cAnArY/{random.token_hex(6)}+ä{number}" for number in range(NUMBER)]


def answers(number: int) -> Any:
    """What the other side says of a canary: as it is, within text, in a token's place, and coded."""
    value = VALUES[number]
    return {
        "echo": f"you sent {value}",
        "token": value,
        "list": [value, {"deep": value}],
        **({"coded": base64.b64encode(f"ada:{value}".encode()).decode()} if number % 4 == 3 else {}),
        **({"quoted": quote(value, safe="")} if number % 4 == 2 else {}),
    }


def test_no_cassette_has_a_canary(wb: Workbench, run: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    written, refused = 0, list[str]()
    for number, value in enumerate(VALUES):
        monkeypatch.setenv(f"CANARY_{number}", value)
        wb.define(
            RESTConnection(
                "Data", host="https://data.example.com", path="/{path}", headers={"X-K": secret(f"CANARY_{number}")}
            ),
            replace=True,
        )
        # What a service has revealed or been given; every third is learned after the call alone.
        if number % 3:
            wb.secrets.reveal(secret(f"CANARY_{number}"), "a test")
        wb.peers["Data"].forget()
        wb.peers["Data"].reply("/echo", json=answers(number))
        wb.peers["FTP"].put("secret.txt", f"line\n{value}\n")
        deployed(wb, lambda self, value=value: work(self, value))
        trace = called(wb)
        if not number % 3:
            wb.secrets.reveal(secret(f"CANARY_{number}"), "a test")
        try:
            made = trace.make_test("canary" if number % 2 else "")
        except NotATest as exc:
            refused.append(str(exc))
            continue
        written += 1
        run(made.code)
        if not number % 4:
            trace.make_test(made.name)
            called(wb).make_test(made.name)
        assert value not in made.code
    # Every other one comes in base64 or as a URL writes it, too, which no name can stand for: those are refused.
    assert written >= NUMBER // 4, refused
    assert written + len(refused) == NUMBER
    assert not [value for value in VALUES if value in "".join(refused)]
    files = [path for path in (wb.folder / "cassettes").rglob("*") if path.is_file()]
    assert files
    for path in files:
        contents = path.read_bytes() + json.dumps(path.read_text("utf-8", "replace")).encode()
        assert not [value for value in VALUES for form in forms(value) if form in contents], path.name
    assert "CANARY_" in "".join(path.read_text("utf-8", "replace") for path in files)


def work(self: Any, value: str) -> Any:
    """Send a canary in every way that a call has, and get it back."""
    data = self.rest["Data"]
    answer = data.post({"k": value, "n": 1}, {"path": "echo", "q": value}, headers={"X-Token": value})
    data.post(f"text {value}", {"path": "echo"})
    found = self.out.ftp["FTP"].read("secret.txt")
    self.out.ftp["FTP"].write("out.txt", value, overwrite=True)
    self.kvdb.conn.set(f"key-{value[:6]}", value)
    return {"said": answer.data["echo"], "size": len(found)}
