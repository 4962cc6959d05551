"""`import zato...` finds the workbench's names, says what it lacks, and leaves an installed Zato alone when asked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.kernels import kernel_env


def run(code: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh Python."""
    more = {"JUPYTER_RUNTIME_DIR": str(folder), "WORKBENCH_STORE": "memory://", "WORKBENCH_PORT": "0"}
    given = kernel_env(**more) | env
    command = [sys.executable, "-W", "default", "-c", code]
    return subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def real(tmp_path: Path) -> str:
    """A PYTHONPATH with a package named zato on it."""
    package = tmp_path / "site" / "zato"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("REAL = True\n")
    return f"{kernel_env()['PYTHONPATH']}:{package.parent}"


def test_the_names_are_the_workbenchs_own(tmp_path: Path) -> None:
    code = (
        "import workbench; workbench.Workbench\n"
        "from zato.server.service import Service, Int, List\n"
        "from zato.common.api import SMTPMessage\n"
        "import zato.common.util, zato.server.service as module\n"
        "print(Service is workbench.Service, SMTPMessage is workbench.SMTPMessage, zato.common.util.as_bool('yes'))\n"
        "print(module.Service.__module__)"
    )
    done = run(code, tmp_path)
    assert (done.stdout, done.stderr) == ("True True True\nworkbench.core.service\n", "")


def test_who_uses_nothing_of_zato_pays_for_nothing_of_it(tmp_path: Path) -> None:
    code = (
        "import sys, workbench\n"
        "class S(workbench.Service):\n    input = 'id'\n    def handle(self):\n        return list(self.out.rest)\n"
        "with workbench.Workbench(port=0) as wb:\n    wb.deploy(S)\n    print(wb.invoke('s', {'id': 1}))\n"
        "print([each for each in sys.modules if each.endswith(('.differences', '.zato_work', '.zato.common'))])"
    )
    done = run(code, tmp_path)
    assert (done.stdout, done.stderr) == ("[]\n[]\n", "")


def test_without_a_workbench_nothing_is_found(tmp_path: Path) -> None:
    assert "No module named 'zato'" in run("import workbench\nimport zato", tmp_path).stderr


@pytest.mark.parametrize("module", ["zato.server.base.parallel", "zato.server.nothing", "zato.scheduler"])
def test_a_module_that_is_not_here_says_which_are(module: str, tmp_path: Path) -> None:
    done = run(f"import workbench; workbench.Workbench\nimport {module}", tmp_path)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ModuleNotFoundError: No module named 'zato.s")
    there = "zato.common, zato.common.api, zato.common.exception, zato.common.json_internal, zato.common.marshal_.api"
    assert f"which has {there}, " in last
    assert "Fix: import what it offers, or set WORKBENCH_ZATO=real to use an installed Zato." in last


@pytest.mark.parametrize(
    ("module", "name", "offered"),
    [
        (
            "zato.common.api",
            "AUDIT_LOG",
            "ADAPTER_PARAMS, CACHE, CHANNEL, DATA_FORMAT, SCHEDULER, SERVER_STARTUP, SMTPMessage",
        ),
        ("zato.common.util", "fs_safe_name", "as_bool, asbool, grouper, new_cid. Fix"),
        ("zato.common", "AUDIT_LOG", "ADAPTER_PARAMS, CACHE, CHANNEL"),
        ("zato.server.service", "ServiceInput", "AsIs, Bool"),
    ],
)
def test_a_name_that_is_not_here_says_what_is(module: str, name: str, offered: str, tmp_path: Path) -> None:
    done = run(f"import workbench; workbench.Workbench\nfrom {module} import {name}", tmp_path)
    last = done.stderr.strip().splitlines()[-1]
    said = f"ImportError: cannot import name {name!r} from {module!r} in the workbench, which has "
    assert last.startswith(said)
    assert f"which has {offered}" in last
    assert last.endswith("Fix: import what it offers, or set WORKBENCH_ZATO=real to use an installed Zato.")


KNOWN = [
    ("from zato.common.api import PUBSUB", "'PUBSUB' from 'zato.common.api' in the workbench: topics come later. "),
    ("from zato.server.service import PubSubHook", "topics come later. Fix: a service that is called before"),
    ("from zato.server.service import WSXAdapter", "opens no WebSocket by it. Fix: wb.websocket"),
    ("import zato.sso", "No module named 'zato.sso' in the workbench: there is no single sign-on. Fix: BasicAuth"),
    ("from zato.sso import status_code", "No module named 'zato.sso' in the workbench: there is no single sign-on"),
    ("import zato.sso.api.deep", "there is no single sign-on. Fix: BasicAuth and APIKey on the channel"),
    (
        "from zato.common import odb",
        "no database of a server. Fix: a SQL connection of yours: self.out.sql['name']",
    ),
    ("from zato.common.odb.model import Cluster", "there is no database of a server. Fix: a SQL connection"),
    ("from zato.testing import ServiceTestCase", "Fix: wb.invoke(name, payload), and workbench test"),
]


def test_what_is_known_not_to_be_here_says_what_to_write(tmp_path: Path) -> None:
    tried = "".join(f"try:\n    {statement}\nexcept ImportError as exc:\n    print(exc)\n" for statement, _ in KNOWN)
    lines = run(f"import workbench; workbench.Workbench\n{tried}", tmp_path).stdout.splitlines()
    assert len(lines) == len(KNOWN)
    for line, (statement, said) in zip(lines, KNOWN, strict=True):
        assert said in line, statement


def test_modules_are_still_imported_as_names_of_their_packages(tmp_path: Path) -> None:
    names = (
        "from zato.common import util, CACHE\nfrom zato import server\n"
        "print(util.as_bool('no'), hasattr(util, 'nothing'), getattr(util, 'nothing', 7))"
    )
    code = f"import workbench; workbench.Workbench\n{names}"
    done = run(code, tmp_path)
    assert (done.stdout, done.stderr) == ("False False 7\n", "")


def test_an_installed_zato_is_noticed_once(tmp_path: Path, real: str) -> None:
    code = "import workbench; workbench.Workbench\nimport zato\nprint(hasattr(zato, 'REAL'))\n"
    done = run(code + "from workbench.zato import hook; hook.install()", tmp_path, PYTHONPATH=real)
    assert done.stdout == "False\n"
    assert done.stderr.count("RealZatoWarning: Zato is installed here") == 1
    assert "Set WORKBENCH_ZATO=real to keep Zato's own." in done.stderr


def test_an_installed_zato_is_left_alone_when_asked(tmp_path: Path, real: str) -> None:
    code = "import workbench; workbench.Workbench\nimport zato\nprint(zato.REAL)"
    done = run(code, tmp_path, PYTHONPATH=real, WORKBENCH_ZATO="real")
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_as_bool_reads_the_usual_words(tmp_path: Path) -> None:
    from workbench.zato.common.util import as_bool

    assert [as_bool(each) for each in ("true", "True", "yes", "on", "1", True)] == [True] * 6
    assert [as_bool(each) for each in ("false", "no", "off", "0", False)] == [False] * 5
    with pytest.raises(ValueError, match="perhaps"):
        as_bool("perhaps")


def test_the_constants_are_there() -> None:
    from workbench.zato.common import CACHE, SERVER_STARTUP

    assert CACHE.TYPE.BUILTIN == "builtin"
    assert SERVER_STARTUP.PHASE.FS_CONFIG_ONLY != SERVER_STARTUP.PHASE.AFTER_STARTED
