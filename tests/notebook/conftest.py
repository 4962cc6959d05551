"""Kernels with the workbench on, one for each supported ipykernel and each file of tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernels import IPYKERNELS, Kernel

TURN_ON = "from workbench import wb, Service, RESTChannel, RESTConnection, BasicAuth, Limit"


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the kernels of this file leave word of themselves."""
    return tmp_path_factory.mktemp("runtime")


@pytest.fixture(scope="module")
def env(runtime: Path) -> dict[str, str]:
    """Variables of a kernel that takes any port and leaves the person's folders alone."""
    return {"WORKBENCH_PORT": "0", "WORKBENCH_STORE": "memory://", "JUPYTER_RUNTIME_DIR": str(runtime)}


@pytest.fixture(scope="module", params=IPYKERNELS)
def kernel(request: pytest.FixtureRequest, env: dict[str, str]) -> Iterator[Kernel]:
    """A kernel whose first cell has turned the workbench on."""
    with Kernel(version=request.param, env=env) as kernel:
        kernel.run(TURN_ON)
        yield kernel


@pytest.fixture(scope="module")
def url(kernel: Kernel) -> str:
    """Where the kernel's server answers."""
    return str(kernel.run("print(wb.url)").stdout.strip())
