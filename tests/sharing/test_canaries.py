"""Twenty canaries, typed wherever a person may: a notebook shows, keeps and logs none it knows, and shares none."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.app.test_canaries import forms
from tests.kernels import Kernel
from tests.sharing.test_packing import everything
from tests.testing.notebooks import code, markdown, write
from workbench.sharing.packing import REMOVE, share

pytestmark = pytest.mark.timeout(180)

NAMED = ("MY_PASSWORD", "MY_KEY", "RATES_KEY", "RATES_PARAM", "MAIL_PASSWORD", "FTP_PASSWORD", "IMAP_PASSWORD")
"""Named secrets: the first three in the environment, the others in the file .env."""

TYPED = ("text", "user", "key", "header", "variable", "address", "environ", "call", "attachment", "comment")
"""Where one is typed into the notebook itself."""

BESIDE = ("module", "form", "metadata")
"""Where one is typed beside its cells."""

CANARIES = {place: f"Canary{number}/Zq+{number * 7919}x" for number, place in enumerate((*NAMED, *TYPED, *BESIDE))}
C = CANARIES

SERVICE = """import beside

class Leaks(Service):
    \"\"\"Says all that it is given, in every way that a service has.\"\"\"
    name = "leaks"

    def handle(self):
        token = self.request.http.headers.get("X-Token", "") if self.request.http else ""
        for each in (*named.values(), *typed, token, beside.PASSWORD):
            print("printed", each)
            self.logger.warning("logged %s", each)
            logging.getLogger("some.library").error("by a library %s", each)
            self.rest["Rates"].post({"k": each}, headers={"X-Token": each})
            self.out.ftp["Files"].write("said.txt", each, overwrite=True)
        self.email.smtp["Mail"].conn.send(SMTPMessage(to="a@example.com", subject="it", body=" ".join(typed)))
        if self.request.raw_request == "fail":
            raise ValueError(f"it was {token} {list(named.values())}")
        return {"said": list(named.values())}"""

ASKS = """class Asks(Service):
    name = "asks"

    def handle(self):
        return self.rest["Rates"].get().data

