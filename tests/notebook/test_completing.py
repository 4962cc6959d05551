"""Tab completes names in strings and `?` says how to write a thing, in every supported ipykernel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import workbench
from tests.kernels import Kernel
from workbench import (
    BasicAuth,
    FTPConnection,
    IntervalJob,
    RESTChannel,
    RESTConnection,
    Service,
    SMTPConnection,
    WebSocketChannel,
    Workbench,
    secret,
)
from workbench.connections import catalog
from workbench.notebook.completing import completions
from workbench.notebook.inspecting import text_of

DEFINED = """
class Hello(Service):
    name = "api.hello"
    def handle(self):
        return 1
wb.define(RESTChannel("hello", service="api.hello", method=("GET", "PUT")), RESTConnection("Rates", host="https://a.example"))
"""


class Hello(Service):
    name = "api.hello"

    def handle(self) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def wb() -> Iterator[Workbench]:
    with Workbench(port=0, sandbox=True) as made:
        made.deploy(Hello)
        made.define(
            RESTChannel("hello", path="/api/hello", service="api.hello", method=("GET", "PUT")),
            WebSocketChannel("ws", path="/ws/hello", service="api.hello"),
            RESTConnection("Rates", host="https://rates.example"),
            FTPConnection("My FTP", host="ftp.example"),
            SMTPConnection("My SMTP", host="smtp.example"),
            BasicAuth("my.user", password=secret("NOBODY_SET_IT")),
            IntervalJob("hourly", service="api.hello", hours=1),
        )
        yield made


@pytest.mark.parametrize(
    ("line", "typed", "names"),
    [
        ('wb.invoke("', "", ["api.hello"]),
        ("answer = wb.invoke('api.h", "api.h", ["api.hello"]),
        ('        return self.invoke_async("', "", ["api.hello"]),
        ('await self.invoke.aio("x', "x", []),
        ('wb.call("', "", ["GET /api/hello", "PUT /api/hello"]),
        ('wb.call("PUT /a', "PUT /a", ["PUT /api/hello"]),
        ('wb.websocket("', "", ["/ws/hello"]),
        ('self.wsx.channel["w', "w", ["ws"]),
        ('wb.jobs["', "", ["hourly"]),
        ('wb.jobs["hourly"].exe', "exe", ["execute"]),
        ('wb.services["', "", ["api.hello"]),
        ("wb.channels['hello'].ur", "ur", ["url"]),
        ('wb.connections["My', "My", ["My FTP", "My SMTP"]),
        ('self.out.rest["', "", ["Rates"]),
        ('self.out.ftp["My ', "My ", ["My FTP"]),
        ('self.email.smtp["', "", ["My SMTP"]),
        ('RESTChannel("x", service="', "", ["api.hello"]),
        ('RESTChannel("x", security="my', "my", ["my.user"]),
        ('wb.help("jo', "jo", ["jobs"]),
        ("from workbench import Cron", "Cron", ["CronJob"]),
        ("from workbench import wb, Serv", "Serv", ["Service"]),
        ("from workbench import ", "", sorted(workbench.__all__)),
    ],
)
def test_names_are_completed_where_they_are_written(wb: Workbench, line: str, typed: str, names: list[str]) -> None:
    assert completions(wb, line) == (typed, names)


@pytest.mark.parametrize(
    "line", ['self.data["', 'print("', "wb.invoke(name", 'wb.invoke("api.hello")', "from workbench.app import ", "wb."]
)
def test_everything_else_is_left_to_ipython(wb: Workbench, line: str) -> None:
    assert completions(wb, line) is None


def test_a_tab_neither_opens_the_store_nor_starts_a_peer() -> None:
    with Workbench(port=0, store="sqlite:////nowhere/at/all.db") as wb:
        wb.define(RESTConnection("Rates", host="https://rates.example"))
        assert completions(wb, 'wb.jobs["') == ("", [])
        assert completions(wb, 'wb.peers["') == ("", ["Rates"])
        assert list(wb.peers.items()) == []


def test_plain_kernels_complete_names_and_offer_nothing_else(kernel: Kernel) -> None:
    kernel.run(DEFINED)

    def offered(code: str) -> list[str]:
        reply = kernel.ask("complete_request", code=code, cursor_pos=len(code))
        return [f"{code[: reply['cursor_start']]}{each}" for each in reply["matches"]]

    assert offered('wb.invoke("') == ['wb.invoke("api.hello']
    assert offered('x = 1\nwb.call("PUT') == ['x = 1\nwb.call("PUT /hello']
    assert offered('class A(Service):\n    def handle(self):\n        self.out.rest["R')[0].endswith('.rest["Rates')
    assert offered("from workbench import HOM") == ["from workbench import HOM"]
    assert offered("from workbench import Cro") == ["from workbench import CronJob"]
    assert "print" in offered("pri")


def test_a_question_mark_says_how_to_write_it(kernel: Kernel) -> None:
    def told(code: str) -> str:
        data = kernel.ask("inspect_request", code=code, cursor_pos=len(code), detail_level=0)["data"]
        return str(data["text/plain"])

    assert "RESTConnection(name, host=..." in told("RESTConnection")
    assert "Annotated" not in told("RESTConnection")
    assert "Workbench: 1 service, " in told("wb")
    assert "wb.invoke(" in told("wb")
    assert "Signature" in told("print")


def test_the_page_of_a_kind_names_each_field_with_its_default_and_bounds() -> None:
    head, *lines = str(text_of(RESTChannel)).splitlines()
    assert head.startswith('RESTChannel(name, path="", security="", limit="", timeout_seconds=60.0, ')
    text = "\n".join(lines)
    assert "An HTTP address that leads to a service." in lines
    assert (
        '    data_format: "json" or "form" or "raw" or None. How `self.request.payload` is read; empty: as JSON.'
        in text
    )
    assert "    service: text. Name of the service that answers; empty: of this name." in lines
    assert "Annotated" not in text
    assert "msgspec" not in text
    assert text_of(RESTChannel("x")) is None


def test_no_page_has_the_noise_of_annotations() -> None:
    classes = [catalog.definition_class(row.kind) for row in catalog.ROWS]
    for cls in [*classes, IntervalJob, BasicAuth, workbench.Limit, workbench.CronJob]:
        text = str(text_of(cls))
        assert text.startswith(f"{cls.__name__}(name, ")
        assert not [noise for noise in ("typing.", "msgspec", "Annotated", "NODEFAULT", " object at ") if noise in text]


def test_dir_offers_only_public_names() -> None:
    assert {each for each in dir(workbench) if not each.startswith("_")} == set(workbench.__all__)
    assert workbench.HOMES


def test_a_name_that_is_not_imported_says_the_line(kernel: Kernel) -> None:
    kernel.run("del Limit")
    error = kernel.run("Limit('x')", fails=True).error
    assert error is not None
    assert (error["ename"], error["evalue"]) == ("NameError", "name 'Limit' is not defined")
    assert "Fix: from workbench import Limit" in "\n".join(error["traceback"])
    kernel.run("from workbench import Limit")
    assert "Fix:" not in "\n".join(kernel.run("nothing_of_ours", fails=True).error["traceback"])  # type: ignore[index]
