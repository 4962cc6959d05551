"""The kernel "Python 3 (Workbench)" is there after an installation, and it loads the extension."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager

from tests.kernels import IPYKERNELS, ROOT, Kernel
from workbench import __all__

FOLDER = ROOT / "kernels" / "workbench"


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / "kernel.json").read_text())
    return loaded


def test_the_specification_loads_the_extension_and_debugs(spec: dict[str, Any]) -> None:
    assert spec["argv"][0] == "python", "Jupyter puts its own interpreter in place of the bare word"
    assert "{connection_file}" in spec["argv"]
    assert spec["argv"][-1] == "--ext=workbench"
    assert (spec["display_name"], spec["language"], spec["interrupt_mode"]) == (
        "Python 3 (Workbench)",
        "python",
        "signal",
    )
    assert spec["metadata"] == {"debugger": True}
    assert spec["env"] == {"WORKBENCH_KERNEL": "1"}


@pytest.mark.parametrize("size", [32, 64])
def test_the_logos_have_the_size_in_their_names(size: int) -> None:
    header = (FOLDER / f"logo-{size}x{size}.png").read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", header[16:24]) == (size, size)


def test_the_installed_specification_is_this_one() -> None:
    installed = Path(KernelSpecManager().get_kernel_spec("workbench").resource_dir)
    assert (installed / "kernel.json").read_text() == (FOLDER / "kernel.json").read_text()


def test_a_kernel_from_the_installed_specification_has_the_extension() -> None:
    with Kernel("workbench", installed=True) as kernel:
        assert kernel.run("'workbench' in get_ipython().extension_manager.loaded").result == "True"


@pytest.mark.parametrize("version", IPYKERNELS)
def test_every_supported_ipykernel_loads_the_extension(version: str) -> None:
    with Kernel("workbench", version=version) as kernel:
        assert kernel.run("'workbench' in get_ipython().extension_manager.loaded").result == "True"


BARE = """
class Hello(Service):
    name = "api.hello"
    def handle(self):
        return "Hello!"
wb.define(RESTChannel("api.hello"), IntervalJob("greet", service="api.hello", hours=1))
"""


def test_a_new_notebook_of_the_workbench_kernel_needs_no_import() -> None:
    with Kernel("workbench", env={"WORKBENCH_STORE": "memory://", "WORKBENCH_PORT": "0"}) as kernel:
        # Nothing is bound before a cell speaks of it.
        url = "from workbench.app.singleton import the_workbench\nprint(repr(the_workbench().url))"
        assert kernel.run(url).stdout == "''\n"
        kernel.run(BARE)
        assert kernel.run("wb.call('GET /api/hello').status").result == "200"
        kernel.run(f"import workbench\nassert [each for each in {__all__} if each not in globals()] == []")
        listed = kernel.run("%who").stdout
        assert "Hello" in listed
        assert "RESTChannel" not in listed
        # What a person gives such a name to stays theirs, and the rest goes with the extension.
        left = kernel.run("Limit = 5\n%unload_ext workbench\nprint(Limit, 'Service' in globals())").stdout
        assert left == "5 False\n"


def test_other_kernels_get_no_names_that_nobody_asked_for() -> None:
    with Kernel("python3") as kernel:
        assert (
            kernel.run("%load_ext workbench\nprint('wb' in globals(), 'Service' in globals())").stdout == "True False\n"
        )
