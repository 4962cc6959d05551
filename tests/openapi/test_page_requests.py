"""Where the page at /workbench/api sends what is typed."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from workbench.ui.modules import joined

BASE = "https://proxy.example/below/"
ASKED = """
const { request, several } = OperationView.prototype;
const shown = { method: "get", caller: { headers: {} }, contentType: "", several };
const id = { name: "id", in: "path" };
const at = ([path, typed]) =>
  request.call({ ...shown, path, base: %s, typed: { "path id": typed }, operation: { parameters: typed ? [id] : [] } });
console.log(JSON.stringify(%s.map((each) => at(each).url)));
"""
TOLD = """
let told;
try {
  told = Object.fromEntries(Caller.prototype.asking.call(%s, { "If-None-Match": "1" }));
} catch (error) {
  told = error.message;
}
console.log(JSON.stringify(told));
"""


def run(code: str, folder: Path) -> Any:
    """What a module of the page says, with some code below it."""
    if (node := shutil.which("node")) is None:
        pytest.skip("needs node (Debian: apt install nodejs)")
    page = folder / "page.mjs"
    page.write_text(code, encoding="utf-8")
    ran = subprocess.run([node, page], check=True, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
    return json.loads(ran.stdout)


def test_every_path_of_a_channel_leads_to_where_the_page_is_from(tmp_path: Path) -> None:
    sent = {
        ("/orders", ""): "orders",
        ("/v1:batch", ""): "v1:batch",
        ("//other.example/x", ""): "/other.example/x",
        ("/{id}", "https://other.example"): "https%3A%2F%2Fother.example",
    }
    code = joined("api/operation.js") + ASKED % (json.dumps(BASE), json.dumps([*sent]))
    assert run(code, tmp_path) == [f"{BASE}{path}" for path in sent.values()]


@pytest.mark.parametrize("given", [{"X-Key": "żółw"}, {"X Key": "k"}, {"": "k"}])
def test_credentials_that_are_no_header_are_said_to_be_none(given: dict[str, str], tmp_path: Path) -> None:
    code = joined("api/caller.js") + TOLD % json.dumps({"headers": given, "token": ""})
    assert "under “Who calls” is no header. Give" in run(code, tmp_path)


def test_a_question_has_the_credentials_and_the_token(tmp_path: Path) -> None:
    code = joined("api/caller.js") + TOLD % json.dumps({"headers": {"X-Key": "k"}, "token": "t"})
    assert run(code, tmp_path) == {"if-none-match": "1", "x-key": "k", "x-workbench-token": "t"}
