"""A file of definitions is read by kind, and every mistake in it is one sentence with file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench import BasicAuth, CronJob, IntervalJob, Limit, RESTChannel, RESTConnection, SQLConnection, secret
from workbench.app.deploy.manifests.errors import WrongManifest
from workbench.app.deploy.manifests.reading import MOST_BYTES, manifest_in, text_of
from workbench.core.definition import Definition

ENVIRON = {"HOST": "example.com", "PORT": "5433", "WAIT": "2.5", "EMPTY": "", "SECRET_LIKE": "hunter2"}


def read(text: str) -> list[Definition]:
    return [each.definition for each in manifest_in(text, "f.yaml", Path(), ENVIRON.get).items]


def mistakes(text: str) -> list[str]:
    with pytest.raises(WrongManifest) as caught:
        read(text)
    return str(caught.value).splitlines()


def test_definitions_are_read_by_kind_with_the_lines_of_their_fields() -> None:
    text = """\
RESTChannel:
  - name: api.x
    method: [GET, POST]
    limit: 100/m
Limit:
  - name: api.x
    on: service
    lines: |
      * = 10/m
      10.0.0.0/8 = 5/s
IntervalJob:
  - {name: sync, service: api.x, hours: 1, extra: {ids: [1, 2]}}
"""
    channel, limit, job = manifest_in(text, "f.yaml", Path(), ENVIRON.get).items
    assert channel.definition == RESTChannel("api.x", method=("GET", "POST"), limit="100/m")
    assert limit.definition == Limit("api.x", on="service", lines="* = 10/m\n10.0.0.0/8 = 5/s\n")
    assert job.definition == IntervalJob("sync", service="api.x", hours=1, extra={"ids": [1, 2]})
    assert (channel.line, channel.lines["limit"], job.line, job.lines["extra"]) == (2, 4, 12, 12)


def test_secrets_are_named_and_other_text_comes_from_the_environment() -> None:
    text = """\
BasicAuth:
  - {name: ada, password: "${ADA_PASSWORD}"}
  - {name: bob, password: {secret: "bob's password"}}
RESTConnection:
  - name: data
    host: https://${HOST}
    path: /a/$${b}
    timeout_seconds: ${WAIT}
    headers:
      Authorization: Bearer ${TOKEN}
      X-Key: {secret: KEY, prefix: "k "}
      Accept: text/${EMPTY}csv
      X-Cost: $${NOT_A_NAME}
SQLConnection:
  - {name: db, engine: postgresql, host: h, database: d, port: "${PORT}"}
