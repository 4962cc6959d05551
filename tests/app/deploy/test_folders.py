"""A folder of services and definitions goes live file by file, and what is not here is known before a call."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import pytest

from tests.kernels import ROOT
from tests.serving import wb as wb
from tests.zato.service_files import FILES, text_of
from workbench import Workbench
from workbench.app.deploy.folders.finding import MOST_FILES, files_in
from workbench.app.deploy.folders.imported import Imported
from workbench.core.errors import DeployRefused
from workbench.core.payload.differences import DIFFERENCES, LACKING
from workbench.core.service import Service

HEAD = "from zato.server.service import Service\n"
Load = Callable[..., Imported]


def service(name: str, handle: str = "return 1", *, above: str = "", inside: str = "", base: str = "Service") -> str:
    """The text of a module with one service."""
    lines = [HEAD + above, f"class {name}({base}):", f"    {inside or 'pass'}", "    def handle(self):"]
    return "\n".join([*lines, f"        {handle}", ""])


@pytest.fixture(autouse=True)
def own_modules(tmp_path: Path) -> Iterator[None]:
    """Modules and places that a folder brought are gone after its test."""
    modules, places = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = places
    for name in set(sys.modules) - modules:
        module = sys.modules[name]
        # A package without a file of its own has only the place where its modules are.
        if any(each.startswith(str(tmp_path)) for each in _places_of(module)):
            del sys.modules[name]


def _places_of(module: ModuleType) -> list[str]:
    return [str(getattr(module, "__file__", "")), *map(str, getattr(module, "__path__", ()))]


@pytest.fixture
def load(wb: Workbench, tmp_path: Path) -> Load:
    """Writes files of a folder and loads it; what became of it."""

    def loaded(**files: str | bytes) -> Imported:
        folder = tmp_path / "shop"
        for name, text in files.items():
            path = folder / name.replace("__", "/").replace("_py", ".py").replace("_yaml", ".yaml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        folder.mkdir(exist_ok=True)
        return wb.load_folder(folder, shown="shop")

    return loaded


def test_services_and_definitions_of_a_folder_are_live(load: Load, wb: Workbench) -> None:
    done = load(
        orders_py=service("Get", "return tax(self.request.payload)", above="from helpers import tax"),
        helpers_py="def tax(value):\n    return value * 2\n",
        deep__er__stock_py=service("Stock"),
        enmasse_yaml="channel_rest:\n  - {name: o, service: orders.get, url_path: /o, is_active: true}\n",
    )
    assert done.services == ["orders.get", "stock.stock"]
    assert done.definitions == ["RESTChannel 'o'"]
    assert [(row.file, row.kind) for row in done.rows] == [
        ("deep/er/stock.py", "services"),
        ("enmasse.yaml", "definitions"),
        ("helpers.py", "helper"),
        ("orders.py", "services"),
    ]
    assert done.is_whole
    assert repr(done).splitlines()[0] == "shop: 2 services and 1 definition of 3 files are live."
    assert wb.call("POST /o", json=21).json() == 42


def test_a_file_that_fails_stays_alone_and_says_where(load: Load) -> None:
    done = load(
        a_py=service("A"),
        b_py=HEAD + "\n1 / 0\nclass B(Service): pass\n",
        c_py="raise SystemExit(3)\nclass X(object): pass\n",
        d_py=HEAD + "class D(Service):\n    def handle(self):\n",
        e_py=service("E", above="from broken import x"),
        broken_py="y = 1\nx = y.z\n",
        f_py=service("F"),
    )
    assert done.services == ["a.a", "f.f"]
    said = done.failed
    assert [each.partition(":")[0] for each in said] == [
        "b.py, line 3",
        "c.py, line 1",
        "d.py, line 3",
        "e.py, line 2, by broken.py, line 2",
    ]
    assert "ZeroDivisionError: division by zero" in said[0]
    assert "ends Python with exit" in said[1]
    assert "does not understand it" in said[2]
    assert "AttributeError: 'int' object has no attribute 'z'" in said[3]
    assert all(" Fix: " in each for each in said)
    assert not done.is_whole


@pytest.mark.parametrize(
    "line",
    [
        'print "x"',
        "print self.request.payload",
        "exec 'x'",
        "raise ValueError, 'x'",
        "x = 1 <> 2",
        "x = 0777",
        "x = 10L",
        "x = ur'a'",
    ],
)
def test_python_2_is_called_by_its_name(load: Load, line: str) -> None:
    (said,) = load(old_py=service("Old", line)).failed
    assert said.startswith("old.py, line 6: this is Python 2, ")
    assert "Fix: convert it to Python 3, as `2to3 -w old.py`" in said


def test_a_syntax_error_of_python_3_is_not_called_python_2(load: Load) -> None:
    (said,) = load(new_py=service("New", "return (1")).failed
    assert "Python 2" not in said


def test_a_name_that_is_a_keyword_by_now_is_said(load: Load) -> None:
    (said,) = load(old_py=service("Old", "return self.invoke('a', async=False)")).failed
    assert said == (
        "old.py, line 6: since Python 3.7 nothing can have that name, \"return self.invoke('a', async=False)\". "
        "Fix: give what is called async or await another name, as async_."
    )


def test_a_module_of_python_2_is_named_with_its_name_now(load: Load) -> None:
    assert load(old_py=service("Old", above="import urllib2")).failed == [
        "old.py, line 2: The module urllib2 is one of Python 2. Fix: import urllib.request"
    ]


def test_a_text_in_another_encoding_is_read_by_what_it_declares(load: Load, wb: Workbench) -> None:
    text = "# -*- coding: latin-1 -*-\n" + service("Polite", "return 'Grüße'")
    assert load(polite_py=text.encode("latin-1")).is_whole
    assert wb.invoke("polite.polite") == "Grüße"


@pytest.mark.parametrize(
    ("taken", "said"),
    [
        (b"\x7fELF\x00\x00", "bad.py is no text. Nothing of it went live. Fix: take the module's source."),
        (b"x = '\xff'", "bad.py is not UTF-8 text (byte 5). Nothing of it went live. Fix: save it as UTF-8."),
        (
            b"# coding: nonsense\n",
            "bad.py is not in the encoding that it declares (unknown encoding: nonsense). Nothing",
        ),
        (b"#" * 10_000_000, "bad.py has 10,000,000 bytes of at most 4,194,304. Nothing of it went live."),
        (b"x = " + b"(" * 5_000 + b")" * 5_000, "bad.py"),
    ],
)
def test_what_is_no_module_is_one_sentence(load: Load, taken: bytes, said: str) -> None:
    done = load(bad_py=taken, good_py=service("Good"))
    assert [each[: len(said)] for each in done.failed] == [said]
    assert "\n" not in done.failed[0]
    assert done.services == ["good.good"]


def test_links_in_a_circle_lead_nowhere_and_are_told(load: Load, tmp_path: Path) -> None:
    (folder := tmp_path / "shop").mkdir()
    (folder / "again").symlink_to(folder, target_is_directory=True)
    (folder / "gone.py").symlink_to(tmp_path / "nowhere.py")
    os.mkfifo(folder / "pipe.py")
    done = load(a_py=service("A"))
    assert done.services == ["a.a"]
    assert done.notes == [
        "again is a link to a folder that is read already.",
        "gone.py is a link to nothing.",
        "pipe.py is no file.",
    ]


def test_what_nobody_reads_costs_no_look_at_each_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is served by several processes is looked at each second, with all the data in it."""
    (tmp_path / "a.py").touch()
    (data := tmp_path / "data").mkdir()
    for number in range(20):
        (data / f"{number}.csv").touch()
    (data / "elsewhere").symlink_to(data)
    (data / "itself").symlink_to(data / "itself")
    looked, stat = list[str](), os.stat

    def counted(path: Any, *arguments: Any, **options: Any) -> os.stat_result:
        looked.append(str(path))
        return stat(path, *arguments, **options)

    monkeypatch.setattr(os, "stat", counted)
    found = files_in(tmp_path)
    assert found.modules == [tmp_path / "a.py"]
    assert [each.path.name for each in found.left_out] == ["elsewhere"]
    assert [each for each in looked if each.endswith(".csv")] == []
    assert any(each.endswith("a.py") for each in looked)


