"""environment.yml and pyproject.toml say the same, and they say all that the package imports."""

from __future__ import annotations

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.kernels import IPYKERNELS, ROOT

# Where conda-forge calls a package by another name.
CONDA_NAMES = {"redis-py": "redis", "python-tzdata": "tzdata"}
# What environment.yml narrows on purpose: widget callbacks run beside a busy cell only since ipykernel 7.4.
NARROWER = {"ipykernel": SpecifierSet(">=7.4,<8")}
# What our dependencies are made of: they bring it in every version that we allow.
BROUGHT = {
    *("ipython", "traitlets", "jupyter-client", "jupyter-core", "pygments", "pyzmq", "comm"),  # ipykernel
    *("nbconvert", "nbformat", "nbclient", "pytest"),  # jupyterlab, nbval
    "urllib3",  # requests
    "botocore",  # boto3
}
# Extras of those who work on the project; the package itself may not count on them.
TOOLS = ("test", "bench")


def project() -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def environment() -> list[Any]:
    lines: list[Any] = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    return lines


def requirements(lines: list[str]) -> dict[str, Requirement]:
    found = {}
    for requirement in map(Requirement, lines):
        requirement.name = CONDA_NAMES.get(requirement.name, canonicalize_name(requirement.name))
        found[requirement.name] = requirement
    return found


@pytest.fixture(scope="module")
def wanted() -> dict[str, Requirement]:
    """What pyproject.toml asks for, in the environment of a person: the extra `all` included."""
    table = project()
    extras = sorted(Requirement(table["optional-dependencies"]["all"][0]).extras)
    return requirements([*table["dependencies"], *(line for e in extras for line in table["optional-dependencies"][e])])


@pytest.fixture(scope="module")
def given() -> dict[str, Requirement]:
    """What environment.yml gives, by conda or by pip; Python, pip and the package itself not counted."""
    by_conda = [line for line in environment() if isinstance(line, str)]
    by_pip = next(line["pip"] for line in environment() if isinstance(line, dict))
    found = requirements([*by_conda, *(line for line in by_pip if not line.startswith("."))])
    return {name: each for name, each in found.items() if name not in ("python", "pip")}


def test_both_name_the_same_packages(wanted: dict[str, Requirement], given: dict[str, Requirement]) -> None:
    assert given.keys() == wanted.keys()


def test_both_set_the_same_bounds(wanted: dict[str, Requirement], given: dict[str, Requirement]) -> None:
    bounds = {name: each.specifier for name, each in wanted.items()} | NARROWER
    assert {name: each.specifier for name, each in given.items()} == bounds
    assert {name: str(each.marker) for name, each in given.items()} == {n: str(e.marker) for n, e in wanted.items()}


def test_what_is_narrower_is_inside_the_bounds(wanted: dict[str, Requirement]) -> None:
    known = [Version(each) for each in IPYKERNELS]
    allowed = set(NARROWER["ipykernel"].filter(known))
    assert allowed
    assert allowed <= set(wanted["ipykernel"].specifier.filter(known))


def test_both_ask_for_the_same_python() -> None:
    python = next(line for line in environment() if isinstance(line, str) and line.startswith("python>"))
    assert Requirement(python).specifier == SpecifierSet(project()["requires-python"])


def test_the_environment_installs_the_package_itself_last() -> None:
    assert environment()[-1]["pip"][-1] == "."
    assert "pip" in environment()


def imported() -> dict[str, str]:
    """Top-level modules that the package imports, lazily or not, each with one file that does."""
    found: dict[str, str] = {}
    for path in (ROOT / "workbench").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                names = [node.module]
            found |= {name.partition(".")[0]: str(path.relative_to(ROOT)) for name in names}
    return found


def test_what_the_package_imports_is_declared() -> None:
    table = project()
    extras = [line for extra, lines in table["optional-dependencies"].items() for line in lines if extra not in TOOLS]
    declared = requirements([*table["dependencies"], *extras]).keys()
    distributions = packages_distributions()
    undeclared = {
        f"{module} in {path}"
        for module, path in imported().items()
        if module not in sys.stdlib_module_names
        and module not in ("workbench", "zato")
        and not {canonicalize_name(each) for each in distributions.get(module, [module])} & (declared | BROUGHT)
    }
    assert not undeclared
