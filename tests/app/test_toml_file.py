"""`workbench.toml` beside the notebook: settings, profiles, fields of connections, and what a wrong one is told."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import fields

from workbench import FTPConnection, RESTConnection, Service, Workbench, secret
from workbench.app import singleton
from workbench.app.configuration.kinds import KINDS
from workbench.app.configuration.overrides import overrides, unused
from workbench.app.configuration.settings import NOT_IN_FILE, SETTINGS
from workbench.app.configuration.toml_file import FILE, Configuration, WrongFile, line_of, overridden, read_file
from workbench.app.deploy.manifests.values import holds_secret
from workbench.connections import catalog
from workbench.core.secret import PlainSecretWarning

NAMES = [each.name for each in SETTINGS if each.name not in NOT_IN_FILE]
FULL = """
port = 0
hosts = ["api.example.com", "b.example.com"]
threads = 8          # a bound

[user.billing]
url = "https://test.example.com"
retries = 3

[connection."My Data Source"]
timeout_seconds = 5

[profile.production]
threads = 64
sandbox = false

[profile.production.user.billing]
url = "https://billing.example.com"

[profile.production.connection."My Data Source"]
host = "https://data.example.com"
headers = { X-Key = { secret = "DATA_KEY" } }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A notebook's folder, whose workbench is that of this process."""
    for each in SETTINGS:
        monkeypatch.delenv(each.variable, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    (folder := tmp_path / "notebooks").mkdir()
    monkeypatch.setenv("JPY_SESSION_NAME", str(folder / "shop.ipynb"))
    singleton.forget()
    yield folder
    singleton.forget()


def settings(wb: Workbench) -> dict[str, tuple[str, str]]:
    return {name: (value, came) for name, value, came, *_ in wb.settings.rows() if came != "default"}


def test_each_setting_says_where_it_came_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / FILE).write_text(FULL)
    (folder / ".env").write_text("WORKBENCH_THREADS=16\n")
    monkeypatch.setenv("WORKBENCH_HOSTS", "c.example.com")
    wb = singleton.the_workbench()
    assert settings(wb) == {
        "port": ("0", FILE),
        "hosts": ("c.example.com", "environment"),
        "threads": ("16", ".env"),
        "connection.My Data Source.timeout_seconds": ("5", FILE),
    }


def test_a_profile_overrides_the_rest_of_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / FILE).write_text(FULL)
    monkeypatch.setenv("WORKBENCH_PROFILE", "production")
    wb = singleton.the_workbench()
    assert settings(wb) == {
        "port": ("0", FILE),
        "hosts": ("api.example.com, b.example.com", FILE),
        "threads": ("64", f"{FILE} [profile.production]"),
        "sandbox": ("0", f"{FILE} [profile.production]"),
        "profile": ("production", "environment"),
        "connection.My Data Source.timeout_seconds": ("5", FILE),
        "connection.My Data Source.host": ("https://data.example.com", f"{FILE} [profile.production]"),
        "connection.My Data Source.headers": ("X-Key: secret 'DATA_KEY'", f"{FILE} [profile.production]"),
    }


def test_no_file_beside_a_notebook_says_whether_it_may_call_the_outside(folder: Path) -> None:
    (folder / ".env").write_text("WORKBENCH_ALLOW_OUTSIDE=1\nWORKBENCH_THREADS=16\n")
    assert settings(singleton.the_workbench()) == {"threads": ("16", ".env")}
    assert "WORKBENCH_ALLOW_OUTSIDE" not in os.environ


def test_what_the_file_set_is_gone_from_the_environment_with_its_workbench(folder: Path) -> None:
    (folder / FILE).write_text("threads = 8\n")
    singleton.the_workbench()
    assert os.environ["WORKBENCH_THREADS"] == "8"
    singleton.forget()
    assert "WORKBENCH_THREADS" not in os.environ


class Bill(Service):
    """Reads what is the user's own."""

    name = "bill"

    def handle(self) -> object:
        assert self.config is self.user_config
        return [self.user_config.billing.url, self.user_config["billing"]["retries"]]


@pytest.mark.parametrize(
    ("profile", "url"), [("", "https://test.example.com"), ("production", "https://billing.example.com")]
)
def test_services_read_what_is_the_users_own(tmp_path: Path, profile: str, url: str) -> None:
    (tmp_path / FILE).write_text(FULL)
    with Workbench(configuration=read_file(tmp_path, profile, NAMES)) as wb:
        wb.deploy(Bill)
        assert wb.invoke("bill") == [url, 3]


class Lost(Service):
    """Asks for a key that nobody wrote."""

    name = "lost"

    def handle(self) -> object:
        return self.user_config.billing.urll


