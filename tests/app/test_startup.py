"""Startup callables: what they are told, what they change, and what is said of those that fail."""

from __future__ import annotations

import os
import random
import re
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.zato import articles
from workbench import Cache, FTPConnection, RESTConnection, Service, Workbench
from workbench.app import singleton
from workbench.app.configuration.settings import SETTINGS
from workbench.app.configuration.startup.callables import PhaseCtx, StartupStopped
from workbench.app.configuration.startup.switches import ComponentOff
from workbench.app.configuration.startup.zato_files import WrongZatoFile, read_zato_files
from workbench.app.configuration.toml_file import WrongFile
from workbench.core.errors import InvalidInput, WorkbenchError
from workbench.core.payload.elements import Dict
from workbench.core.payload.rules import RULES
from workbench.zato import hook

_numbers = count(1)


class Folder:
    """A notebook's folder with an extlib."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def module(self, text: str) -> str:
        """A module of its own name in extlib; the name."""
        name = f"my_startup_{next(_numbers)}"
        (self.path / "extlib").mkdir(exist_ok=True)
        (self.path / "extlib" / f"{name}.py").write_text(text)
        return name

    def toml(self, text: str) -> None:
        (self.path / "workbench.toml").write_text(text)

    def start(self, text: str, *functions: str, more: str = "") -> Workbench:
        """The workbench whose start tells these functions of a module."""
        name = self.module(text)
        listed = ", ".join(f'"{name}.{each}"' for each in functions)
        self.toml(f"port = 0\n[startup]\nstartup_callable = [{listed}]\n{more}")
        return singleton.the_workbench()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    for each in SETTINGS:
        monkeypatch.delenv(each.variable, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    (folder := tmp_path / "notebooks").mkdir()
    monkeypatch.setenv("JPY_SESSION_NAME", str(folder / "shop.ipynb"))
    singleton.forget()
    hook.install()
    yield Folder(folder)
    singleton.forget()
    hook.uninstall()


@pytest.fixture
def answering() -> Iterator[str]:
    """The address of a server that answers True."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"True")

        def log_message(self, *args: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join(30)
    server.server_close()


def setting(wb: Workbench, name: str) -> tuple[str, str]:
    """A setting's value, and who set it."""
    return next((value, where) for each, value, where, *_ in wb.settings.rows() if each == name)


def test_the_articles_callables_run_as_written(folder: Folder, answering: str) -> None:
    text = articles.STARTUP.replace("ctx.kwargs['address']", repr(answering))
    wb = folder.start(text, "update_fs_config", "create_cache")
    assert wb.startup.problems == [
        f"Startup callable {wb.startup.names[0]}: No component is named 'cassandara', so it is kept and turns nothing "
        "off. Fix: did you mean 'cassandra'?"
    ]
    assert setting(wb, "component_enabled.cassandara") == ("1", wb.startup.names[0])
    assert list(wb.caches) == ["default"]
    wb.start()
    assert wb.caches["my.cache"].definition == Cache("my.cache")
    assert "cassandara" in str(wb.log[0].text)
    wb.stop()
    wb.start()
    assert len(wb.startup.problems) == 1, "each is told once"


TELLS = """
told = []

def first(ctx):
    told.append(("first", ctx.phase, sorted(ctx.kwargs), ctx.args))

class Second:
    def __init__(self, ctx):
        told.append(("second", ctx.phase, sorted(ctx.kwargs), ctx.args))
"""
GIVEN = ["base_dir", "pickup_config", "server_config", "sio_config", "sso_config"]


def test_functions_and_classes_are_told_each_phase_in_order(folder: Folder) -> None:
    wb = folder.start(TELLS, "Second", "first")
    told = sys.modules[wb.startup.names[0].partition(".")[0]].told
    early: list[Any] = [(each, "fs-config-only", GIVEN, []) for each in ("second", "first")]
    assert told == early
    wb.start()
    late = [
        (each, phase, ["server"], []) for phase in ("in-process-first", "after-started") for each in ("second", "first")
    ]
    assert told == [*early, *late]
    assert wb.startup.problems == []


@pytest.mark.parametrize("where", ["environment", ".env", "server.conf", "workbench.toml text", "profile"])
def test_names_come_from_every_place_of_settings(folder: Folder, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = folder.module(TELLS)
    listed = f"{name}.first, {name}.Second"
    if where == "environment":
        monkeypatch.setenv("WORKBENCH_STARTUP_CALLABLE", listed)
    elif where == ".env":
        (folder.path / ".env").write_text(f"WORKBENCH_STARTUP_CALLABLE='{listed}'\n")
    elif where == "server.conf":
        (folder.path / "server.conf").write_text(f"[misc]\nstartup_callable={listed}\n")
    elif where == "profile":
        monkeypatch.setenv("WORKBENCH_PROFILE", "test")
        folder.toml(f'[startup]\nstartup_callable = "x.y"\n[profile.test.startup]\nstartup_callable = "{listed}"\n')
    else:
        folder.toml(f'[startup]\nstartup_callable = "{listed}"\n')
    singleton.the_workbench()
    assert [each[0] for each in sys.modules[name].told] == ["first", "second"]


CHANGES = """
def change(ctx):
    if ctx.phase == "fs-config-only":
        config = ctx.kwargs["server_config"]
        config.workbench.hosts = ["api.example.com"]
        config.workbench.threads += 5
        config.workbench.store = "memory://"
        config.workbench.sandbox = True
        config.main.port = 0
        config.kvdb.host = "127.0.0.1"
        config.kvdb.password = "hunter2-canary"
        config.kvdb.db = 3
        config.component_enabled.ftp = False
        config.user_config.billing = {"url": "https://b.example.com"}
        config.connection["Data"] = {"timeout_seconds": 3.5}
"""


def test_what_is_changed_in_place_takes_effect_and_says_who_did(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_PORT", "11999")
    environ, path = dict(os.environ), list(sys.path)
    wb = folder.start(CHANGES, "change", more='[user]\nkept = "yes"\n')
    [who] = wb.startup.names
    assert wb.startup.problems == []
    for name, value in (("port", "0"), ("hosts", "api.example.com"), ("store", "memory://"), ("sandbox", "1")):
        assert setting(wb, name) == (value, who)
    assert setting(wb, "redis") == ("redis://:***@127.0.0.1:6379/3", who)
    assert os.environ["WORKBENCH_REDIS"] == "redis://:hunter2-canary@127.0.0.1:6379/3"
    assert setting(wb, "threads") == ("37", who)
    assert setting(wb, "counters")[1] == "default"

    class Reads(Service):
        name = "reads"

        def handle(self) -> Any:
            return self.user_config.billing.url, self.user_config.kept

    wb.deploy(Reads)
    assert wb.invoke("reads") == ("https://b.example.com", "yes")
    wb.define(RESTConnection("Data", host="http://localhost:1"))
    data: Any = wb.connections["Data"].definition
    assert data.timeout_seconds == 3.5
    rows = {row.setting: (row.value, row.came) for row in wb.settings.rows()}
    assert rows["connection.Data.timeout_seconds"] == ("3.5", who)
    with pytest.raises(ComponentOff, match=rf"{who} says component_enabled\.ftp = false\. Fix: "):
        wb.define(FTPConnection("My FTP", host="localhost"))
    singleton.forget()
    assert (dict(os.environ), sys.path) == (environ, path), "nothing of it stays behind"


@pytest.mark.parametrize(
    ("before", "fields", "change", "after"),
    [
        (
            "rediss://me:p%40ss@redis.example.com:6380/2?ssl_cert_reqs=none",
            {"host": "redis.example.com", "port": 6380, "db": 2, "password": "p@ss"},
            "db = 3",
            "rediss://me:p%40ss@redis.example.com:6380/3?ssl_cert_reqs=none",
        ),
        (
            "redis://[::1]/1",
            {"host": "::1", "port": 6379, "db": 1, "password": ""},
            "password = 'new/one'",
            "redis://:new%2Fone@[::1]:6379/1",
        ),
        (
            "redis://localhost:many/1",
            {"host": "", "port": 6379, "db": 0, "password": ""},
            "port = 1",
            "redis://localhost:many/1",
        ),
        (
            "unix:///run/redis.sock",
            {"host": "", "port": 6379, "db": 0, "password": ""},
            "host = 'localhost'",
            "redis://localhost:6379/0",
        ),
    ],
)
def test_a_change_of_one_field_of_redis_leaves_tls_user_and_options(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, before: str, fields: dict[str, Any], change: str, after: str
) -> None:
    monkeypatch.setenv("WORKBENCH_REDIS", before)
    name = folder.module(
        "told = []\ndef change(ctx):\n    if ctx.phase == 'fs-config-only':\n"
        "        kvdb = ctx.kwargs['server_config'].kvdb\n        told.append(dict(kvdb))\n"
        f"        kvdb.{change}\n"
    )
    folder.toml(f'port = 0\n[startup]\nstartup_callable = ["{name}.change"]\n')
    wb = singleton.the_workbench()
    assert sys.modules[name].told == [fields]
    assert os.environ["WORKBENCH_REDIS"] == after
    assert [each for each in wb.startup.problems if "has no host" not in each] == []
    assert bool(wb.startup.problems) == (after == before)
    singleton.forget()
    assert os.environ["WORKBENCH_REDIS"] == before


WRONG = [
    ("workbench.threads = 'many'", "server_config.workbench.threads cannot be 'many'. Fix: a whole number, 1 or more."),
    ("workbench.threds = 5", "server_config.workbench.threds is no setting. Fix: did you mean 'threads'?"),
    ("main.port = -1", "server_config.workbench.port cannot be -1. Fix: a number from 0 to 65535"),
    ("component_enabled.pop('ftp')", "component_enabled.ftp cannot be None. Fix: True or False."),
    ("kvdb = 'redis'", "server_config.kvdb must stay a table. Fix: set its keys, one by one."),
    ("component_enabled = False", "server_config.component_enabled must stay a table. Fix: set its keys"),
    ("pop('user_config')", "server_config.user_config must stay a table. Fix: set its keys, one by one."),
    ("connection.Data = 'https://x'", "server_config.connection.Data must be a table. Fix: give fields by name"),
    ("workbench.lock = __import__('threading').Lock()", "server_config.workbench.lock is no setting. Fix: "),
    ("component_enabled.ftp = 'perhaps'", "component_enabled.ftp cannot be 'perhaps'. Fix: True or False."),
    ("component_enabled.fpt = False", "No component is named 'fpt', so it is kept and turns nothing off. Fix: did you"),
]


WRONG_RULES = [
    ("int = 'nr'", "sio_config.int must stay a table. Fix: set its keys, one by one."),
    ("int.suffix = 5", "sio_config.int.suffix must be names, "),
    ("int.sufix = ['_nr']", "sio_config.int.sufix is no rule; did you mean 'suffix'. It is kept, without effect. Fix:"),
    ("float = {'suffix': ['_amount']}", "sio_config.float is no type that a name can suggest; there are"),
]


@pytest.mark.parametrize(("change", "said"), WRONG_RULES)
def test_a_rule_that_cannot_be_is_told_and_the_rest_counts(folder: Folder, change: str, said: str) -> None:
    text = "def change(ctx):\n    if 'sio_config' in ctx.kwargs:\n        config = ctx.kwargs['sio_config']\n"
    wb = folder.start(f"{text}        config.{change}\n        config.bool.suffix = '_flag'\n", "change")
    [told] = wb.startup.problems
    assert said in told
    assert setting(wb, "simple_io.bool.suffix") == ("_flag", wb.startup.names[0])


CHANGES_RULES = """
def change(ctx):
    if ctx.phase == "fs-config-only":
        ctx.kwargs["sio_config"].int.suffix.append("_nr")
        ctx.kwargs["sio_config"].secret.exact += ["pin"]
"""


class Takes(Service):
    """Declares plain names alone."""

    name = "takes"
    input = "order_nr", "vip_flag", "pin", "-lines_count", Dict("customer", "house_nr")

    def handle(self) -> Any:
        return repr(self.request.input)


GIVEN_TEXT = {"order_nr": "7", "vip_flag": "yes", "pin": "12", "lines_count": "3", "customer": {"house_nr": "4"}}


def test_rules_of_files_and_callables_say_what_plain_names_are(folder: Folder) -> None:
    (folder.path / "simple-io.conf").write_text("[bool]\nsuffix=_flag\n[int]\nsuffix=_lost\n")
    wb = folder.start(CHANGES_RULES, "change", more='[simple_io.int]\nsuffix = ["_count"]\n')
    [who] = wb.startup.names
    assert wb.startup.problems == []
    wb.deploy(Takes)
    assert wb.invoke("takes", GIVEN_TEXT) == (
        "{'order_nr': 7, 'vip_flag': True, 'pin': ..., 'lines_count': 3, 'customer': {'house_nr': 4}}"
    )
    with pytest.raises(InvalidInput, match=r"'order_nr' must be a whole number.*'customer\.house_nr' must be"):
        wb.invoke("takes", GIVEN_TEXT | {"order_nr": "x", "customer": {"house_nr": "y"}})
    assert setting(wb, "simple_io.int.suffix") == ("_count, _nr", who)
    assert setting(wb, "simple_io.bool.suffix") == ("_flag", "simple-io.conf")
    [row] = [each for each in wb.settings.rows() if each.setting == "simple_io.int.suffix"]
    assert row.default == "_count, _id, _size, _size_min, _size_max, _timeout"


def test_rules_of_files_count_without_any_callable(folder: Folder) -> None:
    folder.toml('[simple_io.int]\nsuffix = []\nexact = "order_nr"\n')
    wb = singleton.the_workbench()
    wb.deploy(Takes)
    assert wb.invoke("takes", GIVEN_TEXT).startswith(
        "{'order_nr': 7, 'vip_flag': 'yes', 'pin': '12', 'lines_count': '3',"
    )
    assert setting(wb, "simple_io.int.suffix") == ("none", "workbench.toml")


@pytest.mark.parametrize(("change", "said"), WRONG)
def test_a_change_that_cannot_be_is_told_and_the_rest_counts(folder: Folder, change: str, said: str) -> None:
    text = "def change(ctx):\n    if 'server_config' in ctx.kwargs:\n        config = ctx.kwargs['server_config']\n"
    text += f"        config.{change}\n        config.workbench.log_lines = 7\n"
    wb = folder.start(text, "change")
    [told] = wb.startup.problems
    assert said in told
    assert setting(wb, "log_lines") == ("7", wb.startup.names[0])
    wb.define(FTPConnection("My FTP", host="localhost"), RESTConnection("Data", host="http://localhost:1"))


def test_switches_of_the_file_count_without_any_callable(folder: Folder) -> None:
    folder.toml("[component_enabled]\nemail = false\nsmss = false\n")
    wb = singleton.the_workbench()
    assert wb.startup.problems == [
        "workbench.toml [component_enabled]: No component is named 'smss', so it is kept and turns nothing off. "
        "Fix: did you mean 'sms'?"
    ]
    assert setting(wb, "component_enabled.email") == ("0", "workbench.toml")
    with pytest.raises(ComponentOff, match=r"workbench\.toml says component_enabled\.email = false\. Fix: "):
        wb.invoke("zato.email.smtp.create", {"name": "mail", "host": "localhost"})
    assert list(wb.connections) == []


FAILING = {
    "raises": ("def f(ctx):\n    raise ValueError('no luck')\n", "f", "ValueError: no luck"),
    "exits": ("def f(ctx):\n    raise SystemExit(3)\n", "f", "SystemExit: 3"),
    "hangs": ("import threading\ndef f(ctx):\n    threading.Event().wait(60)\n", "f", "did not end within 0.2 s"),
    "is missing": ("", "f", "has no such name: 'f'. Fix: "),
    "cannot be called": ("f = 3\n", "f", "cannot be called: 'f'. Fix: "),
    "takes nothing": ("def f():\n    pass\n", "f", "TypeError"),
    "does not compile": ("def f(\n", "f", "SyntaxError"),
    "wants wb too early": ("from workbench import wb\ndef f(ctx):\n    pass\n", "f", "There is no workbench yet"),
}


@pytest.mark.parametrize("how", FAILING)
def test_one_that_fails_is_told_and_the_others_are_called(folder: Folder, how: str) -> None:
    text, name, said = FAILING[how]
    other = folder.module(TELLS)
    bad = f"{folder.module(text)}.{name}"
    folder.toml(f'port = 0\n[startup]\nstartup_callable = ["{bad}", "{other}.first"]\ntimeout_seconds = 0.2\n')
    wb = singleton.the_workbench()
    [told] = wb.startup.problems
    assert told.startswith(f"Startup callable {bad} failed in fs-config-only: ")
    assert said in told
    assert "The start goes on without it, as startup_on_error says. Fix: " in told
    assert "workbench/app" not in told, "a line of ours is of no use to anybody"
    assert [each[0] for each in sys.modules[other].told] == ["first"]
    wb.start()
    assert wb.log[0].text == told


@pytest.mark.parametrize(
    ("name", "said"), [("nowhere", "'nowhere' is no dotted name"), ("no.where", "no module named")]
)
def test_a_name_that_leads_nowhere_is_told(folder: Folder, name: str, said: str) -> None:
    folder.toml(f'[startup]\nstartup_callable = "{name}"\n')
    [told] = singleton.the_workbench().startup.problems
    assert said in told
    assert "Fix: " in told


def test_on_error_stop_ends_the_start_in_either_phase(folder: Folder) -> None:
    with pytest.raises(StartupStopped, match=r"failed in fs-config-only: ValueError: no luck.* The start ends here"):
        folder.start(FAILING["raises"][0], "f", more='on_error = "stop"\n')
    late = "def f(ctx):\n    if ctx.phase == 'after-started':\n        raise ValueError('too late')\n"
    wb = folder.start(late, "f", more='on_error = "stop"\n')
    with pytest.raises(StartupStopped, match="after-started: ValueError: too late"):
        wb.start()
    assert wb.url == ""
    with pytest.raises(StartupStopped):
        wb.start()


def test_a_secret_that_was_read_is_masked_in_what_is_said(folder: Folder) -> None:
    (folder.path / ".env").write_text("TOKEN=hunter2-canary\n")
    text = "def f(ctx):\n    from workbench.core.masking import learn\n    learn('hunter2-canary')\n"
    wb = folder.start(f"{text}    raise ValueError('hunter2-canary')\n", "f")
    assert "hunter2" not in f"{wb.startup.problems}{wb.log!r}"


def test_passwords_of_settings_that_callables_see_are_masked_in_what_is_said(folder: Folder) -> None:
    url = "redis://:hunter2%2Fcanary@127.0.0.1:1"
    (folder.path / ".env").write_text(f"WORKBENCH_REDIS={url}\nWORKBENCH_COUNTERS=memory://?password=hunter3-canary\n")
    text = "def f(ctx):\n    config = ctx.kwargs['server_config']\n"
    text += "    raise ValueError(f'{config.kvdb} {config.workbench}')\n"
    text += "def g(ctx):\n    ctx.kwargs['server_config'].kvdb.password = 'hunter4-canary'\n"
    wb = folder.start(text + "def h(ctx):\n    raise ValueError('hunter4-canary')\n", "f", "g", "h")
    said = f"{wb.startup.problems}{wb.log!r}"
    assert "'password': '***'" in said
    assert "hunter" not in said


def test_callables_of_a_script_are_told_when_its_server_starts(wb: Workbench) -> None:
    told: list[PhaseCtx] = []

    @wb.on_startup
    def late(ctx: PhaseCtx) -> None:
        told.append(ctx)

    assert told == []
    wb.start()
    [ctx] = told
    server = ctx.kwargs["server"]
    assert (ctx.phase, server.cluster_id, server.name) == ("after-started", 1, wb.app)
    server.invoke("zato.cache.builtin.create", {"name": "made"})
    assert "made" in wb.caches
    wb.on_startup(lambda ctx: told.append(ctx))
    assert len(told) == 2, "the start is over, so it is told at once"


def test_a_callable_that_is_made_again_as_it_was_is_not_told_again(wb: Workbench) -> None:
    told: list[int] = []
    for number in (1, 1, 2):
        names: dict[str, Any] = {"told": told}
        exec(f"def f(ctx):\n    told.append({number})\n", names)
        wb.on_startup(names["f"])
        wb.start()
    assert told == [1, 2]


def test_zatos_own_files_are_read_below_workbench_toml(folder: Folder) -> None:
    (folder.path / "server.conf").write_text(
        "[main]\ngunicorn_bind=0.0.0.0:17010  # everywhere\n[kvdb]\nhost=redis.example.com\nport=6380\n"
        "[component_enabled]\nsms=False\nslow_response=True\n[misc]\nkept='as it is'\n"
    )
    (folder.path / "simple-io.conf").write_text("[int]\nexact=id, nr\n[default]\ndefault_value=\n")
    (folder.path / "pickup.conf").write_text("[csv]\npickup_from=./in\n")
    (folder.path / "sso.conf").write_text("[main]\nencrypt_email=True\n")
    text = "seen = {}\ndef f(ctx):\n    seen.update(ctx.kwargs)\n"
    wb = folder.start(text, "f", more='[pickup.json]\npickup_from = "json"\n[component_enabled]\nemail = false\n')
    seen = sys.modules[wb.startup.names[0].partition(".")[0]].seen
    assert wb.startup.problems == []
    assert setting(wb, "port") == ("0", "workbench.toml")
    assert setting(wb, "redis") == ("redis://redis.example.com:6380/0", "server.conf [kvdb]")
    assert setting(wb, "component_enabled.sms") == ("0", "server.conf")
    assert setting(wb, "component_enabled.email") == ("0", "workbench.toml")
    assert seen["server_config"].misc.kept == "as it is"
    assert seen["server_config"].kvdb.host == "redis.example.com"
    assert seen["sio_config"].int == {"exact": ["id", "nr"], "prefix": [], "suffix": list(RULES["int"].suffix)}
    assert seen["sio_config"].bool.prefix == list(RULES["bool"].prefix)
    assert seen["sio_config"].default.default_value == ""
    assert seen["pickup_config"] == {"csv": {"pickup_from": "./in"}, "json": {"pickup_from": "json"}}
    assert seen["sso_config"].main.encrypt_email == "True"
    assert seen["base_dir"] == str(folder.path)


BROKEN = [
    ("server.conf", "port=1\n", "server.conf is not valid: File contains no section headers"),
    ("server.conf", "[main]\nport=many\n", r"server.conf is not valid\. line 2: \[main\] port must be a number"),
    ("server.conf", "[component_enabled]\n\nsms=perhaps\n", r"line 3: \[component_enabled\] sms must be True or False"),
    ("server.conf", "[kvdb]\npassword=zato+secret://x\n", r"line 2: \[kvdb\] password is in Zato's own secrets\.conf"),
    ("sso.conf", "[a]\nb=1\nb=2\n", r"sso.conf is not valid: .*line +3"),
    ("pickup.conf", "[a\n", "pickup.conf is not valid"),
    ("simple-io.conf", "[int]\nexact=id\nsufix=_nr\n", r"line 3: \[int\] sufix is no rule; did you mean 'suffix'"),
]


@pytest.mark.parametrize(("file", "text", "said"), BROKEN)
def test_what_is_wrong_in_zatos_files_is_told_with_its_line(folder: Folder, file: str, text: str, said: str) -> None:
    (folder.path / file).write_text(text)
    with pytest.raises(WrongZatoFile, match=rf"(?s){said}.*Fix: "):
        singleton.the_workbench()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[startup]\nstartup_callabel = 'a.b'\n", "line 2: 'startup_callabel' is no key of .startup.; did you mean"),
        ("[startup]\non_error = 'panic'\n", "line 2: on_error must be one of 'go on', 'stop', not 'panic'"),
        ("[startup]\ntimeout_seconds = 0\n", "line 2: timeout_seconds must be seconds"),
        ("[startup]\nstartup_callable = 3\n", "line 2: startup_callable must be dotted names"),
        ("startup = 3\n", "line 1: startup must be a table"),
        ("[component_enabled]\nftp = 'no'\n", "line 2: ftp must be true or false, not 'no'"),
        ("[profile.a.startup]\non_error = 1\n", "line 2: on_error must be one of"),
        ("[simple_io.int]\nsufix = ['_nr']\n", "line 2: 'sufix' is no rule; did you mean 'suffix'"),
        ("[simple_io.int]\nsuffix = 5\n", "line 2: 'suffix' must be names, .*, not 5"),
        ("[simple_io.int]\nsuffix = ['_a,_b']\n", "line 2: 'suffix' must be names"),
        ("[simple_io]\nint = 5\n", "line 2: 'int' must be a table of"),
        ("[simple_io.in]\n", "line 1: 'in' is no type that a name can suggest; did you mean 'int'"),
    ],
)
def test_what_is_wrong_in_the_tables_is_told_with_line_and_key(folder: Folder, text: str, said: str) -> None:
    folder.toml(text)
    with pytest.raises(WrongFile, match=said):
        singleton.the_workbench()


@pytest.mark.parametrize(
    ("variable", "value"), [("ON_ERROR", "panic"), ("TIMEOUT_SECONDS", "soon"), ("TIMEOUT_SECONDS", "-1")]
)
def test_wrong_variables_are_told(folder: Folder, variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"WORKBENCH_STARTUP_{variable}", value)
    with pytest.raises(WorkbenchError, match=rf"WORKBENCH_STARTUP_{variable} is '{value}'\. Fix: "):
        singleton.the_workbench()


NOTEBOOK = (
    '{"cells": [{"cell_type": "code", "source": "1", "metadata": {}, "outputs": [], "execution_count": null}],'
    ' "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
)


@pytest.mark.parametrize(
    ("env", "headless"), [("", ""), ("WORKBENCH_ALLOW_OUTSIDE=1\nWORKBENCH_HEADLESS=1\n", ""), ("", "0")]
)
def test_nothing_is_called_for_a_notebook_from_elsewhere(
    folder: Folder, env: str, headless: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To open a notebook runs none of what lies beside it, whatever its own `.env` says."""
    if headless:
        monkeypatch.setenv("WORKBENCH_HEADLESS", headless)
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(folder.path / "data"))
    (folder.path / "shop.ipynb").write_text(NOTEBOOK)
    (folder.path / ".env").write_text(env)
    wb = folder.start("open('called', 'w').close()\ndef f(ctx):\n    pass\n", "f")
    assert not Path("called").exists()
    [told] = wb.startup.problems
    assert "were not called at the start, since this notebook comes from elsewhere. Fix: " in told
    name = told.partition(".f were")[0]
    assert name not in sys.modules
    singleton.forget()
    monkeypatch.setenv("WORKBENCH_ALLOW_OUTSIDE", "1")
    monkeypatch.chdir(folder.path)
    singleton.the_workbench()
    assert (folder.path / "called").exists()


OUTSIDE = "redis://:hunter2-canary@redis.example.com"


@pytest.mark.parametrize(
    ("name", "content", "variable"),
    [
        (".env", f"WORKBENCH_REDIS={OUTSIDE}", "WORKBENCH_REDIS"),
        ("workbench.toml", f'store = "{OUTSIDE}"', "WORKBENCH_STORE"),
        ("workbench.toml", 'counters = "rediss://?host=redis.example.com"', "WORKBENCH_COUNTERS"),
        ("server.conf", "[kvdb]\nhost = redis.example.com\npassword = $TOKEN\n", "WORKBENCH_REDIS"),
    ],
)
def test_no_redis_elsewhere_is_taken_from_what_lies_beside_a_notebook_from_elsewhere(
    folder: Folder, name: str, content: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(folder.path / "data"))
    monkeypatch.setenv("TOKEN", "hunter2-canary")
    (folder.path / "shop.ipynb").write_text(NOTEBOOK)
    (folder.path / name).write_text(content)
    monkeypatch.setenv("WORKBENCH_NOTEBOOK", str(folder.path / "shop.ipynb"))
    [told] = singleton.the_workbench().startup.problems
    assert told.startswith(f"{variable} of {name}")
    assert "leads to another host, and was not taken, since this notebook comes from elsewhere. Fix: " in told
    assert "hunter2" not in told
    assert variable not in os.environ
    singleton.forget()
    monkeypatch.setenv("WORKBENCH_ALLOW_OUTSIDE", "1")
    assert singleton.the_workbench().startup.problems == []
    assert "redis.example.com" in os.environ[variable]


def test_a_redis_on_this_machine_is_taken_from_beside_any_notebook(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(folder.path / "data"))
    (folder.path / "shop.ipynb").write_text(NOTEBOOK)
    monkeypatch.setenv("WORKBENCH_NOTEBOOK", str(folder.path / "shop.ipynb"))
    folder.toml('redis = "redis://127.0.0.1:6399/1"\n')
    wb = singleton.the_workbench()
    assert wb.startup.problems == []
    assert setting(wb, "redis") == ("redis://127.0.0.1:6399/1", "workbench.toml")


RIGHT = {
    "server.conf": {
        "main": {"port": "17010", "gunicorn_workers": "2"},
        "kvdb": {"host": "localhost", "port": "6379", "db": "0"},
        "component_enabled": {"ftp": "True", "sms": "False", "stats": "no"},
        "misc": {"startup_callable": "a.b"},
    },
    "simple-io.conf": {
        "bool": {"prefix": "is_, has_"},
        "int": {"exact": "id", "suffix": "_count, _size"},
        "secret": {"exact": "password, token"},
        "default": {"default_value": ""},
    },
}
"""What is right, file by file."""
WRONG_VALUES = {("main", "port"): "many", ("kvdb", "port"): "-1", ("kvdb", "db"): "1.5"}


def test_200_broken_files_of_zato_are_each_told_with_their_line_and_key(tmp_path: Path) -> None:
    """One wrong value, key or line at a random place among what is right."""
    rng = random.Random(6)
    for number in range(200):
        file = rng.choice(list(RIGHT))
        lines: list[str] = []
        places: list[tuple[int, str, str]] = []
        for section, values in rng.sample(list(RIGHT[file].items()), len(RIGHT[file])):
            lines += rng.randrange(3) * ["# a line"] + [f"[{section}]"]
            for key, value in values.items():
                places.append((len(lines), section, key))
                lines.append(f"{key}{rng.choice(['=', ' = '])}{value}{rng.choice(['', '  # well'])}")
        at, key = _break(rng, file, lines, places)
        (tmp_path / file).write_text("\n".join(lines))
        with pytest.raises(WrongZatoFile, match=r"Fix: ") as raised:
            read_zato_files(tmp_path)
        told = str(raised.value)
        assert str(tmp_path / file) in told
        assert re.search(rf"line:? +{at + 1}\b", told), (number, at + 1, lines, told)
        assert key in told, (number, told)
        (tmp_path / file).unlink()


def _break(rng: random.Random, file: str, lines: list[str], places: list[tuple[int, str, str]]) -> tuple[int, str]:
    """Break one line; gives where it is, from 0, and its key."""
    judged = [each for each in places if each[1:] in WRONG_VALUES or each[1] == "component_enabled"]
    keyed = [each for each in places if each[1] in ("bool", "int", "secret")]
    how = rng.choice(["twice", "no value", *(["value"] if judged else []), *(["key"] if keyed else [])])
    at, section, key = rng.choice({"value": judged, "key": keyed}.get(how, places))
    if how == "twice":
        lines.insert(at + 1, lines[at])
        return at + 1, key
    if how == "no value":
        lines[at] = f"{key} without a sign"
    elif how == "value":
        lines[at] = f"{key}={WRONG_VALUES.get((section, key), 'perhaps')}"
    else:
        key = f"{key}x"
        lines[at] = f"{key}=a, b"
    return at, key