"""
    ada, bob, data, db = read(text)
    assert (ada, bob) == (
        BasicAuth("ada", password=secret("ADA_PASSWORD")),
        BasicAuth("bob", password=secret("bob's password")),
    )
    headers = {
        "Authorization": secret("TOKEN", prefix="Bearer "),
        "X-Key": secret("KEY", prefix="k "),
        "Accept": "text/csv",
        "X-Cost": "${NOT_A_NAME}",
    }
    assert data == RESTConnection(
        "data", host="https://example.com", path="/a/${b}", timeout_seconds=2.5, headers=headers
    )
    assert db == SQLConnection("db", engine="postgresql", host="h", database="d", port=5433)


def test_a_file_of_nothing_defines_nothing() -> None:
    assert read("") == read("RESTChannel:\nCronJob: []\n") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("RESTChanel:\n  - name: a", "f.yaml:1: 'RESTChanel' is no kind of definition. Fix: write RESTChannel."),
        ("zzz: []", "f.yaml:1: 'zzz' is no kind of definition. Fix: take one of APIKey,"),
        ("- name: a", "f.yaml:1: the file is no mapping. Fix: write kinds as its keys"),
        ("RESTChannel:\n  name: a", "f.yaml:1: RESTChannel holds no list. Fix: begin each definition with '- name:'."),
        ("RESTChannel:\n  - a", "f.yaml:2: a RESTChannel is no mapping of fields here. Fix:"),
        (
            "RESTChannel:\n  - name: a\n    limt: 5/m",
            "f.yaml:3: limt of RESTChannel 'a' is not a field. Fix: write limit.",
        ),
        (
            "Limit:\n  - name: a\n    on: service\n    lines: 5/m\n    zzzzz: 5",
            "f.yaml:5: zzzzz of Limit 'a' is not a field;",
        ),
        (
            "IntervalJob:\n  - {name: j, service: s,\n     months: 1}",
            "f.yaml:3: months of IntervalJob 'j' is not a field, since months differ in length;",
        ),
        (
            "RESTChannel:\n  - name: a\n    timeout_seconds: soon",
            "f.yaml:3: timeout_seconds of RESTChannel 'a' expected `float`, got `str`. Fix: correct timeout_seconds.",
        ),
        (
            "RESTChannel:\n  - name: a\n    data_format: yaml",
            "f.yaml:3: data_format of RESTChannel 'a' must be one of 'json', 'form', 'raw', not 'yaml'. Fix:",
        ),
        (
            "SMTPConnection:\n  - name: a\n    host: 5",
            "f.yaml:3: host of SMTPConnection 'a' must be text, and 5 is none. Fix: put it in quotes, as '5'.",
        ),
        ("RESTChannel:\n  - path: /x", "f.yaml:2: name of RESTChannel '?' is missing. Fix: add name: and its value."),
        ("CronJob:\n  - name: a\n    service: s\n    cron: often", "f.yaml:4: cron of CronJob 'a' 'often' has 1 field"),
        (
            "BasicAuth:\n  - name: a\n    password: hunter2",
            "f.yaml:3: password of BasicAuth 'a' must name a secret, and no file says its value. Fix: write ${NAME}",
        ),
        (
            "RESTConnection:\n  - name: a\n    host: https://x.com\n    headers: {Authorization: Basic abc}",
            "f.yaml:4: headers of RESTConnection 'a' must name a secret",
        ),
        (
            "SMTPConnection:\n  - name: a\n    host: ${NOWHERE}",
            "f.yaml:3: host of SMTPConnection 'a' names the variable NOWHERE, which is not set. Fix: set NOWHERE",
        ),
        (
            "CronJob:\n  - {name: a, service: s, cron: '* * * * *'}\nIntervalJob:\n  - {name: a, service: s, hours: 1}",
            "f.yaml:4: IntervalJob 'a' is there twice: CronJob 'a' has that name at line 2. Fix: rename or remove one.",
        ),
        (
            "RESTChannel:\n  - name: a\n    active: no",
            "f.yaml:3: active of RESTChannel 'a' expected `bool`, got `str`. Fix:",
        ),
    ],
)
def test_a_mistake_is_one_sentence_with_its_line_and_key(text: str, said: str) -> None:
    (line,) = mistakes(text)
    assert line.startswith(said)
    assert "Fix: " in line
    assert "hunter2" not in line


def test_all_mistakes_are_said_at_once_in_the_order_of_their_lines() -> None:
    said = mistakes(
        "nope: []\nRESTChannel:\n  - {name: a, limt: 1}\n  - {name: b}\n  - {name: b}\nBasicAuth:\n  - {name: c}\n"
    )
    assert [each.split(":")[1] for each in said] == ["1", "3", "5", "7"]


def test_a_job_and_a_channel_may_have_one_name() -> None:
    assert len(read("CronJob:\n  - {name: a, service: s, cron: '* * * * *'}\nRESTChannel:\n  - {name: a}\n")) == 2


def test_kinds_that_a_person_has_written_are_kinds_of_a_file() -> None:
    class Weekly(CronJob, frozen=True, kw_only=True, tag="weekly"):
        """Of a cell."""

    (found,) = read("Weekly:\n  - {name: a, service: s, cron: 0 9 * * 1}\n")
    assert type(found) is Weekly


def said_of(path: Path) -> str:
    with pytest.raises(WrongManifest) as caught:
        text_of(path, path.name)
    return str(caught.value)


def test_a_file_that_is_no_text_or_too_large_or_not_there_is_said(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    assert said_of(path) == "f.yaml: the file cannot be read: no such file or directory. Fix: correct the path."
    assert said_of(tmp_path).endswith(": the file cannot be read: is a directory. Fix: correct the path.")
    path.write_bytes(b"a: 1\nb: \xff\xfe\n")
    assert said_of(path) == "f.yaml:2: the file is no UTF-8 text: byte 8. Fix: save it as UTF-8."
    path.write_bytes(b"a" * 10_000_000)
    assert said_of(path).startswith(f"f.yaml: the file has 10,000,000 bytes of at most {MOST_BYTES:,}. Fix: ")
    path.write_bytes("\ufeffa: ä\r\n".encode())
    assert text_of(path, "f.yaml") == "a: ä\r\n"
