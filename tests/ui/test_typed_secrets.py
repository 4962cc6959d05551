"""A password that is typed into a form goes to `.env` or the keyring, and nowhere else."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kernels import Kernel
from tests.ui.conftest import Asking, Failing, Hello
from tests.ui.test_card_in_kernels import HELLO, ON, card_of
from workbench import BasicAuth, FTPConnection, RESTConnection, Workbench, secret
from workbench.app.configuration import secrets as app_secrets
from workbench.ui.courier import Courier
from workbench.ui.desk import Desk
from workbench.ui.verbs import VERBS

CANARY = "hunter2-Canary-11"
FTP = {"name": "My FTP", "host": "ftp.example.com", "username": "ada"}


@pytest.fixture
def wb(tmp_path: Path) -> Iterator[Workbench]:
    with Workbench(port=0, folder=tmp_path) as made:
        made.deploy(Hello, Failing)
        yield made


def typed(value: str = CANARY, name: str = "", place: str = ".env") -> dict[str, Any]:
    return {"name": name, "value": value, "typed": True, "place": place}


def while_typing(name: str = "") -> dict[str, Any]:
    return {"name": name, "typed": True, "place": ".env"}


def test_a_password_that_is_typed_goes_to_env_and_the_code_names_it(
    ask: Asking, wb: Workbench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / ".env").write_text("# mine\nOTHER=1\n")
    checked = ask("form check", connection="ftp", values=FTP | {"password": while_typing()})
    assert checked["note"] == "Save keeps the value in .env, as MY_FTP_PASSWORD."
    assert 'password=secret("MY_FTP_PASSWORD")' in checked["code"]
    assert (tmp_path / ".env").read_text() == "# mine\nOTHER=1\n", "nothing is kept before Save"
    said = ask("form save", connection="ftp", values=FTP | {"password": typed()})
    assert said["said"] == "FTP 'My FTP' is defined. The value of MY_FTP_PASSWORD is kept in .env."
    assert said["code"] == checked["code"]
    assert (tmp_path / ".env").read_text() == f"# mine\nOTHER=1\nMY_FTP_PASSWORD='{CANARY}'\n"
    assert wb.connections["My FTP"].definition == FTPConnection(**FTP, password=secret("MY_FTP_PASSWORD"))
    edit = {"collection": "connections", "name": "My FTP"}
    opened = ask("form", edit=edit)
    shown = json.dumps([checked, said, opened, *(repr(each) for each in wb.log)]) + repr(wb.clicked) + caplog.text
    assert CANARY not in shown
    assert {field["name"]: field["value"] for field in opened["form"]["fields"]}["password"] == "MY_FTP_PASSWORD"
    assert opened["names"]["secrets"] == ["MY_FTP_PASSWORD", "OTHER"]


def test_a_password_that_is_typed_again_takes_the_place_of_the_former_at_the_next_call(
    ask: Asking, wb: Workbench, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("ADA='wrong-Canary-1'\n")
    values = {"name": "ada", "password": typed(name="ADA")}
    wb.define(BasicAuth("ada", password=secret("ADA")))
    values = {"name": "ada", "password": typed()}
    said = ask("form save", edit={"collection": "security", "name": "ada"}, values=values)
    assert said["said"] == "Basic Auth 'ada' is changed. The value of ADA is kept in .env."
    assert (tmp_path / ".env").read_text() == f"ADA='{CANARY}'\n"
    user = wb.users["ada"].verifier(wb.secrets.reveal)  # type: ignore[attr-defined]
    user.verify(wb.users["ada"].credentials(lambda secret, owner: CANARY))  # type: ignore[attr-defined]
    wb.define(RESTConnection("Rates", host="https://e.com", username="me", password=secret("ADA")))
    assert wb.secrets.reveal(secret("ADA"), "a connection") == CANARY


def test_a_user_is_made_by_a_form(ask: Asking, wb: Workbench) -> None:
    for kind, field, name in (("BasicAuth", "password", "BOB_PASSWORD"), ("APIKey", "key", "BOB_KEY")):
        opened = ask("form", kind=kind)
        assert [each["name"] for each in opened["form"]["fields"]][:2] == ["name", field]
        said = ask("form save", kind=kind, values={"name": "bob", field: typed()})
        assert f'secret("{name}")' in said["code"]
    assert list(wb.clicked) == ["user bob"]


def test_a_name_that_another_secret_has_gets_a_number_and_one_that_is_chosen_is_taken(
    ask: Asking, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("MY_FTP_PASSWORD=of-another\n")
    said = ask("form save", connection="ftp", values=FTP | {"password": typed()})
    assert 'secret("MY_FTP_PASSWORD_2")' in said["code"]
    said = ask("form save", connection="ftp", values=FTP | {"password": {"name": "MY_FTP_PASSWORD", "typed": False}})
    assert 'secret("MY_FTP_PASSWORD")' in said["code"]
    said = ask("form save", connection="ftp", values=FTP | {"password": typed(name="CHOSEN")})
    assert 'secret("CHOSEN")' in said["code"]
    assert (tmp_path / ".env").read_text() == (
        f"MY_FTP_PASSWORD=of-another\nMY_FTP_PASSWORD_2='{CANARY}'\nCHOSEN='{CANARY}'\n"
    )


def test_a_value_that_the_environment_would_hide_is_refused_beside_its_field(
    ask: Asking, wb: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FROM_OUTSIDE", "set-elsewhere")
    said = ask("form save", connection="ftp", values=FTP | {"password": typed(name="FROM_OUTSIDE")})
    assert said["problems"] == {
        "password": "is set as FROM_OUTSIDE in the environment, which has the last word; name another one"
    }
    assert (list(wb.connections), (tmp_path / ".env").exists()) == ([], False)


def test_what_cannot_be_kept_is_not_defined_and_the_value_is_not_repeated(
    ask: Asking, wb: Workbench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ".env").mkdir()
    said = ask("form save", connection="ftp", values=FTP | {"password": typed()})
    assert "cannot be read" in said["failed"]
    bad = ask("form save", connection="ftp", values=FTP | {"password": typed(name=CANARY + "!")})
    assert "never the secret itself" in bad["problems"]["password"]
    nowhere = ask("form save", connection="ftp", values=FTP | {"password": typed(place="a note")})
    assert "cannot be kept in 'a note'. Fix: choose .env" in nowhere["failed"]
    assert CANARY not in json.dumps([said, bad, nowhere]) + caplog.text
    assert list(wb.connections) == []


def test_the_keyring_keeps_it_by_choice_for_notebooks_of_this_folder_alone(
    ask: Asking, wb: Workbench, tmp_path: Path
) -> None:
    keyring = pytest.importorskip("keyring", reason="pip install keyring")
    backend = pytest.importorskip("keyring.backend")

    class InMemory(backend.KeyringBackend):  # type: ignore[misc, name-defined]
        priority = 1

        def __init__(self) -> None:
            super().__init__()
            self.kept: dict[tuple[str, str], str] = {}

        def get_password(self, service: str, username: str) -> str | None:
            return self.kept.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            self.kept[service, username] = password

    before = keyring.get_keyring()
    keyring.set_keyring(InMemory())
    try:
        assert ask("form", connection="ftp")["names"]["places"] == [".env", "keyring"]
        said = ask("form save", connection="ftp", values=FTP | {"password": typed(place="keyring")})
        assert said["said"].endswith("The value of MY_FTP_PASSWORD is kept in keyring.")
        assert not (tmp_path / ".env").exists()
        assert wb.secrets.reveal(secret("MY_FTP_PASSWORD"), "FTP") == CANARY
        other = app_secrets.FoundSecrets(tmp_path / "elsewhere", lambda: False)
        assert not other.has("MY_FTP_PASSWORD")
    finally:
        keyring.set_keyring(before)


def test_the_value_is_in_no_message_no_state_and_no_output_of_a_kernel(tmp_path: Path) -> None:
    env = {"WORKBENCH_PORT": "0", "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}
    with Kernel("workbench", cwd=tmp_path, env=env) as kernel:
        kernel.run(ON)
        _, front = card_of(kernel, HELLO)
        number = front.send(ask="form save", connection="ftp", values=FTP | {"password": typed()})
        seen = []
        for message in kernel.messages(20):
            seen.append(json.dumps(message, default=str))
            if any(one.get("id") == number for one in _batch(message)):
                break
        outputs = kernel.run(
            "wb.clicked\nwb\nprint(wb.log, wb.traffic, wb.connections)\nwb.connections['My FTP'].definition"
        )
        fails = kernel.run("raise ValueError(open('.env').read())", fails=True)
        seen += [json.dumps(outputs.items, default=str), json.dumps(fails.items, default=str), kernel.log]
    assert CANARY in (tmp_path / ".env").read_text()
    assert CANARY not in "".join(seen)
    store = tmp_path / ".workbench"
    assert CANARY.encode() not in b"".join(each.read_bytes() for each in store.rglob("*") if each.is_file())


def _batch(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message["content"].get("data", {})
    return list(content.get("content", {}).get("batch", ())) if isinstance(content, dict) else []


def test_a_desk_says_nothing_of_a_value_when_a_verb_breaks(wb: Workbench, caplog: pytest.LogCaptureFixture) -> None:
    def broken(desk: Desk, message: Any, tell: Any) -> None:
        raise RuntimeError(f"broke on {message['values']}")

    desk = Desk(wb, Courier(), {**VERBS, "break": broken})
    ask = Asking(desk)
    said = ask("break", values=FTP | {"password": typed()})
    desk.close()
    assert CANARY not in json.dumps(said) + caplog.text