WITHOUT_RIGHTS = """
import os, sys
from pathlib import Path
from workbench.app.deploy.folders.finding import files_in

folder = Path(sys.argv[1])
if os.getuid() == 0:
    os.setuid(65534)
found = files_in(folder)
print([each.name for each in found.modules], [(each.path.name, each.why) for each in found.left_out])
"""


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="no users here")
def test_what_this_user_may_not_reach_is_left_out_and_told() -> None:
    with TemporaryDirectory() as made:
        folder = Path(made, "shop")
        for each in ("listed", "shut", "open"):
            (folder / each).mkdir(parents=True)
            (folder / each / f"{each}.py").write_text("")
        (folder / "link.py").symlink_to(folder / "shut" / "shut.py")
        for path, mode in ((Path(made), 0o755), (folder / "listed", 0o444), (folder / "shut", 0)):
            path.chmod(mode)
        command = [sys.executable, "-c", WITHOUT_RIGHTS, str(folder)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
        for each in ("listed", "shut"):
            (folder / each).chmod(0o755)
    why = "cannot be read (permission denied), and is left out"
    said = [("link.py", "is a link to nothing"), ("listed", why), ("shut", why)]
    assert done.stdout == f"['open.py'] {said}\n", done.stderr


def test_tests_notebooks_and_environments_are_left_out_and_told(load: Load, tmp_path: Path) -> None:
    (tmp_path / "shop" / "env").mkdir(parents=True)
    (tmp_path / "shop" / "env" / "pyvenv.cfg").write_text("")
    (tmp_path / "shop" / "try.ipynb").write_text("{}")
    done = load(a_py=service("A"), test_a_py="raise SystemExit", env__lib_py="raise SystemExit", other_yaml="a: 1\n")
    assert done.is_whole
    assert done.notes == [
        "env is an environment of Python, and left out.",
        "other.yaml has no section of definitions; it is left out.",
        "test_a.py is a test, and left out.",
        "try.ipynb is a notebook, and left out; workbench serve try.ipynb runs it.",
    ]


def test_a_folder_that_is_none_or_empty_or_too_large_is_refused(wb: Workbench, tmp_path: Path) -> None:
    (file := tmp_path / "file.txt").write_text("")
    (empty := tmp_path / "empty").mkdir()
    (large := tmp_path / "large").mkdir()
    for number in range(MOST_FILES + 1):
        (large / f"m{number}.py").touch()
    for path, said in (
        (file, "is a file. Fix: name a folder"),
        (tmp_path / "nope", "is not there. Fix: name a folder"),
        (empty, "has neither modules (.py) nor files of definitions"),
        (large, "has more than 2,000 modules"),
    ):
        with pytest.raises(DeployRefused, match=re.escape(said)):
            wb.load_folder(path)


def test_each_name_that_is_not_here_is_known_before_a_call_that_says_the_same(load: Load, wb: Workbench) -> None:
    names = [each for each in LACKING if each.startswith("self.")]
    done = load(**{f"asks{i:03}_py": service("Asks", f"return {name}") for i, name in enumerate(names)})
    assert len(done.services) == len(names) > 50
    assert done.missing == [f"asks{i:03}.py:6: {LACKING[name].sentence}" for i, name in enumerate(names)]
    for i, name in enumerate(names):
        with pytest.raises(AttributeError) as raised:
            wb.invoke(f"asks{i:03}.asks")
        assert str(raised.value) == LACKING[name].sentence


def test_no_name_that_is_here_is_called_missing(load: Load) -> None:
    names = sorted(each for each in dir(Service) if not each.startswith("_"))
    done = load(**{f"asks_{name}_py": service("Asks", f"return self.{name}") for name in names})
    assert (len(done.services), done.missing) == (len(names), [])


def test_service_files_that_run_are_not_said_to_miss_anything(load: Load) -> None:
    done = load(**{f"my_{name}_py": text_of(file) for name, file in FILES.items()})
    assert len(done.services) == len(FILES) > 60
    assert done.failed == []
    assert [each for each in done.missing if "nobody defines it" not in each] == []


def test_a_name_of_nobody_is_missing_and_one_that_is_set_anywhere_is_not(load: Load) -> None:
    done = load(
        base_py=HEAD + "class Base(Service):\n    rate = 2\n    def before_handle(self):\n        self.ready = True\n",
        a_py=service("A", "return self.rate, self.ready, self.reqest", above="from base import Base", base="Base"),
        b_py=service("B", "self.own = 1; return self.own, self.cid, self.help(), self.request.payload.anything"),
    )
    assert done.missing == [
        "a.py:6: self.reqest is no name of Service, and nothing in the folder sets it. Fix: write self.request.",
        "b.py:6: self.help is no name of Service, and nothing in the folder sets it. Fix: set self.help first.",
    ]


def test_a_way_out_of_no_kind_is_missing_and_says_what_to_write(load: Load) -> None:
    (said,) = load(
        a_py=service("A", "self.out.nothing['x'].conn; self.out.rest['y'] if 0 else self.email.smtp")
    ).missing[:1]
    assert said.startswith("a.py:6: ")
    assert "self.out.nothing" in said
    assert " Fix: " in said


def test_connections_that_nobody_defines_are_missing_and_those_of_a_file_are_not(load: Load) -> None:
    done = load(
        a_py=service("A", "self.out.rest['Known'].conn, self.out.sql['CRM']"),
        enmasse_yaml="outgoing_rest:\n  - {name: Known, host: 'https://a.example.com', url_path: /, is_active: true}\n",
    )
    assert done.missing == [
        "SQL 'CRM' is used by a.a, and nobody defines it. Fix: add it to a file of definitions, or wb.define it."
    ]


def test_imports_that_are_not_here_are_known_also_within_functions(load: Load) -> None:
    done = load(
        a_py=service("A", "import kombu_of_nobody"),
        b_py=service("B", "from zato.common import NothingOfZato"),
        c_py=service("C", above="try:\n    import not_here_either\nexcept ImportError:\n    pass"),
    )
    assert done.services == ["a.a", "b.b", "c.c"]
    first, second = done.missing
    assert first == "a.py:6: The package 'kombu_of_nobody' is not installed here. Fix: pip install what brings " + (
        "'kombu_of_nobody'"
    )
    assert second.startswith("b.py:6: ")
    assert "NothingOfZato" in second
    assert " Fix: " in second


def test_modules_are_called_by_zatos_rule_and_import_each_other(load: Load, wb: Workbench) -> None:
    done = load(
        src__shop__api_py=service(
            "Get", "return rate + other", above="from shop.rates import rate\nfrom .near import other"
        ),
        src__shop__rates_py="rate = 2\n",
        src__shop__near_py="other = 40\n",
        src__shop____init___py="",
        src__services__plain_py=service("Plain"),
    )
    assert done.failed == []
    assert done.services == ["plain.plain", "shop.api.get"]
    assert wb.invoke("shop.api.get") == 42


def test_a_helper_is_one_module_for_all_and_new_once_it_is_edited(load: Load, wb: Workbench, tmp_path: Path) -> None:
    above = "from counted import seen"
    load(
        a_py=service("A", "seen.append('a'); return list(seen)", above=above),
        b_py=service("B", "seen.append('b'); return list(seen)", above=above),
        counted_py="seen = []\n",
    )
    wb.invoke("a.a")
    assert wb.invoke("b.b") == ["a", "b"]
    assert load().is_whole
    assert wb.invoke("b.b") == ["a", "b", "b"]
    load(counted_py="seen = ['new, and of another length']\n")
    assert wb.invoke("a.a") == ["new, and of another length", "a"]


def test_a_helper_that_python_has_another_module_for_is_told(load: Load) -> None:
    (said,) = load(a_py=service("A", above="import requests"), requests_py="x = 1\n").failed
    assert said.startswith("requests.py is not what `import requests` gives here, which is ")
    assert said.endswith("Fix: rename the file.")


def test_a_package_of_zatos_name_is_no_helper_that_is_hidden(load: Load) -> None:
    done = load(src__zato____init___py="", src__zato__own____init___py="", src__zato__own__api_py=service("Get"))
    assert (done.failed, done.services) == ([], ["zato.own.api.get"])


def test_a_folder_loaded_again_changes_nothing(load: Load, wb: Workbench) -> None:
    files = {
        "a_py": service("A"),
        "enmasse_yaml": "channel_rest:\n  - {name: o, service: a.a, url_path: /o, is_active: true}\n",
    }
    first = load(**files)
    assert repr(load()) == repr(first)
    assert str(wb.services["a.a"].live) == "a.a v1"
    load(a_py=service("A", "return 2"))
    assert str(wb.services["a.a"].live) == "a.a v2"


def test_what_a_file_of_definitions_has_wrong_stays_alone(load: Load, wb: Workbench) -> None:
    done = load(
        a_py=service("A"),
        enmasse_yaml=(
            "security:\n  - {name: ada, type: basic_auth, username: ada, password: Zato_Enmasse_Env.NOBODY_SET}\n"
            "channel_rest:\n"
            "  - {name: good, service: a.a, url_path: /good, is_active: true}\n"
            "  - {name: adas, service: a.a, url_path: /adas, is_active: true, security: ada}\n"
            "  - {name: nope, service: no.such, url_path: /nope, is_active: true}\n"
            "  - {name: twin, service: a.a, url_path: /good, is_active: true}\n"
            "pubsub_topic:\n  - {name: t}\n"
        ),
    )
    assert done.definitions == ["RESTChannel 'good'"]
    assert [each.partition(": ")[0] for each in done.failed] == [f"enmasse.yaml:{line}" for line in (2, 5, 6, 7)]
    user, adas, nope, twin = done.failed
    assert "names the variable NOBODY_SET, which is not set. Fix: set NOBODY_SET in the environment or .env." in user
    assert "names the security definition 'ada', which does not exist" in adas
    assert "names the service 'no.such', which does not exist" in nope
    assert "both answer /good" in twin
    assert done.notes == ["enmasse.yaml:8: pubsub_topic is not understood here, and its definition is left out."]
    assert wb.call("GET /good").json() == 1


def test_in_the_sandbox_a_secret_that_nobody_has_set_is_played_and_named(load: Load, wb: Workbench) -> None:
    wb.sandbox()
    done = load(
        a_py=service("A"),
        enmasse_yaml=(
            "security:\n  - {name: ada, type: basic_auth, username: ada, password: Zato_Enmasse_Env.NOBODY_SET}\n"
        ),
    )
    assert done.definitions == ["BasicAuth 'ada'"]
    assert done.unset == ["NOBODY_SET"]
    assert "  Nobody has set NOBODY_SET. Fix: set it in the environment or in .env." in done.lines()


def test_includes_are_read_once_and_a_circle_of_them_is_told(load: Load) -> None:
    done = load(
        main_yaml="include: [users.yaml]\nchannel_rest:\n  - {name: o, service: a.a, url_path: /o, is_active: true}\n",
        users_yaml="RESTConnection:\n  - {name: r, host: 'https://a.example.com'}\n",
        x_yaml="include: [y.yaml]\n",
        y_yaml="include: [x.yaml]\n",
        a_py=service("A"),
    )
    assert sorted(done.definitions) == ["RESTChannel 'o'", "RESTConnection 'r'"]
    assert done.failed == ["y.yaml:1: include names 'x.yaml', which is read already. Fix: include it once."]


def test_what_included_files_bring_is_told_wherever_they_are_and_once(load: Load, tmp_path: Path) -> None:
    def two(name: str) -> str:
        fields = [f"- {{name: {name}, host: 'https://{name}.example.com'}}", f"- {{name: no-{name}, hots: x}}"]
        return "\n".join(["RESTConnection:", *fields, ""])

    (tmp_path / "outside.txt").write_text(two("outside"))
    done = load(
        env__dev_yaml="include: [../common.yaml, ../.shared/hidden.yaml, ../../outside.txt]\n",
        env__prod_yaml="include: [../common.yaml]\n",
        common_yaml=two("common"),
        **{".shared__hidden_yaml": two("hidden")},
    )
    assert {row.file: list(row.brought) for row in done.rows if row.brought} == {
        "../outside.txt": ["RESTConnection 'outside'"],
        ".shared/hidden.yaml": ["RESTConnection 'hidden'"],
        "common.yaml": ["RESTConnection 'common'"],
    }
    assert {each.partition(":3:")[0] for each in done.failed} == {
        "../outside.txt",
        ".shared/hidden.yaml",
        "common.yaml",
    }
    assert not done.is_whole


def test_an_included_file_is_named_by_where_it_is_though_a_link_leads_to_it(load: Load, tmp_path: Path) -> None:
    (tmp_path / "else" / "where").mkdir(parents=True)
    (tmp_path / "else" / "where" / "main.yaml").write_text("include: [../b.yaml]\n")
    (tmp_path / "else" / "b.yaml").write_text("RESTConnection:\n  - {name: far, host: 'https://far.example.com'}\n")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "a").symlink_to(tmp_path / "else" / "where")
    done = load(b_yaml="RESTConnection:\n  - {name: near, host: 'https://near.example.com'}\n")
    assert {row.file: list(row.brought) for row in done.rows if row.brought} == {
        "a/../b.yaml": ["RESTConnection 'far'"],
        "b.yaml": ["RESTConnection 'near'"],
    }


