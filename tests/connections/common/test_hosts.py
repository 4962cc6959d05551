"""What is outside: every host that is not this machine by its name alone."""

from __future__ import annotations

import pytest
import urllib3

from workbench import (
    DropboxConnection,
    FTPConnection,
    LocalFolder,
    RESTConnection,
    S3Connection,
    SMTPConnection,
    SQLConnection,
    TwilioConnection,
    secret,
)
from workbench.connections.common.hosts import host_of, is_outside
from workbench.connections.definition import ConnectionDefinition


class Weather(ConnectionDefinition, tag="weather of test_hosts", frozen=True, kw_only=True):
    """A kind that says nothing of its host."""

    kind = "Weather"


@pytest.mark.parametrize(
    "address",
    ["localhost", "LOCALHOST.", "api.localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::"],
)
def test_this_machine_is_not_outside(address: str) -> None:
    assert not is_outside(host_of(address))
    in_url = f"[{address}]" if ":" in address else address
    assert not is_outside(host_of(f"http://{in_url}:8080/path"))


@pytest.mark.parametrize(
    "address",
    [
        "data.example.com",
        "192.168.1.10",
        "10.0.0.1",
        "169.254.169.254",
        "fe80::1",
        "printer.local",
        "localhost.example.com",
        "notlocalhost",
        "127.1",
        "2130706433",
        "::ffff:10.0.0.1",
        "127.0.0.1.example.com",
    ],
)
def test_everything_else_is_outside_local_networks_too(address: str) -> None:
    assert is_outside(host_of(address))
    in_url = f"[{address}]" if ":" in address else address
    assert is_outside(host_of(f"https://{in_url}:8443/"))


@pytest.mark.parametrize("end", ["\\.localhost", "/.localhost", "?.localhost", "#.localhost", "\\@localhost"])
def test_what_stands_behind_the_host_makes_nothing_local(end: str) -> None:
    address = f"https://evil.example.com{end}"
    assert host_of(address) == urllib3.util.parse_url(address).host == "evil.example.com"
    assert is_outside(host_of(address))


@pytest.mark.parametrize(
    ("definition", "host"),
    [
        (RESTConnection("x", host="https://data.example.com:8443/"), "data.example.com"),
        (SMTPConnection("x", host="smtp.example.com"), "smtp.example.com"),
        (FTPConnection("x", host="10.1.2.3"), "10.1.2.3"),
        (DropboxConnection("x", user_agent="u", token=secret("T")), "api.dropboxapi.com"),
        (S3Connection("x", bucket="bucket", region="eu-central-1"), "s3.eu-central-1.amazonaws.com"),
        (TwilioConnection("x", account_sid="AC012"), "api.twilio.com"),
        (TwilioConnection("x", account_sid="AC012", address="http://127.0.0.1:1"), ""),
        (SQLConnection("x", engine="postgresql", host="db.example.com", database="d"), "db.example.com"),
        (
            SQLConnection("x", engine="postgresql", host="localhost", database="d", extra={"hostaddr": "10.0.0.9"}),
            "10.0.0.9",
        ),
        (SQLConnection("x", engine="postgresql", host="/var/run", database="d"), ""),
        (SQLConnection("x", database="shop.db"), ""),
        (LocalFolder("x", path="/mnt/share"), ""),
        (Weather("x"), "weather 'x'"),
    ],
    ids=lambda each: str(each),
)
def test_every_kind_says_which_host_it_calls(definition: ConnectionDefinition, host: str) -> None:
    called = host_of(definition.called)
    assert (called if is_outside(called) else "") == host
