"""`workbench import-zato`: a folder is tried apart, or made live in a workbench that runs, and CI reads the status."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.app.crew.conftest import Said as SaidByCrew
from tests.cli.conftest import WAIT_SECONDS, CommandLine
from tests.serving import until
from tests.serving import wb as wb
from workbench import Service, Workbench
from workbench.cli.commands.import_page import page_of
from workbench.cli.main import main
from workbench.core.payload.differences import DIFFERENCES

SOAKS = bool(os.environ.get("WORKBENCH_SOAK"))
Said = Callable[..., tuple[int, str, str]]
WHOLE = """\
from zato.server.service import Service

class Double(Service):
    name = "shop.double"

    def handle(self):
        return self.request.payload * 2
"""
ENMASSE = "channel_rest:\n  - {name: double, service: shop.double, url_path: /double, is_active: true}\n"
LACKING = WHOLE.replace("return self.request.payload * 2", "self.pubsub.publish('<script>alert(1)</script>')")


class Kept(Service):
    name = "kept"

    def handle(self) -> int:
        return 1


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Said]:
    """What the command says of the folder `shop`: exit status, output, errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "double.py").write_text(WHOLE)
    (tmp_path / "shop" / "enmasse.yaml").write_text(ENMASSE)

    def ran(*arguments: str) -> tuple[int, str, str]:
        status = main(("import-zato", *arguments))
        return status, *capsys.readouterr()

    yield ran
    sys.modules.pop("double", None)


def test_a_folder_that_runs_is_said_so_and_leaves_nothing(said: Said, tmp_path: Path) -> None:
    status, out, err = said("shop")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "shop: 1 service and 1 definition of 2 files are live.",
        "Live:",
        "  double.py: shop.double",
        "  enmasse.yaml: RESTChannel 'double'",
        "Tried in a workbench of its own, with stand-ins for connections; nothing stays. "
        "To serve it: workbench serve shop",
    ]
    assert sorted(each.name for each in tmp_path.rglob("*") if "__pycache__" not in str(each)) == [
        "double.py",
        "enmasse.yaml",
        "shop",
    ]


def test_what_is_missing_is_status_1_and_json_has_it_with_its_line(said: Said, tmp_path: Path) -> None:
    (tmp_path / "shop" / "double.py").write_text(f"print('noise')\n{LACKING}")
    status, out, err = said("shop", "--json")
    told = json.loads(out)
    assert (status, told["whole"], told["services"]) == (1, False, ["shop.double"])
    (row,) = [each for each in told["files"] if each["file"] == "double.py"]
    assert row["missing"] == [
        {"line": 8, "sentence": "There is no self.pubsub: topics come later. Fix: self.invoke_async(name, payload)"}
    ]
    assert "noise" in err


@pytest.mark.parametrize(
    ("folder", "sentence"),
    [
        ("nope", "workbench: 'nope' is not there. Fix: name a folder of services (.py) and definitions (.yaml)."),
        ("file", "workbench: 'file' is a file. Fix: name a folder of services (.py) and definitions (.yaml)."),
        ("none", "workbench: 'none' has neither modules (.py) nor files of definitions (.yaml, .json). "),
    ],
)
def test_what_is_no_folder_of_services_is_one_sentence(said: Said, tmp_path: Path, folder: str, sentence: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "none").mkdir()
    status, out, err = said(folder)
    assert (status, out, err[: len(sentence)]) == (1, "", sentence)


def test_a_secret_that_nobody_has_set_is_named_and_fails_nothing(said: Said, tmp_path: Path) -> None:
    (tmp_path / "shop" / "users.yaml").write_text(
        "security:\n  - {name: ada, type: basic_auth, username: ada, password: Zato_Enmasse_Env.ADA_SECRET}\n"
    )
    status, out, _ = said("shop")
    assert status == 0
    assert "  Nobody has set ADA_SECRET. Fix: set it in the environment or in .env.\n" in out
    (tmp_path / "shop" / ".env").write_text("ADA_SECRET=the value of ada\n")
    status, out, _ = said("shop")
    assert "ADA_SECRET" not in out
    assert "the value of ada" not in out


def test_the_report_is_one_page_on_which_nothing_of_the_folder_runs(said: Said, tmp_path: Path) -> None:
    (tmp_path / "shop" / "double.py").write_text(LACKING + "\n# <b>\nx = self_of_nobody\n")
    (tmp_path / "shop" / "<img src=x>.py").write_text("class A(B): pass\n")
    status, out, _ = said("shop", "--report", "report.html")
    assert (status, out.splitlines()[-1]) == (1, "Wrote report.html.")
    page = (tmp_path / "report.html").read_text()
    assert "<img" not in page
    assert "&lt;img src=x&gt;.py" in page
    assert not re.search(r"<script|https?://|<[^>]*\s(src|href|on\w+)=", page)
    assert "default-src &#x27;none&#x27;" in page or "default-src 'none'" in page
    assert "prefers-color-scheme: dark" in page
    assert all(f"<td><code>{_escaped(row.name)}</code></td>" in page for row in DIFFERENCES)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#x27;")


