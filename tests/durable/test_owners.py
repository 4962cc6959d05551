"""Owners of claims: whose claims are left behind."""

from __future__ import annotations

import subprocess
import sys

import pytest

from workbench.durable.owners import ELSEWHERE_SECONDS, OWNER, Owner, is_over

OWNS = """
import sys
from workbench.durable.owners import Owner

owner = Owner()
owner.begin()
print(owner.name, flush=True)
sys.stdin.readline()
"""


def aged(name: str, seconds: float) -> str:
    """The name of an owner that is older by so much [s]."""
    parts = OWNER.fullmatch(name)
    assert parts is not None
    return f"{parts['key']}.{parts['run']}.{int(parts['at']) - int(seconds)}.{parts['host']}"


def test_an_owner_of_this_process_lives_until_its_end() -> None:
    owner = Owner()
    owner.begin()
    assert not is_over(owner.name)
    owner.end()
    assert is_over(owner.name)
    assert Owner().name != owner.name


def test_an_owner_of_another_process_is_over_once_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", OWNS], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert not is_over(name)
        process.kill()
        process.wait(30)
    assert is_over(name)


@pytest.mark.parametrize("is_same_user", [True, False])
def test_an_owner_that_cannot_be_asked_is_over_by_its_age(is_same_user: bool) -> None:
    name = Owner().name if not is_same_user else f"{Owner().name}-elsewhere"
    assert not is_over(name, is_same_user=is_same_user)
    assert not is_over(aged(name, ELSEWHERE_SECONDS - 60), is_same_user=is_same_user)
    assert is_over(aged(name, ELSEWHERE_SECONDS + 60), is_same_user=is_same_user)


def test_a_folder_of_another_name_is_nobodys_claim() -> None:
    assert not is_over("begun")
    assert not is_over("archive.2026")