def test_a_key_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(FULL)
    with Workbench(configuration=read_file(tmp_path, "", NAMES)) as wb:
        wb.deploy(Lost)
        with pytest.raises(AttributeError, match=r"No key of user_config.billing is named 'urll'.*Did you mean 'url'"):
            wb.invoke("lost")


def test_a_profile_gives_a_connection_other_fields_and_the_notebook_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(FULL)
    written = RESTConnection("My Data Source", host="http://127.0.0.1:9", timeout_seconds=60)
    with Workbench(configuration=read_file(tmp_path, "", NAMES)) as wb:
        wb.define(written)
        now: Any = wb.connections["My Data Source"].definition
        assert (now.host, now.timeout_seconds) == (written.host, 5)
    with Workbench(configuration=read_file(tmp_path, "production", NAMES)) as wb:
        wb.define(written, RESTConnection("Other", host="http://127.0.0.1:9"))
        now = wb.connections["My Data Source"].definition
        assert (now.host, now.timeout_seconds) == ("https://data.example.com", 5)
        assert now.headers == {"X-Key": secret("DATA_KEY")}
        other: Any = wb.connections["Other"].definition
        assert other.host == "http://127.0.0.1:9"


def test_fields_that_the_file_gives_connections_are_settings_without_a_secret(tmp_path: Path) -> None:
    more = '[connection.CRM]\npassword = "hunter2-canary"\nverify_tls = false\n'
    more += 'hosts = ["a.example.com", "b.example.com"]\n'
    more += 'host = "https://me:hunter2-canary@crm.example.com"\nheaders = { X-Token = "hunter2-canary", A = "b" }\n'
    (tmp_path / FILE).write_text(FULL + more)
    with Workbench(configuration=read_file(tmp_path, "production", NAMES)) as wb:
        told = {
            row.setting: (row.value, row.came) for row in wb.settings.rows() if row.setting.startswith("connection.")
        }
        assert "hunter2" not in repr(wb.settings)
    profile = f"{FILE} [profile.production]"
    assert told == {
        "connection.My Data Source.timeout_seconds": ("5", FILE),
        "connection.My Data Source.host": ("https://data.example.com", profile),
        "connection.My Data Source.headers": ("X-Key: secret 'DATA_KEY'", profile),
        "connection.CRM.password": ("***", FILE),
        "connection.CRM.verify_tls": ("0", FILE),
        "connection.CRM.hosts": ("a.example.com, b.example.com", FILE),
        "connection.CRM.host": ("https://me:***@crm.example.com", FILE),
        "connection.CRM.headers": ("X-Token: ***, A: b", FILE),
    }


def test_no_field_that_can_hold_a_secret_is_shown_in_plain() -> None:
    classes = [catalog.definition_class(kind) for kind in catalog.rows()]
    names = {each.name for cls in classes for each in fields(cls) if holds_secret(each.type)}
    assert {"password", "passphrase", "secret_key"} <= names
    shown = {each.name: each.value for each in overrides({"It": dict.fromkeys(names, "hunter2-canary")}, {})}
    assert shown == {f"connection.It.{name}": "***" for name in names}


