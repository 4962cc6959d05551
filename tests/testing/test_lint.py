"""`workbench lint`: each rule finds what it is for, leaves alone what is fine, and can be allowed with a reason."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kernels import ROOT
from tests.testing.notebooks import code, markdown, printed, write
from workbench.cli.main import main
from workbench.testing.lint.linting import RULES, lint

START = "from workbench import *"
ASKS = """class Asks(Service):
    name = "asks"
    def handle(self):
        return self.out.rest["Rates"].conn.get(self.cid).text"""
MOVES = """class Moves(Service):
    name = "moves"
    def handle(self):
        conn = self.out.ftp.get("In")
        box = self.cloud.dropbox["Out"].conn
        for name in conn.listdir("/"):
            data = conn.read(name)
"""
BOTH = 'wb.define(FTPConnection("In", host="ftp.example.com"), DropboxConnection("Out"))'
AWAITS = "class Awaits(Service):\n    name = 'awaits'\n    async def handle(self):\n        "
# In two parts, so that no scanner takes them for secrets of ours.
KEY, TOKEN = "AKIA" + "ABCDEFGHIJKLMNOP", "ghp_" + "a1B2" * 9
JWT = ".".join(("eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiJhZGEifQ", "c2lnbmF0dXJl"))


def indented(text: str) -> str:
    """Lines of the loop of MOVES."""
    return "".join(f"            {line}\n" for line in text.splitlines())


FOUND: list[tuple[str, list[str], tuple[int, int]]] = [
    ("undefined-connection", [ASKS], (2, 4)),
    ("undefined-connection", [ASKS, 'wb.define(SMTPConnection("Rates", host="mail.example.com"))'], (2, 4)),
    ("undefined-connection", [ASKS.replace("rest", "files"), 'wb.define(RESTConnection("Rates"))'], (2, 4)),
    ("undefined-connection", [ASKS.replace('.rest["Rates"]', '.ftp.get("Rates")')], (2, 4)),
    ("unguarded-channel", ['wb.define(\n    RESTChannel("a", path="/a"))'], (2, 2)),
    ("unguarded-channel", ['wb.define(SOAPChannel("a", security=None))'], (2, 1)),
    ("unguarded-channel", ['wb.define(WebSocketChannel("a"))'], (2, 1)),
    ("unguarded-channel", ['wb.define(JSONRPCChannel("a"), Limit("b", on="channel", lines="1/m"))'], (2, 1)),
    ("unguarded-channel", ['wb.define(RESTChannel("a"), Limit("a", on="user", lines="1/m"))'], (2, 1)),
    ("unsaid-missed", ['wb.define(IntervalJob("a", service="b", hours=1))'], (2, 1)),
    ("unsaid-missed", ['wb.define(CronJob("a", service="b", cron="0 9 * * *"))'], (2, 1)),
    ("unsaid-missed", ['wb.define(OneTimeJob("a", service="b", start="2035-01-01 00:00"))'], (2, 1)),
    ("early-delete", [BOTH, MOVES + indented("conn.remove(name)\nbox.upload(name, data)")], (3, 8)),
    ("early-delete", [BOTH, MOVES + indented("conn.delete(name)\nself.invoke('keep', data)")], (3, 8)),
    ("early-delete", [BOTH, MOVES + indented("self.invoke_async('keep', data)\nconn.remove(name)")], (3, 9)),
    ("early-delete", [BOTH, MOVES + indented("self.patterns.fanout.invoke({'a': data})\nconn.remove(name)")], (3, 9)),
    (
        "early-delete",
        [BOTH, MOVES + indented("try:\n    box.write(name, data)\nfinally:\n    conn.remove(name)")],
        (3, 11),
    ),
    (
        "early-delete",
        [
            BOTH,
            MOVES + indented("try:\n    box.write(name, data)\nexcept OSError:\n    print(name)\nconn.remove(name)"),
        ],
        (3, 12),
    ),
    ("blocking-in-async", ["import time", AWAITS + "time.sleep(1)"], (3, 4)),
    ("blocking-in-async", ["import time", AWAITS + "self.crypto.hash_secret('x')"], (3, 4)),
    ("blocking-in-async", ["from time import sleep as rest", AWAITS + "rest(1)"], (3, 4)),
    (
        "blocking-in-async",
        ["import requests", AWAITS + "return requests.get('https://example.com', timeout=5)"],
        (3, 4),
    ),
    ("blocking-in-async", [AWAITS + "return self.invoke('other')"], (2, 4)),
    ("blocking-in-async", [BOTH, AWAITS + "conn = self.out.ftp['In'].conn\n        return conn.listdir('/')"], (3, 5)),
    ("blocking-in-async", [BOTH, AWAITS + "return self.out.ftp['In'].conn.listdir('/')"], (3, 4)),
    ("blocking-in-async", [AWAITS + "return self.out.soap['CRM'].conn.client.service.Get(id=7)"], (2, 4)),
    ("blocking-in-async", [AWAITS + "return self.out.ftp.get('In').conn.client.list()"], (2, 4)),
    ("blocking-in-async", [AWAITS + "return self.kvdb.conn.get('newest')"], (2, 4)),
    ("secret-in-notebook", ["import os", "os.environ['PARTNER_TOKEN'] = 'hunter22'"], (3, 1)),
    ("secret-in-notebook", ["import os", "os.environ.setdefault('PARTNER_TOKEN', 'hunter22')"], (3, 1)),
    ("secret-in-notebook", ["import requests", "requests.get('https://x.test', auth=('ada', 'hunter22'))"], (3, 1)),
    ("secret-in-notebook", ["headers = {'X-API-Key': 'hunter22'}"], (2, 1)),
    ("secret-in-notebook", [f"head = '{JWT}'"], (2, 1)),
    ("secret-in-notebook", ['wb.define(BasicAuth("a", password="hunter22"))'], (2, 1)),
    ("secret-in-notebook", ['wb.define(APIKey("a", key="hunter22"))'], (2, 1)),
    ("secret-in-notebook", ['\nMY_API_KEY = "hunter22"'], (2, 2)),
    ("secret-in-notebook", ['login = {"user": "me", "password": "hunter22"}'], (2, 1)),
    ("secret-in-notebook", [f"# the key is {KEY}"], (2, 1)),
    ("secret-in-notebook", [f"print('{TOKEN}')"], (2, 1)),
    ("secret-in-notebook", ["url = 'https://me:hunter22@example.com/'"], (2, 1)),
    ("undefined-name", ["print(rates)"], (2, 1)),
    ("undefined-name", ["print(rates)", "rates = 1"], (2, 1)),
    ("undefined-name", ["class Of:\n    all = [rates for _ in range(3)]", "rates = 1"], (2, 2)),
    ("undefined-name", ["def later():\n    return rates"], (2, 2)),
    ("undefined-name", ["%matplotlib inline\nx = 1", "%%test it holds\nassert y"], (3, 2)),
    ("non-determinism", ["import random\nprint(random.random())"], (2, 2)),
    ("non-determinism", ["from datetime import datetime, UTC", "print(datetime.now(UTC))"], (3, 1)),
    ("non-determinism", ["import datetime as dt, uuid", "print(uuid.uuid4())"], (3, 1)),
]
FINE: list[tuple[str, list[str]]] = [
    # Nobody reaches a folder by the network.
    ("unguarded-channel", ['wb.define(FileChannel("a", pickup_from="in"))']),
    ("undefined-connection", [ASKS, 'wb.define(RESTConnection("Rates", host="https://example.com"))']),
    ("undefined-connection", [ASKS, 'NAME = "Rates"', 'wb.define(RESTConnection(NAME, host="https://example.com"))']),
    ("undefined-connection", [ASKS, "for each in ('Rates', 'News'):\n    wb.define(RESTConnection(each))"]),
    ("undefined-connection", [ASKS.replace("rest", "files"), 'wb.define(S3Connection("Rates", bucket="a"))']),
    ("undefined-connection", [ASKS, 'wb.load("connections.py")']),
    (
        "undefined-connection",
        [
            'class Weather(ConnectionDefinition, tag="weather"):\n    attributes = {"out.weather": "conn"}',
            ASKS.replace("rest", "weather"),
            'wb.define(Weather("Rates"))',
        ],
    ),
    ("unguarded-channel", ['wb.define(RESTChannel("a", limit="1/m"), RESTChannel("b", security="ada"))']),
    ("unguarded-channel", ['wb.define(RESTChannel("a"), Limit("a", on="channel", lines="1/m"))']),
    ("unguarded-channel", ['wb.define(RESTChannel("a", service="s"), Limit("s", on="service", lines="1/m"))']),
    ("unsaid-missed", ['wb.define(IntervalJob("a", service="b", hours=1, missed="skip"))']),
    ("early-delete", [BOTH, MOVES + indented("box.upload(name, data)\nconn.remove(name)")]),
    ("early-delete", [BOTH, MOVES + indented("self.invoke('keep', data)\nconn.remove(name)")]),
    (
        "early-delete",
        [BOTH, MOVES + indented("if not data:\n    conn.remove(name)\n    continue\nbox.write(name, data)")],
    ),
    (
        "early-delete",
        [BOTH, MOVES + indented("try:\n    box.write(name, data)\nexcept OSError:\n    continue\nconn.remove(name)")],
    ),
    ("blocking-in-async", ["import asyncio, time", AWAITS + "await asyncio.sleep(1)", "time.sleep(0)"]),
    ("blocking-in-async", ["import asyncio, time", AWAITS + "await asyncio.to_thread(lambda: time.sleep(1))"]),
    ("blocking-in-async", [AWAITS + "return await self.invoke.aio('other')"]),
    (
        "blocking-in-async",
        [BOTH, AWAITS + "conn = self.out.ftp['In'].conn.aio\n        return await conn.listdir('/')"],
    ),
    ("blocking-in-async", [AWAITS + "return await self.out.soap['CRM'].conn.aio.client.service.Get(id=7)"]),
    (
        "blocking-in-async",
        [AWAITS + "return [each for each in self.out.ftp.keys() if self.out.ftp.get('In')]"],
    ),
    ("secret-in-notebook", ['wb.define(BasicAuth("a", password=secret("MY_PASSWORD")))']),
    ("secret-in-notebook", ['password = "***"', "url = 'https://example.com:8080/a@b'", 'token = ""']),
    ("undefined-name", ["rates = 1", "print(rates)", "_ + _1", "display(Out[1])"]),
    ("undefined-name", ["def later():\n    return rates", "rates = 1"]),
    (
        "undefined-name",
        ["def top(rates):\n    return rates", "class Of:\n    def at(self):\n        return __class__, __doc__"],
    ),
    ("undefined-name", ["from os.path import *", "join('a', 'b')"]),
    ("undefined-name", ["%run other.py", "print(rates)"]),
    ("undefined-name", ["%%bash\necho $rates", "files = !ls\nprint(files)"]),
    ("undefined-name", ["def fill():\n    global rates\n    rates = 1", "fill()\nprint(rates)"]),
    ("undefined-name", ["import asyncio\nawait asyncio.sleep(0)", "print([x + y for x in (1, 2) for y in (x,)])"]),
    ("non-determinism", ["import random\nrandom.seed(1)", "print(random.random(), random.Random(2).random())"]),
    ("non-determinism", ["print(wb.clock.now())"]),
]


def found(path: Path, rule: str) -> list[tuple[int, int]]:
    """Where a rule finds something: cell and line."""
    return [(each.cell, each.line) for each in lint(path) if each.rule == rule]


@pytest.mark.parametrize(("rule", "cells", "place"), FOUND)
def test_a_rule_finds_what_it_is_for_until_a_comment_allows_it(
    tmp_path: Path, rule: str, cells: list[str], place: tuple[int, int]
) -> None:
    path = tmp_path / "nb.ipynb"
    write(path, code(START), *map(code, cells))
    assert found(path, rule) == [place]
    assert all(". Fix: " in each.says and "hunter22" not in each.says for each in lint(path))

    cell, line = place
    lines = cells[cell - 2].splitlines()
    beside = [*lines[: line - 1], f"{lines[line - 1]}  # workbench: allow {rule}: it is meant", *lines[line:]]
    above = [*lines[:1], f"# workbench: allow {rule}: it is meant", *lines[1:]]
    for mended in (beside, above if lines[0].startswith("%") else [above[1], above[0], *above[2:]]):
        allowed = [*cells[: cell - 2], "\n".join(mended), *cells[cell - 1 :]]
        write(path, code(START), *map(code, allowed))
        assert found(path, rule) == []

    write(path, code(f"{START}\n# workbench: allow {rule}: it is meant"), *map(code, cells))
    assert found(path, rule) == []


@pytest.mark.parametrize(("rule", "cells"), FINE)
def test_a_rule_leaves_alone_what_is_fine(tmp_path: Path, rule: str, cells: list[str]) -> None:
    path = write(tmp_path / "nb.ipynb", code(START), *map(code, cells))
    assert found(path, rule) == []
    assert "unreadable" not in [each.rule for each in lint(path)]


def test_every_rule_is_tried() -> None:
    assert {*RULES} - {"out-of-order"} == {rule for rule, *_ in FOUND} == {rule for rule, _ in FINE}


def ran(text: str, count: int | None) -> dict[str, Any]:
    """A cell that ran last under this number."""
    return {**code(text), "execution_count": count}


def test_a_cell_that_ran_before_one_above_it_is_named_with_both_numbers(tmp_path: Path) -> None:
    path = tmp_path / "nb.ipynb"
    write(path, ran("a = 1", 1), ran("b = 2", 7), ran("c = 3", 4), ran("d = 4", None), ran("e = 5", 9))
    assert [(each.cell, each.rule) for each in lint(path)] == [(3, "out-of-order")]
    assert "ran as [4], and cell 2 above it as [7]" in lint(path)[0].says
    write(path, ran("a = 1", 3), ran("b = 2", None), ran("c = 3", 4))
    assert lint(path) == []
    write(path, ran("a = 1", 2), ran("# workbench: allow out-of-order: a sketch\nb = 2", 1))
    assert lint(path) == []


def test_a_secret_is_found_wherever_a_notebook_keeps_text_and_is_never_said(tmp_path: Path) -> None:
    tagged = {**code("2"), "metadata": {"note": TOKEN, "tags": []}}
    attached = {**markdown("see"), "attachments": {"a.txt": {"text/plain": TOKEN}}}
    scratch = code(f"print('{TOKEN}')", tags=("scratch",))
    cells = (code("1", printed(f"key {KEY}")), markdown(f"# Keys\n{TOKEN}"), tagged, attached, scratch)
    path = write(tmp_path / "nb.ipynb", *cells)
    saved = json.loads(path.read_text())
    saved["metadata"]["widgets"] = {"state": {"value": TOKEN}}
    path.write_text(json.dumps(saved))
    assert found(path, "secret-in-notebook") == [(0, 1), (1, 1), (2, 2), (3, 1), (4, 1), (5, 1)]
    assert not [each for each in lint(path) if KEY in each.says or TOKEN in each.says]


@pytest.mark.parametrize(
    "value",
    [
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "ASIA" + "ABCDEFGHIJKLMNOP",
        "github_pat_" + "a1B2" * 10,
        "sl." + "a1B2" * 10,
        "sk_" + "live_" + "a1B2" * 4,
        "xoxb-" + "1234567890",
        "smtp://me:" + "hunter22@mail.example.com",
    ],
)
def test_a_secret_is_known_by_how_it_looks(tmp_path: Path, value: str) -> None:
    path = write(tmp_path / "nb.ipynb", code(f"# It was ({value})."), code(f"# It was {value[:9]}."))
    assert found(path, "secret-in-notebook") == [(1, 1)]


@pytest.mark.parametrize("row", ["a-", "a://b:", "-----BEGIN "])
def test_a_secret_is_found_at_the_end_of_10_mb_of_output_whatever_comes_before(tmp_path: Path, row: str) -> None:
    path = write(tmp_path / "nb.ipynb", code("1", printed(row * (10_000_000 // len(row)) + f" {KEY}")))
    assert found(path, "secret-in-notebook") == [(1, 1)]


@pytest.mark.parametrize(
    ("comment", "told"),
    [
        ("# workbench: allow undefined-name", "It is not said why undefined-name is allowed"),
        ("# workbench: allow undefined-name:  ", "It is not said why undefined-name is allowed"),
        ("# workbench: allow everything: it is fine", "There is no rule 'everything'; there are: undefined-connection"),
        ("# workbench: allow", "The comment names no rule"),
    ],
)
def test_a_comment_without_a_rule_or_a_reason_allows_nothing_and_is_named(
    tmp_path: Path, comment: str, told: str
) -> None:
    path = write(tmp_path / "nb.ipynb", code("1"), code(f"rates  {comment}"))
    assert [each.rule for each in lint(path)] == ["unclear-allow", "undefined-name"]
    assert lint(path)[0].says.startswith(told)


def test_a_comment_allows_nothing_beyond_its_cell_or_line_and_may_name_several_rules(tmp_path: Path) -> None:
    several = "import random\nprint(random.random(), rates)  # workbench: allow non-determinism, undefined-name: a draw"
    path = write(tmp_path / "nb.ipynb", code("import random"), code(several + "\nrandom.random()"), code("rates"))
    assert [(each.cell, each.line, each.rule) for each in lint(path)] == [
        (2, 3, "non-determinism"),
        (3, 1, "undefined-name"),
    ]


@pytest.mark.parametrize(
    ("contents", "told"),
    [
        (b"{", "is no notebook"),
        (b"\xff\xfe", "is no notebook"),
        (b'{"nbformat": 3, "worksheets": []}', "nbconvert"),
        (b'{"nbformat": 4, "cells": [], "metadata": {"kernelspec": {"language": "R"}}}', "written in r"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "def ("}]}', "The cell is no Python"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "nonlocal x"}]}', "The cell is no Python"),
    ],
)
def test_what_cannot_be_read_is_a_finding_and_the_other_notebooks_are_looked_at(
    tmp_path: Path, contents: bytes, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.ipynb").write_bytes(contents)
    write(tmp_path / "b.ipynb", code("rates"))
    assert main(["lint", str(tmp_path), "--json"]) == 1
    first, second = json.loads(capsys.readouterr().out)
    assert first["rule"] == "unreadable"
    assert told in first["says"]
    assert "Fix: " in first["says"]
    assert second == {
        "notebook": str(tmp_path / "b.ipynb"),
        "cell": 1,
        "line": 1,
        "rule": "undefined-name",
        "says": "No cell defines 'rates'. Fix: define it above, import it, or correct the name.",
    }


def test_nothing_of_a_notebook_runs(tmp_path: Path) -> None:
    proof = tmp_path / "ran.txt"
    path = write(tmp_path / "nb.ipynb", code(f"open({str(proof)!r}, 'w')"), code(f"%%writefile {proof}\nx"))
    assert main(["lint", str(path)]) == 0
    assert not proof.exists()


def test_the_projects_own_notebooks_are_clean_by_the_hook_of_pre_commit(capsys: pytest.CaptureFixture[str]) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    program, *arguments = shlex.split(hook["entry"])
    assert (program, hook["types"]) == ("workbench", ["jupyter"])
    notebooks = sorted(map(str, (ROOT / "notebooks").glob("*.ipynb")))
    assert main([*arguments, *notebooks]) == 0
    assert capsys.readouterr().out == "There is nothing to mend.\n"


def test_a_wrong_path_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "nowhere.ipynb"]) == 1
    assert "There is no notebook or folder 'nowhere.ipynb'. Fix: " in capsys.readouterr().err
