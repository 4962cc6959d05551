"""What a cell shows holds no value of a secret, whoever raised, printed, logged or warned."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from tests.kernels import Kernel

pytestmark = pytest.mark.parametrize("kernel", ["7.4.0"], indirect=True)
CANARY = "Canary-of-the-cell+11"


@pytest.fixture(scope="module")
def env(env: dict[str, str]) -> dict[str, str]:
    return {**env, "CELL_CANARY": CANARY}


@pytest.fixture
def revealed(kernel: Kernel) -> Kernel:
    """A kernel in which the secret was used."""
    kernel.run("import os\nfrom workbench import *\nwb.define(APIKey('ada', key=secret('CELL_CANARY')))")
    return kernel


def plain(said: Any) -> str:
    """What would be saved with the notebook, without colours."""
    return re.sub(r"\\u001b\[[\d;]*m", "", json.dumps(said))


SERVICE = """
class Leaks(Service):
    name = 'leaks'
    def handle(self):
        value = os.environ['CELL_CANARY']
        print('printed', value)
        self.logger.warning('logged %s', value)
        raise ValueError('raised ' + value, {'in': 1})
"""


def test_a_services_error_shows_in_a_cell_without_the_value(revealed: Kernel) -> None:
    revealed.run(SERVICE)
    said = revealed.run("wb.invoke('leaks')", fails=True)
    shown = plain(said.items)
    assert "raised ***" in shown
    assert "printed ***" in shown
    assert CANARY not in shown
    shown = plain(revealed.run("print(wb.log)\nwb.traffic[-1]").items)
    assert "logged ***" in shown
    assert CANARY not in shown


def test_an_error_of_the_cell_itself_shows_without_the_value(revealed: Kernel) -> None:
    shown = plain(revealed.run(f"raise ValueError('{CANARY}')", fails=True).items)
    assert "***" in shown
    assert CANARY not in shown
    coded = base64.b64encode(f"ada:{CANARY}".encode()).decode()
    shown = plain(
        revealed.run(f"try:\n    1/0\nexcept Exception as e:\n    raise KeyError('{coded}') from e", fails=True).items
    )
    assert coded not in shown


def test_a_print_of_the_persons_own_cell_is_theirs(revealed: Kernel) -> None:
    assert revealed.run("print(os.environ['CELL_CANARY'])").stdout.strip() == CANARY


def test_a_plain_password_in_a_cell_is_warned_of_at_its_line_without_the_value(revealed: Kernel) -> None:
    said = revealed.run("x = 1\nAPIKey('bob', key='typed-Canary-12')").stderr
    assert re.search(r":2: PlainSecretWarning: API key 'bob' key was given as plain text", said)
    assert "APIKey('bob', key='***')" in said
    assert "typed-Canary-12" not in said