def test_a_field_that_a_connection_has_not_is_told_and_nothing_is_defined(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('[profile.test.connection.Rates]\nhots = "https://x.example.com"\n')
    with Workbench(configuration=read_file(tmp_path, "test", NAMES)) as wb:
        with pytest.raises(WrongFile, match=r"profile 'test' gives .*'Rates' what it cannot have: hots .*'host'"):
            wb.define(RESTConnection("Rates", host="http://127.0.0.1:9"))
        assert "Rates" not in wb.connections


def test_without_a_file_there_is_nothing_and_a_profile_is_missed(tmp_path: Path) -> None:
    assert read_file(tmp_path, "", NAMES) == Configuration()
    with pytest.raises(WrongFile, match=r"There is no .*workbench.toml for profile 'test'. Fix:"):
        read_file(tmp_path, "test", NAMES)
    (tmp_path / FILE).write_text(FULL)
    with pytest.raises(WrongFile, match="has no profile 'prod'; it has: production. Fix:"):
        read_file(tmp_path, "prod", NAMES)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"prot = 1\n", "line 1: 'prot' is no setting; did you mean 'port'"),
        (b"\n\nport = 65536\n", "line 3: port must be a number from 0 to 65535 (0 takes any), not 65536"),
        (b"port = true\n", "line 1: port must be a number"),
        (b"threads = 0\n", "line 1: threads must be a whole number, 1 or more, not 0"),
        (b'hosts = "a.example"\n', "line 1: hosts must be a list of host names"),
        (b'hosts = ["a,b"]\n', "line 1: hosts must be a list of host names"),
        (b"sandbox = 1\n", "line 1: sandbox must be true (peers play all connections) or false, not 1"),
        (b'timezone = "Europe/Warsow"\n', "line 1: timezone must be the name of a time zone"),
        (b"allow_outside = true\n", "line 1: allow_outside is for the environment to say, not for what comes with"),
        (b"openapi = 5\n", "line 1: openapi must be text in quotes, not 5"),
        (b"store = 5\n", "line 1: store must be a URL in quotes: memory://, sqlite:///relative/path"),
        (b'counters = "redis"\n', "line 1: counters must be a URL in quotes"),
        (b'redis = "http://x"\n', "line 1: redis must be a URL in quotes: redis://host:port/0"),
        (b'loop = "asyncoi"\n', "line 1: loop must be one of 'asyncio', 'uvloop', not 'asyncoi'"),
        (b'new_version = "always"\n', "line 1: new_version must be one of 'off', 'warn', 'gate', not 'always'"),
        (b'hosts = ["a b"]\n', "line 1: hosts must be a list of host names"),
        (b'proxies = ["10.0.0.0/33"]\n', "line 1: proxies must be a list of addresses"),
        (b"WORKBENCH_PORT = 5\n", "line 1: 'WORKBENCH_PORT' is no setting; did you mean 'port'"),
        (b'password = "x"\n', "line 1: 'password' is no setting; what is secret stands in .env"),
        (b"[settings]\nport = 5\n", "line 1: [settings] is no table here; settings stand above all tables"),
        (b'[profile.a.connections.X]\nhost = "a"\n', "line 1: [profile.a.connections] is no table here; did you mean"),
        (b'[pickup.a]\npickup_form = "in"\n', "line 2: 'pickup_form' is none of its keys; did you mean 'pickup_from'"),
        (b"user = 5\n", "line 1: user must be a table, [user], not 5"),
        (b"[connection]\nRates = 5\n", "line 2: Rates must be a table, [connection.Rates], not 5"),
        (b"profile.test.prot = 1\n", "line 1: 'prot' is no setting"),
        (b'[profile.test]\nport = "x"\nsandbox = 5\n', "line 2: port must be a number"),
        (b"port = \n", "is no TOML: Invalid value (at line 1, column 8). Fix: correct that line."),
        (b"port = 1\nport = 2\n", "is no TOML: Cannot overwrite a value (at line 2"),
        (b"port = '\xff'\n", "is no UTF-8 text: byte 8. Fix: save it as UTF-8."),
        (
            b'startup_callable = "a.b"\n[startup]\nstartup_callable = "c.d"\n',
            "line 1: startup_callable is said in [startup]",
        ),
        (b'port = "' + b"x" * 5000 + b'"\n', "xxx... (5,002 characters)"),
        (b"x = " + b"[" * 5000 + b"\n", "is no TOML"),
        (b"#" * ((1 << 20) + 1), "is larger than 1,048,576 bytes"),
    ],
)
def test_a_wrong_file_is_told_with_line_and_key(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(WrongFile) as raised:
        read_file(tmp_path, "", NAMES)
    assert str(tmp_path / FILE) in str(raised.value)
    assert said in str(raised.value)
    assert "Fix: " in str(raised.value)


@pytest.mark.parametrize(
    "content",
    [
        'redis = ["redis://:hunter2@localhost"]\n',
        '[connection]\nRates = "https://me:hunter2@example.com"\n',
        'port = "redis://:hunter2@localhost"\n',
        '[startup]\ntimeout_seconds = "https://me:hunter2@example.com"\n',
        '[component_enabled]\nftp = "ftp://me:hunter2@example.com"\n',
    ],
)
def test_a_password_in_the_wrong_place_is_not_told(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(WrongFile, match=r"line \d: .*\*\*\*") as raised:
        read_file(tmp_path, "", NAMES)
    assert "hunter2" not in str(raised.value)


def test_of_a_table_in_the_wrong_place_nothing_is_repeated(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('[connections.X]\npassword = "hunter2"\n[port]\na = "hunter2"\n')
    with pytest.raises(
        WrongFile, match=r"did you mean \[connection\] \| line 3: port must be .*, not a table"
    ) as raised:
        read_file(tmp_path, "", NAMES)
    assert "hunter2" not in str(raised.value)


def test_fields_for_a_connection_that_nobody_defines_are_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('[connection.Ratse]\nhost = "a"\n[connection.Rates]\nhost = "a"\n')
    told = read_file(tmp_path, "", NAMES)
    assert list(unused(told.connections, told.places, ["Rates"])) == [
        "workbench.toml gives fields to connection 'Ratse' (host), which nobody defines. Fix: did you mean 'Rates'?"
    ]


def test_a_password_in_the_file_is_told_to_stand_there(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('[connection.Depot]\nusername = "me"\npassword = "hunter22"\n')
    told = read_file(tmp_path, "", NAMES)
    with pytest.warns(
        PlainSecretWarning, match=r"which stands in workbench.toml \[connection.Depot\]. Fix: .*secret = "
    ):
        overridden(told, FTPConnection("Depot", host="localhost"))


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('port = "x"\nthreads = 5\n[profile.a]\nport = -1\nnothing = 5\n')
    with pytest.raises(WrongFile, match=r"line 1: port .*\| line 4: port .*\| line 5: 'nothing'"):
        read_file(tmp_path, "", NAMES)


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(WrongFile, match=r"cannot be read: Is a directory. Fix: make it a file"):
        read_file(tmp_path, "", NAMES)


def test_200_broken_files_are_each_told_with_their_line_and_key(tmp_path: Path) -> None:
    """One wrong value or key at a random place among what is right."""
    rng = random.Random(5)
    right = {name: {"port": "0", "hosts": "[]", "proxies": '["10.0.0.7"]'}.get(name, '"x"') for name in NAMES}
    right |= {"loop": '"asyncio"', "new_version": '"warn"', "store": '"memory://"', "counters": '"memory://"'}
    right |= {
        "redis": '"redis://localhost:6379/0"',
        "sandbox": "true",
        "timezone": '"UTC"',
        "startup_on_error": '"stop"',
    }
    right["startup_timeout_seconds"] = "2.5"
    right |= {name: "7" for name in NAMES if name not in KINDS and right[name] == '"x"' and _is_bound(name)}
    for number in range(200):
        chosen = rng.sample(NAMES, 8)
        lines = [f"{name} = {right[name]}{rng.choice(['', '  # well'])}" for name in chosen]
        profile = rng.random() < 0.5
        place = rng.randrange(len(lines))
        if rng.random() < 0.3:
            key = chosen[place] + "x"
            lines[place] = f"{key} = 1"
        else:
            key = chosen[place]
            lines[place] = f"{key} = {rng.choice(['1979-05-27', '[[1]]', '{ a = 1 }', '-1.5'])}"
        before = rng.randrange(3) * ["", "# a line"] + (["[profile.test]"] if profile else [])
        (tmp_path / FILE).write_text("\n".join([*before, *lines, "[user]", "port = 'any'"]))
        with pytest.raises(WrongFile) as raised:
            read_file(tmp_path, "", NAMES)
        told = str(raised.value)
        assert f"line {len(before) + place + 1}: " in told, (number, told)
        assert key in told
        assert "|" not in told, "nothing else is wrong"


def _is_bound(name: str) -> bool:
    from workbench.app.configuration.bounds import Bounds

    return name in Bounds.__struct_fields__


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        (("a",), 1),
        (("t", "b"), 3),
        (("t", "c", "d"), 4),
        (("t", "x y", "e"), 6),
        (("u", "z"), 7),
        (("t", "lost"), 2),
        (("lost",), 1),
    ],
)
def test_a_key_is_found_by_its_whole_path(wanted: tuple[str, ...], line: int) -> None:
    text = 'a = 1\n[t]\nb = 2\nc.d = 3\n[t."x y"]  # said\ne = 1\n[[u]]\nz = "[t]"\n'
    assert line_of(text, wanted) == line or (wanted == ("u", "z") and line_of(text, wanted) == 8)


SERVED = """
from workbench import wb, Service, RESTConnection
class Hello(Service):
    name = "hello"
    def handle(self):
        return "hello"
wb.define(RESTConnection("Rates", host="https://test.example.com"))
"""


@pytest.mark.parametrize("on_peers", [True, False])
def test_serve_with_a_profile_refuses_connections_that_stand_on_peers(tmp_path: Path, on_peers: bool) -> None:
    (tmp_path / FILE).write_text('[profile.production]\nport = 0\nconnection.Rates.host = "https://data.example.com"\n')
    more = "wb.sandbox()\n" if on_peers else 'print(wb.connections["Rates"].definition.host, flush=True)\n'
    (tmp_path / "shop.py").write_text(SERVED + more)
    environ = {**os.environ, "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}
    command = [sys.executable, "-m", "workbench.cli.main", "serve", "shop.py", "--profile", "production"]
    served = subprocess.Popen(
        command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        if on_peers:
            said, _ = served.communicate(timeout=60)
            assert served.returncode == 1
            assert "Profile 'production' is for real addresses, and the file has sent Rates to peers. Fix:" in said
            return
        assert served.stdout is not None
        lines: list[str] = []
        until = time.monotonic() + 60
        while time.monotonic() < until and "Serving 1 service" not in "".join(lines):
            lines.append(served.stdout.readline())
        assert "https://data.example.com\n" in lines
    finally:
        served.kill()
        served.communicate()