def test_a_large_file_of_definitions_is_one_sentence(load: Load) -> None:
    done = load(a_py=service("A"), big_yaml=b"#" * 10_000_000)
    assert done.failed == [
        "big.yaml: the file has 10,000,000 bytes of at most 2,097,152. "
        "Fix: keep definitions in it and no data, or write several files."
    ]


def test_only_what_files_do_is_called_otherwise(load: Load) -> None:
    done = load(
        a_py=service(
            "A",
            "self.invoke('b', 1, timeout=3), self.invoke_async('b', channel='c')",
            inside="def after_handle(self): pass",
        ),
        b_py=service("B", inside="class SimpleIO:\n        response_elem = None\n    name = 'b'"),
    )
    assert [row.name.partition("(")[0] for row in done.differs] == [
        "SimpleIO.response_elem",
        "self.invoke",
        "self.invoke_async",
        "after_handle",
    ]
    (row,) = load(a_py=service("A", "self.outgoing.sql"), b_py=service("B")).differs
    assert row.name.startswith("self.out.sql")
    assert len(done.differs.all) == len(DIFFERENCES)


def test_what_definitions_say_is_called_otherwise_too(load: Load) -> None:
    text = """\
scheduler:
  - {name: c, service: a.a, job_type: cron_style, cron_definition: '0 3 * * *', is_active: true, extra: x}
channel_rest:
  - name: o
    service: a.a
    url_path: /o
    is_active: true
    data_format: json
    is_rate_limit_active: true
    rate_limit_def: '* = 100/m'
"""
    done = load(a_py=service("A"), enmasse_yaml=text)
    assert sorted(done.definitions) == ["CronJob 'c'", "RESTChannel 'o'"]
    names = {"a text answer of a JSON channel", "a job's extra", "cron jobs", "limits"}
    assert {row.name for row in done.differs} == names
    assert names <= {row.name for row in DIFFERENCES}
