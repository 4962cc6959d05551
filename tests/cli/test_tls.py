"""`workbench serve --certificate FILE --key FILE`: one process, and several."""

from __future__ import annotations

import io
import json
import logging
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import requests

from tests.app.crew.conftest import MODULE, Crew
from tests.cli.conftest import WAIT_SECONDS, CommandLine
from tests.serving import until
from tests.tls import AUTHORITY, pair, serial_at
from workbench import Workbench
from workbench.channels.http.certificate import Certificate
from workbench.cli.log import ServedLog


def test_what_is_served_by_tls_is_reached_by_every_way(fresh: CommandLine) -> None:
    (fresh.folder / "shop").mkdir()
    path = fresh.module("shop/services.py", MODULE)
    pair(fresh.folder)  # named from where the command runs, which is not the folder of the file
    served = fresh.serve(path, "--certificate", "shop.pem", "--key", "shop.key")
    assert served.url.startswith("https://localhost:")
    assert served.told["panel"] == f"{served.url}/workbench/"
    curl = ["curl", "--silent", "--show-error", "--fail", "--cacert", str(AUTHORITY), f"{served.url}/kept"]
    done = subprocess.run(curl, capture_output=True, text=True, timeout=WAIT_SECONDS, check=True)
    assert done.stdout in ("", "null")
    assert "page.js" in requests.get(served.told["panel"], verify=str(AUTHORITY), timeout=30).text
    [told] = json.loads(fresh.said("status", "--json"))
    assert told["url"] == served.url
    assert int(fresh.said("call", "GET /pid").strip()) == served.process.pid
    assert fresh.said("invoke", "pid").strip() == str(served.process.pid)
    assert "tick" in fresh.said("jobs", "list")
    assert json.loads(fresh.said("openapi"))["servers"] == [{"url": served.url}]
    status, said = served.stop(signal.SIGTERM)
    assert (status, said.splitlines()[-1]) == (0, "Stopping: calls in flight may end.")
    assert "Traceback" not in said


@pytest.mark.timeout(240)
def test_what_is_kept_served_in_the_background_tells_its_address_by_tls(fresh: CommandLine) -> None:
    path = fresh.module("services.py", MODULE)
    certificate, key = pair(fresh.folder)
    keeping = [sys.executable, "-m", "workbench.cli.quickstart.keeping"]
    options = ("--port", "0", "--certificate", str(certificate), "--key", str(key))

    def said(action: str, *more: str) -> str:
        command, env = [*keeping, action, str(path), *more], fresh.env | {"http_proxy": "http://127.0.0.1:9"}
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=100, check=False).stdout

    try:
        assert said("start", *options).startswith("It answers at https://localhost:")
    finally:
        assert said("stop") == "It has ended.\n"


def test_the_certificate_is_named_in_words_and_what_is_wrong_with_it_in_the_log(fresh: CommandLine) -> None:
    path = fresh.module("services.py", MODULE)
    certificate, key = pair(fresh.folder, "shop.example.com")
    key.chmod(0o644)
    (fresh.folder / "workbench.toml").write_text('certificate = "shop.pem"\ncertificate_key = "shop.key"\n')
    done = subprocess.Popen(
        fresh.command("serve", str(path)), cwd=fresh.folder, env=fresh.env, stdout=-1, stderr=-1, text=True
    )
    with done:
        assert done.stdout is not None
        lines = iter(done.stdout.readline, "")
        [told] = [next(line for line in lines if "by TLS" in line)]
        done.send_signal(signal.SIGTERM)
        _, said = done.communicate(timeout=WAIT_SECONDS)
    assert told.startswith("  by TLS with shop.pem, for shop.example.com, until 20")
    assert f"Everybody on this machine can read the key {key}. Fix: chmod 600 {key}" in said
    assert f"The certificate {certificate} is for shop.example.com, which this server does not answer for" in said
    assert done.returncode == 0


def test_a_renewal_is_told_whole(tmp_path: Path) -> None:
    files, stream = pair(tmp_path), io.StringIO()
    with Workbench(port=0, store="memory://") as wb, closing(ServedLog(wb, "text", False, stream)):
        certificate = Certificate(*files)
        for new, file in zip(pair(tmp_path, certificate="new.pem", key="new.key"), files, strict=True):
            new.replace(file)
            assert certificate.shown
    refused, taken = stream.getvalue().splitlines()
    assert "WARNING workbench.certificate: The former certificate stays in force. The key " in refused
    assert f"INFO    workbench.certificate: the certificate {files[0]} is new, and in force until 20" in taken
    assert logging.getLogger("workbench.certificate").level == logging.NOTSET


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--key", "shop.key"), "certificate is not set. Fix: name its file, too (--certificate FILE of serve"),
        (("--certificate", "shop.pem", "--key", "nowhere.key", "--workers", "2"), "There is no key "),
    ],
)
def test_a_certificate_that_cannot_be_used_is_refused_before_the_file_runs(
    fresh: CommandLine, arguments: tuple[str, ...], said: str
) -> None:
    pair(fresh.folder)
    path = fresh.module("services.py", "open('has-run', 'w').close()")
    sentence = fresh.refused("serve", str(path), *arguments, WORKBENCH_STORE="")
    assert said in sentence
    assert len(sentence.splitlines()) == 1
    assert not (fresh.folder / "has-run").exists()


@pytest.mark.timeout(180)
def test_several_processes_speak_tls_and_each_takes_a_new_certificate(fresh: CommandLine) -> None:
    path = fresh.module("services.py", MODULE)
    certificate, key = pair(fresh.folder)
    key.chmod(0o644)
    crew = Crew(fresh, path, "--certificate", str(certificate), "--key", str(key))
    crew.until_ready()
    assert crew.url.startswith("https://localhost:")

    def pid() -> int:
        return int(requests.get(f"{crew.url}/pid", verify=str(AUTHORITY), timeout=30).text)

    pids = set(crew.ready.values())
    seen: set[int] = set()
    until(lambda: seen.add(pid()) or seen == pids, "each has answered")  # type: ignore[func-returns-value]
    first = serial_at(crew.url)
    new = pair(fresh.folder, certificate="new.pem", key="new.key")
    for fresh_one, file in zip(new, (certificate, key), strict=True):
        fresh_one.replace(file)
    assert {serial_at(crew.url) for _ in range(20)} == {serial_at(crew.url)} != {first}
    before = crew.ready
    crew.served.process.send_signal(signal.SIGHUP)
    after = crew.until_ready(*before.values())
    assert pid() in after.values()
    assert int(crew.command("call", "GET /pid").strip()) in after.values()
    status, said = crew.served.stop(signal.SIGTERM)
    assert status == 0
    assert "Traceback" not in said
    assert said.count("Everybody on this machine can read the key") == 1  # the first tells it for all