wb.define(RESTChannel("asks", path="/asks"))"""

CELLS = [
    markdown(f"# Prices\nThe password: {C['text']}\n\n![a](attachment:a.txt)"),
    code("import logging\nimport os\nimport warnings\nfrom workbench import *\nwarnings.simplefilter('ignore')"),
    code(
        "wb.define(\n"
        '    BasicAuth("ada", password=secret("MY_PASSWORD")), APIKey("partner", key=secret("MY_KEY")),\n'
        f'    BasicAuth("typed", password="{C["user"]}"), APIKey("typed key", key="{C["key"]}"),\n'
        '    RESTConnection("Rates", host="https://rates.example.com", path="/echo",\n'
        f'                   headers={{"X-API-Key": secret("RATES_KEY"), "Authorization": "Bearer {C["header"]}"}},\n'
        '                   params={"api_key": secret("RATES_PARAM")}),\n'
        '    SMTPConnection("Mail", host="smtp.example.com", from_="a@example.com", username="a",\n'
        '                   password=secret("MAIL_PASSWORD")),\n'
        '    FTPConnection("Files", host="ftp.example.com", username="a", password=secret("FTP_PASSWORD")),\n'
        '    IMAPConnection("Box", host="imap.example.com", username="a", password=secret("IMAP_PASSWORD")),\n'
        ")\nwb.sandbox()"
    ),
    code(
        f'API_TOKEN = "{C["variable"]}"\nurl = "https://ada:{quote(C["address"])}@example.com/"\n'
        f'os.environ["A_TOKEN"] = "{C["environ"]}"\n# the old password: {C["comment"]}\n'
        "typed = [API_TOKEN, url, os.environ['A_TOKEN']]\n"
        f"named = {{each: wb.secrets.reveal(secret(each), 'a test') for each in {NAMED!r}}}\n"
        'wb.peers["Rates"].reply("/echo", json={"you": list(named.values())})'
    ),
    code(SERVICE),
    code(
        'wb.define(RESTChannel("leaks", path="/leaks", data_format="raw"),\n'
        '          IntervalJob("leaks", service="leaks", hours=1))\n'
        f'wb.call("POST /leaks", data="x", user="ada", headers={{"X-Token": "{C["call"]}"}})'
    ),
    code('wb.call("POST /leaks", data="fail")', tags=("keep_output",)),
    code('wb.jobs["leaks"].execute()'),
    code("wb.traffic[0]"),
    code("wb.log"),
    code("wb.connections, wb.users, wb.jobs, wb.peers['Rates'], wb.peers['Mail']"),
    code("wb"),
]


def known(place: str) -> bool:
    """Whether the workbench can know it: of a variable or a text it cannot, before somebody looks for secrets."""
    return place in (*NAMED, "user", "key", "header")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a notebook that ran from the top, and was saved with its outputs."""
    folder = tmp_path_factory.mktemp("canaries")
    (folder / ".env").write_text("".join(f"{name}={C[name]}\n" for name in NAMED[3:]))
    (folder / "beside.py").write_text(f'PASSWORD = "{C["module"]}"\n')
    path = write(folder / "shop.ipynb", *CELLS)
    notebook: dict[str, Any] = json.loads(path.read_text())
    with Kernel(cwd=folder, env={name: C[name] for name in NAMED[:3]} | {"WORKBENCH_NOTEBOOK": str(path)}) as kernel:
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                cell["outputs"] = kernel.run(cell["source"], 60).items
        kernel.run(ASKS)
        made = kernel.run('[wb.call("GET /asks"), *(wb.traffic[-1].make_test("asks").code for _ in "two")]', 60)
        notebook["cells"][-1]["outputs"] += made.items
        (folder / "stderr.log").write_text(kernel.log)
    notebook["metadata"] |= {"author": {"accessToken": C["metadata"]}}
    notebook["cells"][3]["metadata"] = {"papermill": {"parameters": {"api_key": C["form"]}}}
    notebook["cells"][0]["attachments"] = {"a.txt": {"text/plain": f"api_key={C['attachment']}"}}
    path.write_text(json.dumps(notebook))
    return folder


def found(contents: bytes, places: Iterator[str]) -> list[str]:
    """The canaries that are in it, in any form."""
    return [place for place in places if any(form in contents for form in forms(C[place]))]


def test_twenty_canaries_are_typed() -> None:
    assert len(set(CANARIES.values())) == 20


def test_none_that_is_known_is_in_what_the_notebook_shows(folder: Path) -> None:
    notebook = json.loads((folder / "shop.ipynb").read_text())
    shown = json.dumps([cell.get("outputs") for cell in notebook["cells"]], ensure_ascii=False).encode()
    assert shown.count(b"***") > 20
    assert b"text/html" in shown
    assert found(shown, filter(known, C)) == []


def test_none_is_in_cassettes_logs_and_stores(folder: Path) -> None:
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
    kept = {name: each for name, each in files.items() if name not in ("shop.ipynb", ".env", "beside.py")}
    assert {"cassettes/asks.json", "stderr.log", ".workbench/store.db"} <= kept.keys()
    assert [(name, each) for name in kept for each in found(kept[name], filter(known, C))] == []
    assert b"MY_PASSWORD" in kept["cassettes/asks.json"]


def test_none_at_all_is_in_the_package(folder: Path, tmp_path: Path) -> None:
    share(folder / "shop.ipynb", tmp_path / "shop.zip", everything(REMOVE))
    with zipfile.ZipFile(tmp_path / "shop.zip") as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    assert {"shop.ipynb", "index.html", "beside.py", "cassettes/asks.json"} <= files.keys()
    assert [(name, each) for name in files for each in found(files[name], iter(C))] == []
