"""Where the page at /workbench/api sends what is typed."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

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


def test_every_path_of_a_channel_leads_to_where_the_page_is_from(tmp_path: Path) -> None:
    if (node := shutil.which("node")) is None:
        pytest.skip("needs node (Debian: apt install nodejs)")
    sent = {
        ("/orders", ""): "orders",
        ("/v1:batch", ""): "v1:batch",
        ("//other.example/x", ""): "/other.example/x",
        ("/{id}", "https://other.example"): "https%3A%2F%2Fother.example",
    }
    page = tmp_path / "page.mjs"
    page.write_text(joined("api/operation.js") + ASKED % (json.dumps(BASE), json.dumps([*sent])))
    ran = subprocess.run([node, page], check=True, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
    assert json.loads(ran.stdout) == [f"{BASE}{path}" for path in sent.values()]
