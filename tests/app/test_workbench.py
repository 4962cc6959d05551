"""`Workbench`: definitions applied all or none, names that say what there is, nothing left behind when closed."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.serving import port_of, until
from workbench.app.workbench import Workbench
from workbench.channels.rest import RESTChannel
from workbench.connections.rest.definition import RESTConnection
from workbench.core.errors import (
    DanglingReference,
    InvalidDefinition,
    MissingSecret,
    NameTaken,
    PathTaken,
    ServiceUsage,
    StillUsed,
    UnknownName,
    WorkbenchError,
)
from workbench.core.secret import PlainSecretWarning, secret
from workbench.core.service import Service
from workbench.limiting.definition import Limit
from workbench.security.definitions import BasicAuth


class Hello(Service):
    """Says hello.

    At length.
    """

    name = "api.hello"

    def handle(self) -> str:
        return "Hello there!\n"


def test_a_service_is_deployed_listed_invoked_and_removed(wb: Workbench) -> None:
    wb.deploy(Hello)
    assert wb.invoke("api.hello") == wb.invoke(Hello) == wb.services["api.hello"].invoke() == "Hello there!\n"
    live = wb.services["api.hello"]
    assert (repr(live), live.doc) == ("api.hello v1", "Says hello.\n\nAt length.")
    assert live.source.startswith("class Hello(Service):")
    assert "api.hello" in repr(wb.services)
    wb.services.remove("api.hello")
    assert len(wb.services) == 0
    with pytest.raises(UnknownName, match="No service is named 'api.hello'; there are: none."):
        wb.services.remove("api.hello")


def test_definitions_say_what_they_did(wb: Workbench) -> None:
    wb.deploy(Hello)
    channel, connection = RESTChannel("api.hello"), RESTConnection("out", host="http://localhost:1")
    assert repr(wb.define(channel, connection)) == (
        "Defined: REST 'out'.\nREST 'api.hello' is open at /api/hello. No security: anyone on this machine may call it."
    )
    assert repr(wb.define(channel, connection)) == "Unchanged: REST 'api.hello', REST 'out'."
    changed = wb.define(channel.replace(method="GET"))
    assert repr(changed).startswith("REST 'api.hello' is open at /api/hello for GET.")
    assert repr(wb).startswith("Workbench: 1 service, 1 channel, 1 connection, 0 users")


def test_definitions_are_all_applied_or_none(wb: Workbench) -> None:
    wb.deploy(Hello)
    wb.define(RESTChannel("first", service="api.hello", path="/a", limit="5/h"))
    with pytest.raises(PathTaken, match="Channels 'first' and 'third' both answer /a for every method"):
        wb.define(
            RESTConnection("out", host="http://localhost:1"),
            RESTChannel("second", service="api.hello", path="/c"),
            RESTChannel("third", service="api.hello", path="/a"),
        )
    assert list(wb.channels) == ["first"]
    assert not wb.connections
    assert wb.call("GET /c").status == 404


@pytest.mark.usefixtures("still")
def test_a_change_that_fails_leaves_path_and_limit_as_they_were(wb: Workbench) -> None:
    wb.deploy(Hello)
    wb.define(
        RESTChannel("first", service="api.hello", path="/a", limit="3/h"),
        RESTChannel("second", service="api.hello", path="/b"),
    )
    with pytest.raises(PathTaken):
        wb.define(RESTChannel("first", service="api.hello", path="/b", limit="1/h"))
    assert [wb.call("GET /a").status for _ in range(4)] == [200, 200, 200, 429]
    with pytest.raises(InvalidDefinition):
        wb.define(RESTChannel("first", service="api.hello", path="/a", limit="lots"))
    assert wb.channels["first"].limit == "3/h"  # type: ignore[attr-defined]
    assert wb.call("GET /b").status == 200


def test_the_order_within_one_call_does_not_matter(wb: Workbench) -> None:
    wb.deploy(Hello)
    with pytest.warns(PlainSecretWarning):
        wb.define(RESTChannel("api.hello", security="u"), BasicAuth("u", password="p"))
    assert wb.call("GET /api/hello", user="u").status == 200


@pytest.mark.parametrize(
    ("channel", "sentence"),
    [
        (
            RESTChannel("x", service="api.helo"),
            "REST 'x' names the service 'api.helo', which does not exist; there are: api.hello. "
            "Did you mean 'api.hello'?",
        ),
        (
            RESTChannel("x", service="api.hello", security="me"),
            "REST 'x' names the security definition 'me', which does not exist; there are: none.",
        ),
    ],
)
def test_a_channel_to_nowhere_is_refused(wb: Workbench, channel: RESTChannel, sentence: str) -> None:
    wb.deploy(Hello)
    with pytest.raises(DanglingReference) as refused:
        wb.define(channel)
    assert str(refused.value) == sentence
    assert not wb.channels


def test_what_is_no_definition_is_refused(wb: Workbench) -> None:
    with pytest.raises(ServiceUsage, match="wb.define takes definitions, as RESTChannel\\('api.x'\\), not 'api.hello'"):
        wb.define("api.hello")  # type: ignore[arg-type]


def test_what_others_name_cannot_be_removed(wb: Workbench) -> None:
    wb.deploy(Hello)
    with pytest.warns(PlainSecretWarning):
        wb.define(BasicAuth("u", password="p"), RESTChannel("api.hello", security="u"))
    with pytest.raises(StillUsed, match="Basic Auth 'u' is still used by REST 'api.hello'. Fix: change or remove that"):
        wb.security.remove("u")
    assert wb.call("GET /api/hello").status == 401
    wb.define(RESTChannel("api.hello"))
    wb.security.remove("u")
    assert wb.call("GET /api/hello").status == 200
    wb.channels.remove("api.hello")
    assert wb.call("GET /api/hello").status == 404


def test_another_password_counts_at_once(wb: Workbench) -> None:
    wb.deploy(Hello)
    first = {"Authorization": "Basic dTpmaXJzdA=="}
    with pytest.warns(PlainSecretWarning):
        wb.define(BasicAuth("u", password="first"), RESTChannel("api.hello", security="u"))
    assert wb.call("GET /api/hello", headers=first).status == 200
    with pytest.warns(PlainSecretWarning):
        wb.define(BasicAuth("u", password="second"))
    assert wb.call("GET /api/hello", headers=first).status == 401
    assert wb.call("GET /api/hello", user="u").status == 200


def test_a_definition_run_again_reads_its_secret_again(wb: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    wb.deploy(Hello)
    monkeypatch.setenv("HELLO_PASSWORD", "first")
    user = BasicAuth("u", password=secret("HELLO_PASSWORD"))
    wb.define(user, RESTChannel("api.hello", security="u"))
    monkeypatch.setenv("HELLO_PASSWORD", "second")
    assert repr(wb.define(user)) == "Unchanged: Basic Auth 'u'."
    assert wb.call("GET /api/hello", headers={"Authorization": "Basic dTpzZWNvbmQ="}).status == 200


def test_a_missing_secret_says_how_to_set_it(wb: Workbench) -> None:
    with pytest.raises(MissingSecret, match="Basic Auth 'u' needs the secret 'NO_SUCH_SECRET', which is not set. Fix"):
        wb.define(BasicAuth("u", password=secret("NO_SUCH_SECRET")))
    assert not wb.security
    wb.define(RESTConnection("out", host="http://localhost:1", api_key=secret("NO_SUCH_SECRET")))
    with pytest.raises(MissingSecret, match="REST 'out' needs the secret"):
        wb.connections["out"].ping()


def test_a_secret_is_found_in_the_environment_then_in_dot_env(wb: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    wb.deploy(Hello)
    (wb.folder / ".env").write_text("# comment\nHELLO_PASSWORD='of the ${HOME} file'\nexport OTHER=x\n")
    monkeypatch.delenv("HELLO_PASSWORD", raising=False)
    reveal = wb._parts.secrets.reveal
    assert reveal(secret("HELLO_PASSWORD"), "x") == "of the ${HOME} file"
    assert reveal(secret("OTHER"), "x") == "x"
    monkeypatch.setenv("HELLO_PASSWORD", "of the environment")
    assert reveal(secret("HELLO_PASSWORD"), "x") == "of the environment"


def test_a_sandbox_is_seen_beside_every_connection(wb: Workbench) -> None:
    wb.define(RESTConnection("Rates", host="https://data.example.com"))
    assert repr(wb.connections) == "Rates  REST 'Rates'"
    wb.sandbox()
    assert repr(wb.connections) == "Rates  REST 'Rates' (sandbox)"
    assert repr(wb).startswith("Workbench: 0 services, 0 channels, 1 connection (sandbox),")
    wb.sandbox(False)
    assert "sandbox" not in repr(wb.connections) + repr(wb)


def test_a_file_of_secrets_that_cannot_be_read_is_named(wb: Workbench) -> None:
    (wb.folder / ".env").write_bytes(b"OF_FILE=\xff\n")
    with pytest.raises(WorkbenchError, match=r"\.env cannot be read: 'utf-8' codec .* Fix: save it as UTF-8 text you"):
        wb.define(BasicAuth("user", password=secret("OF_FILE")))
    assert "user" not in wb.security


def test_a_limit_in_two_forms_is_refused(wb: Workbench) -> None:
    wb.deploy(Hello)
    wb.define(RESTChannel("api.hello", limit="5/m"))
    with pytest.raises(NameTaken, match="The limit of 'api.hello' comes from two places"):
        wb.define(Limit("api.hello", on="channel", lines="5/m"))


def test_names_of_collections_complete_and_miss_helpfully(wb: Workbench) -> None:
    wb.deploy(Hello)
    assert wb.services._ipython_key_completions_() == ["api.hello"]
    with pytest.raises(UnknownName, match="Did you mean 'api.hello'"):
        _ = wb.services["api.helo"]
    assert wb.services.get("nope") is None


def test_a_workbench_that_is_closed_leaves_no_thread_and_no_port(tmp_path: Path) -> None:
    class Async(Service):
        name = "async"

        async def handle(self) -> str:
            return "async"

    before = set(threading.enumerate())
    with Workbench(port=0, folder=tmp_path) as wb:
        wb.deploy(Hello, Async)
        wb.define(RESTChannel("api.hello"), RESTChannel("async"))
        assert {wb.call("GET /api/hello").status, wb.call("GET /async").status} == {200}
        port = port_of(wb)
        assert wb.url == f"http://localhost:{port}"
    assert wb.url == ""
    until(lambda: not set(threading.enumerate()) - before, "every thread has ended")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_hung_service_does_not_keep_a_workbench_open(tmp_path: Path) -> None:
    go, reached, before = threading.Event(), threading.Event(), set(threading.enumerate())

    class Hangs(Service):
        name = "hangs"

        def handle(self) -> None:
            reached.set()
            go.wait(20)

    with Workbench(port=0, folder=tmp_path) as wb:
        wb.deploy(Hangs)
        wb.define(RESTChannel("hangs", timeout_seconds=0.05))
        assert wb.call("GET /hangs").status == 504
        assert reached.wait(30)
    go.set()
    until(lambda: not set(threading.enumerate()) - before, "the late thread ended")


def test_the_runtime_file_is_this_users_alone_and_goes_with_the_server(wb: Workbench, tmp_path: Path) -> None:
    from workbench.app.serving.runtime_file import running

    folder = tmp_path / "runtime"
    wb.start()
    [file] = folder.glob("workbench-*.json")
    if os.name == "posix":
        assert file.stat().st_mode & 0o777 == 0o600
    [found] = running()
    assert (found.pid, found.url, found.app) == (os.getpid(), wb.url, "notebook")
    assert wb.call("GET /workbench/status", headers={"X-Workbench-Token": found.token}).status == 200
    stale = folder / "workbench-999999999.json"
    stale.write_bytes(file.read_bytes().replace(f'"pid":{os.getpid()}'.encode(), b'"pid":999999999'))
    (folder / "workbench-0.json").write_text("no json")
    assert [each.pid for each in running()] == [os.getpid()]
    assert not stale.exists()
    wb.stop()
    assert running() == []
    assert not file.exists()


def test_an_existing_file_of_the_same_name_gets_the_right_mode(wb: Workbench, tmp_path: Path) -> None:
    from workbench.app.serving.runtime_file import RuntimeFile

    folder = tmp_path / "runtime"
    folder.mkdir()
    left = folder / f"workbench-{os.getpid()}-7.json"
    left.write_text("{}")
    left.chmod(0o644)
    file = RuntimeFile("x")
    file.write("http://localhost:7", "token")
    assert left.stat().st_mode & 0o777 == 0o600
    file.remove()


def test_calls_wait_for_an_answer_only_so_long(wb: Workbench) -> None:
    from workbench.core.errors import DeadlineExceeded

    go = threading.Event()

    class Hangs(Service):
        name = "hangs"

        def handle(self) -> Any:
            go.wait(20)

    wb.deploy(Hangs)
    wb.define(RESTChannel("hangs"))
    with pytest.raises(
        DeadlineExceeded, match="'GET /hangs' had no answer within 0.1 s. Fix: wait longer with timeout_"
    ):
        wb.call("GET /hangs", timeout_seconds=0.1)
    go.set()
