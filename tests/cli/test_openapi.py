"""`workbench openapi` prints or writes the document of a running workbench."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.openapi.services import Anything, Find
from tests.serving import wb as wb
from workbench import BasicAuth, RESTChannel, Workbench, secret
from workbench.cli.main import main

Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def said(wb: Workbench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Said:
    """What the command answers of a workbench with an open channel and one of a user."""
    monkeypatch.setenv("PASSWORD", "a long password")
    wb.deploy(Anything, Find)
    wb.define(BasicAuth("ada", password=secret("PASSWORD")))
    wb.define(RESTChannel("anything", method="GET", security="ada"), RESTChannel("shop.find", method="POST"))
    wb.start()
    wb.call("POST /shop/find", json={"sku": "a"})
    capsys.readouterr()

    def ran(*arguments: str) -> tuple[int, str, str]:
        status = main(["openapi", *arguments])
        return status, *capsys.readouterr()

    return ran


def test_it_prints_every_channel_whoever_may_call_it(said: Said, wb: Workbench) -> None:
    status, out, err = said()
    document = json.loads(out)
    assert (status, err, document["openapi"][:3]) == (0, "", "3.1")
    assert set(document["paths"]) == {"/anything", "/shop/find"}
    assert "recorded" not in out
    assert document["servers"] == [{"url": wb.url}]


def test_a_workbench_is_named_by_its_notebook_or_its_address(said: Said, wb: Workbench) -> None:
    port = wb.url.rpartition(":")[2]
    for name in (wb.app, wb.url, f"{wb.url}/", f"http://localhost:{port}", port):
        assert said(name)[0] == 0, name


def test_examples_are_there_for_who_asks(said: Said) -> None:
    body = json.loads(said("--examples")[1])["paths"]["/shop/find"]["post"]["requestBody"]
    assert body["content"]["application/json"]["examples"]["recorded"]["value"] == {"sku": "a"}


def test_it_is_written_to_a_file(said: Said, tmp_path: Path) -> None:
    file = tmp_path / "shop.json"
    assert said("-o", str(file)) == (0, f"2 operations are described in {file}.\n", "")
    assert set(json.loads(file.read_text(encoding="utf-8"))["paths"]) == {"/anything", "/shop/find"}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["https://api.example.com"], "is no workbench of this machine. Fix: run the command there"),
        (["http://127.0.0.1:112233"], "is no address: Port out of range 0-65535. Fix: write it as http://127.0.0.1:"),
        (["http://[::1"], "is no address: Invalid IPv6 URL. Fix: write it as http://127.0.0.1:"),
        (["nobody.ipynb"], "No running workbench is named 'nobody.ipynb'"),
        (["-o", "/no/such/folder/x.json"], "No such file or directory"),
    ],
)
def test_what_cannot_be_is_one_sentence(said: Said, asked: list[str], words: str) -> None:
    status, out, err = said(*asked)
    assert (status, out) == (1, "")
    assert words in err
    assert err.count("\n") == 1