@pytest.mark.parametrize("report", ["nowhere/report.html", "shop"])
def test_a_report_that_cannot_be_written_is_said_before_anything_runs(said: Said, tmp_path: Path, report: str) -> None:
    (tmp_path / "shop" / "double.py").write_text(f"raise SystemExit\n{WHOLE}")
    sentence = f"workbench: No page can be written to {report!r}. Fix: name a file in a folder that is there.\n"
    assert said("shop", "--report", report) == (1, "", sentence)


def test_a_folder_of_helpers_alone_is_no_success(said: Said, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "helper.py").write_text("x = 1\n")
    status, out, _ = said("lib")
    assert status == 1
    assert "  Nothing in lib is a service or a definition. Fix: name the folder that has them.\n" in out


def test_a_page_of_nothing_wrong_has_no_such_headings() -> None:
    told = {"folder": "a", "whole": True, "said": "a: 0 services", "files": [], "failed": [], "missing": []}
    page = page_of(told | {"left_out": [], "unset": [], "differs": []})
    assert re.findall(r"<h2>(.*?)</h2>", page) == ["Everything that differs"]


def test_a_running_workbench_takes_it_and_says_how_it_stays(said: Said, wb: Workbench, tmp_path: Path) -> None:
    wb.deploy(Kept)
    wb.start()
    status, out, err = said("shop", "--app", "notebook")
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == (
        "Live in notebook until that ends. To have it there each time: wb.load('shop') in a cell."
    )
    assert wb.call("POST /double", json=4).json() == 8
    assert wb.invoke("kept") == 1
    (tmp_path / "shop" / "double.py").write_text(WHOLE.replace("* 2", "* 3"))
    assert said("shop", "--app", "notebook")[0] == 0
    assert wb.call("POST /double", json=4).json() == 12
    assert said("nope", "--app", "notebook")[0] == 1


def test_a_shell_gets_the_status_and_no_traceback(fresh: CommandLine) -> None:
    (fresh.folder / "shop").mkdir()
    (fresh.folder / "shop" / "old.py").write_text(WHOLE.replace("return self.request.payload * 2", "print 'x'"))
    done = fresh.run("import-zato", "shop")
    assert done.returncode == 1
    assert "old.py, line 7: this is Python 2" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.fixture
def shop(fresh: CommandLine) -> Path:
    """A folder of services: one runs, and one is of Python 2."""
    (folder := fresh.folder / "shop").mkdir()
    (folder / "double.py").write_text(WHOLE)
    (folder / "enmasse.yaml").write_text(ENMASSE)
    (folder / "old.py").write_text(WHOLE.replace("return self.request.payload * 2", "print 'x'"))
    return folder


def test_a_folder_is_served_and_what_is_not_live_is_in_the_log(fresh: CommandLine, shop: Path) -> None:
    served = fresh.serve(shop)
    assert (served.told["services"], served.told["channels"]) == (["shop.double"], ["double"])
    assert requests.post(f"{served.url}/double", json=4, timeout=WAIT_SECONDS).json() == 8
    assert fresh.run("invoke", "shop.double", "--payload", "5", "--app", "shop").stdout == "10\n"
    status, said = served.stop(signal.SIGTERM)
    assert status == 0
    assert "old.py, line 7: this is Python 2" in said


def test_a_folder_of_which_nothing_is_live_is_not_served(fresh: CommandLine, shop: Path) -> None:
    for name in ("double.py", "enmasse.yaml"):
        (shop / name).unlink()
    assert (
        "workbench: shop is not served, since nothing of it is live.\nold.py, line 7: this is Python 2"
        in fresh.refused("serve", "shop")
    )


if SOAKS:  # several processes take their time

    def test_of_several_processes_each_serves_the_folder_and_a_save_of_any_file_redeploys(
        fresh: CommandLine, shop: Path
    ) -> None:
        said = SaidByCrew(fresh, "serve", "shop", "--workers", "2")
        url = re.sub(r".* at (\S+), with.*", r"\1/double", said.until("Serving 1 service of shop at "))

        def answer() -> Any:
            return requests.post(url, json=4, timeout=WAIT_SECONDS).json()

        try:
            assert answer() == 8
            refused = fresh.run("import-zato", "shop", "--app", "shop")
            assert (refused.returncode, "Fix: write wb.load(FOLDER) into the file" in refused.stderr) == (1, True)
            (shop / "double.py").write_text(WHOLE.replace("* 2", "* 3"))
            until(lambda: answer() == 12, "a save is served")
            (shop / "double.py").write_text(WHOLE.replace("* 2", "* (4"))
            said.until("shop has changed, but a fresh process .*; what is served stays as it was")
            assert any("double.py, line 7: " in each for each in said.lines), said.lines
            assert answer() == 12
            (shop / "double.py").write_text(WHOLE.replace("* 2", "* 5"))
            until(lambda: answer() == 20, "a mended file is served")
        finally:
            assert said.end() == 0
