"""A folder of small service files is deployed as it is, and each answers as its author meant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.fernet import Fernet

from tests.serving import wb as wb
from tests.zato.service_files import FILES, GIVEN, MISSING, text_of
from workbench import RESTChannel, Workbench

FEWEST = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A workbench in which all files are live."""
    place: Path = tmp_path_factory.mktemp("services")
    (place / ".env").write_text(f"WORKBENCH_CRYPTO_KEY={Fernet.generate_key().decode()}\n")
    with Workbench(port=0, folder=place) as made:
        for name, file in FILES.items():
            (path := place / f"my_{name}.py").write_text(text_of(file))
            assert [version.name for version, _ in made.load(path).versions] == [f"my-{name.replace('_', '-')}.s"]
        yield made


def plain(value: Any) -> Any:
    """An answer as JSON has it."""
    import json

    from workbench.core.payload.response import encode_json

    return json.loads(encode_json(value))


def test_there_are_enough_of_them() -> None:
    assert len(FILES) >= FEWEST


@pytest.mark.parametrize("name", FILES)
def test_each_answers_as_it_is_meant(folder: Workbench, name: str) -> None:
    assert plain(folder.invoke(f"my-{name.replace('_', '-')}.s", GIVEN)) == FILES[name].answer


def test_what_came_in_and_goes_back_is_logged(folder: Workbench) -> None:
    folder.invoke("my-log-input.s", GIVEN)
    folder.invoke("my-log-output.s", GIVEN)
    assert [each.text for each in folder.log][-2:] == ['got {"id": 7, "name": "Ada"}', "out"]


@pytest.mark.parametrize("name", MISSING)
def test_what_is_not_there_says_what_to_write(wb: Workbench, name: str) -> None:
    path = wb.folder / "asks.py"
    path.write_text(
        f"from zato.server.service import Service\nclass S(Service):\n    name = 's'\n    def handle(self):\n"
        f"        return self.{name}\n"
    )
    wb.load(path)
    with pytest.raises(AttributeError, match=rf"There is no self\.{name}: .* Fix: ") as failure:
        wb.invoke("s")
    assert MISSING[name] in str(failure.value)


def test_an_error_within_a_property_keeps_its_words(wb: Workbench) -> None:
    path = wb.folder / "own.py"
    path.write_text(
        "from zato.server.service import Service\nclass S(Service):\n    name = 's'\n    @property\n"
        "    def rates(self):\n        return {}.rates\n    def handle(self):\n        return self.rates\n"
    )
    wb.load(path)
    with pytest.raises(AttributeError, match="'dict' object has no attribute 'rates'"):
        wb.invoke("s")


def test_wsgi_environ_is_what_http_says_and_cannot_be_changed(wb: Workbench) -> None:
    path = wb.folder / "asks_http.py"
    path.write_text(
        "from zato.server.service import Service\nclass S(Service):\n    name = 's'\n    def handle(self):\n"
        "        try:\n            self.wsgi_environ['x'] = 1\n        except TypeError:\n"
        "            return dict(self.wsgi_environ)\n"
    )
    wb.load(path)
    wb.define(RESTChannel("s", path="/a/b"))
    told = requests.post(
        f"{wb.start()}/a/b?x=1", data="{}", headers={"X-My-Own": "7", "Content-Type": "a/b"}, timeout=30
    )
    found = told.json()
    assert (found["REQUEST_METHOD"], found["PATH_INFO"], found["QUERY_STRING"]) == ("POST", "/a/b", "x=1")
    assert (found["HTTP_X_MY_OWN"], found["CONTENT_TYPE"], found["CONTENT_LENGTH"]) == ("7", "a/b", "2")
