"""Enmasse files of Zato 3.1, 3.2 and 4: what they say is defined, what has no meaning here is told with its line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from workbench import (
    APIKey,
    BasicAuth,
    Cache,
    CronJob,
    DropboxConnection,
    FTPConnection,
    IMAPConnection,
    IntervalJob,
    JSONRPCChannel,
    OneTimeJob,
    RESTChannel,
    RESTConnection,
    SMTPConnection,
    SOAPChannel,
    SOAPConnection,
    SQLConnection,
    ZeroMQConnection,
    secret,
)
from workbench.app.deploy.manifests.enmasse.sections import OTHERS, SECTIONS
from workbench.app.deploy.manifests.errors import WrongManifest
from workbench.app.deploy.manifests.kinds import kinds
from workbench.app.deploy.manifests.reading import Manifest, manifest_of
from workbench.app.deploy.manifests.writing import text_of
from workbench.core.definition import Definition

ENVIRON = {"ADA_PASSWORD": "1", "KEY": "2", "DB_PASSWORD": "3", "HOST": "example.com", "ON": "true"}

OF_3_2 = """\
security:
  - name: ada
    type: basic_auth
    username: ada
    password: Zato_Enmasse_Env.ADA_PASSWORD
    realm: API
    is_active: true
channel_plain_http:
  - name: api.orders
    is_active: true
    connection: channel
    transport: plain_http
    service: api.orders
    url_path: /orders/{id}
    method: GET
    security_name: ada
    data_format: json
    merge_url_params_req: true
    params_pri: path-over-qs
    cache_id: null
    content_type: ''
    is_rate_limit_active: true
    rate_limit_type: EXACT
    rate_limit_def: '* = 100/m'
    rate_limit_check_parent_def: false
  - name: api.open
    is_active: no
    service: api.orders
    url_path: /open
    security_name: zato-no-security
    is_rate_limit_active: false
    rate_limit_def: '* = 1/m'
channel_soap:
  - {name: soap.orders, is_active: true, service: api.orders, url_path: /soap, transport: soap}
json_rpc:
  - {name: rpc, is_active: true, url_path: /rpc, service_whitelist: [api.orders]}
outconn_plain_http:
  - name: rates
    is_active: true
    connection: outgoing
    transport: plain_http
    host: https://data.example.com
    url_path: /rates/{day}
    timeout: 20
    tls_verify: off
    ping_method: HEAD
outconn_soap:
  - {name: crm, is_active: true, connection: outgoing, transport: soap, host: https://crm.example.com,
     url_path: '/orders?wsdl', soap_version: '1.1', serialization_type: suds, timeout: 20, soap_action: ''}
outconn_zmq:
  - {name: queue, is_active: true, address: 'tcp://queue.example.com:5555', socket_type: PUB, socket_method: connect}
scheduler:
  - {name: once, service: api.orders, job_type: one_time, is_active: true, start_date: '2035-01-01 00:00:00'}
  - name: often
    service: api.orders
    job_type: interval_based
    is_active: true
    start_date: '2035-01-01T00:00:00'
    weeks: null
    hours: 2
    repeats: 5
    extra: hello
  - {name: nightly, service: api.orders, job_type: cron_style, is_active: true, cron_definition: 0 2 * * *}
outconn_sql:
  - name: db
    is_active: true
    engine: postgresql
    host: h
    port: 5432
    db_name: d
    username: u
    password: Zato_Enmasse_Env.DB_PASSWORD
    pool_size: 5
    extra: "sslmode=require\\nconnect_timeout=5"
outconn_ftp:
  - {name: drop, is_active: true, host: ftp.example.com, user: me,
     password: Zato_Enmasse_Env.KEY, timeout: 9, dircache: false}
email_smtp:
  - {name: mail, is_active: true, host: m.example.com, port: 25, mode: starttls, timeout: 60,
     is_debug: false, ping_address: ''}
email_imap:
  - {name: box, is_active: true, host: m.example.com, port: 993, mode: ssl, username: me,
     password: Zato_Enmasse_Env.DB_PASSWORD, debug_level: 0, get_criteria: '{}'}
zato_cache_builtin:
  - {name: c, is_active: true, max_size: 5, cache_type: builtin, sync_method: in-background,
     persistent_storage: no-persistent-storage}
zato_generic_connection:
  - {name: files, type_: cloud-dropbox, is_active: true, user_agent: Shop/1, token: Zato_Enmasse_Env.KEY}
"""
EXPECTED: list[Definition] = [
    BasicAuth("ada", username="ada", password=secret("ADA_PASSWORD"), realm="API"),
    RESTChannel("api.orders", path="/orders/{id}", method="GET", security="ada", limit="* = 100/m", data_format="json"),
    RESTChannel("api.open", active=False, service="api.orders", path="/open"),
    SOAPChannel("soap.orders", service="api.orders", path="/soap"),
    JSONRPCChannel("rpc", path="/rpc", services=("api.orders",)),
    RESTConnection(
        "rates", host="https://data.example.com", path="/rates/{day}", timeout_seconds=20.0, verify_tls=False
    ),
    SOAPConnection("crm", host="https://crm.example.com", wsdl="/orders?wsdl", timeout_seconds=20.0),
    ZeroMQConnection("queue", address="tcp://queue.example.com:5555", socket_type="PUB"),
    OneTimeJob("once", service="api.orders", start="2035-01-01 00:00"),
    IntervalJob("often", service="api.orders", start="2035-01-01 00:00", hours=2, repeats=5, extra="hello"),
    CronJob("nightly", service="api.orders", cron="0 2 * * *"),
    SQLConnection(
        "db",
        engine="postgresql",
        host="h",
        port=5432,
        database="d",
        username="u",
        password=secret("DB_PASSWORD"),
        pool_size=5,
        extra={"sslmode": "require", "connect_timeout": "5"},
    ),
    FTPConnection("drop", host="ftp.example.com", username="me", password=secret("KEY"), timeout_seconds=9.0),
    SMTPConnection("mail", host="m.example.com", port=25, mode="starttls", timeout_seconds=60.0),
    IMAPConnection("box", host="m.example.com", port=993, username="me", password=secret("DB_PASSWORD")),
    Cache("c", max_size=5),
    DropboxConnection("files", user_agent="Shop/1", token=secret("KEY")),
]


def read(folder: Path, text: str, name: str = "enmasse.yaml") -> Manifest:
    path = folder / name
    path.write_text(text)
    return manifest_of(path, name, ENVIRON.get)


def definitions(found: Manifest) -> list[Definition]:
    return [each.definition for each in found.items]


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(WrongManifest) as caught:
        read(folder, text)
    return str(caught.value).splitlines()


def test_a_file_of_3_2_is_read_whole(tmp_path: Path) -> None:
    found = read(tmp_path, OF_3_2)
    assert found.said == []
    assert definitions(found) == EXPECTED


def test_the_same_file_is_read_as_json_of_3_1_too(tmp_path: Path) -> None:
    content = yaml.safe_load(OF_3_2)
    content["def_sec"] = content.pop("security")
    found = read(tmp_path, json.dumps(content, indent="\t"), "enmasse.json")
    assert found.said == []
    assert sorted(map(repr, definitions(found))) == sorted(map(repr, EXPECTED))


EMOJI = r'{"Cache": [{"name": "\ud83d\ude00", "name": "b"}]}'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '{"Cache": [{"name": "a"}],\n\t"Cache": [{"name": "b"}]}',
            "2: the key 'Cache' is there twice, first at line 1.",
        ),
        (EMOJI, " the key 'name' is there twice."),
        ('{"Cache": [!!python/name:os {"name": "a"}]}', "1: the tag '!!python/name:os' is not understood."),
    ],
)
def test_json_is_held_to_the_rules_of_yaml(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(WrongManifest, match=rf"^f\.json:{re.escape(said)}"):
        read(tmp_path, text, "f.json")


def test_lines_of_json_that_tabs_indent_are_known_and_an_emoji_in_two_escapes_is_read(tmp_path: Path) -> None:
    (item,) = read(tmp_path, '{"Cache": [\n\t{\n\t\t"name": "a"}]}', "f.json").items
    assert (item.line, item.lines["name"]) == (2, 3)
    (item,) = read(tmp_path, EMOJI.replace(', "name": "b"', ""), "f.json").items
    assert item.definition.name == "\N{GRINNING FACE}"


def test_a_file_of_4_is_read_with_its_own_names_and_variables(tmp_path: Path) -> None:
    text = """\
security:
  - {name: key, type: apikey, password: "${KEY}"}
channel_rest:
  - {name: api.x, service: api.x, url_path: /x, security: key, timeout: 5, is_active: "${ON}"}
outgoing_rest:
  - {name: out, host: "https://${HOST}", timeout: 7, tls_verify: true}
scheduler:
  - name: often
    service: api.x
    job_type: interval_based
    is_active: true
    minutes: 5
    extra:
      - a=1
      - b=2
sql:
  - {name: db, type: postgresql, host: h, db_name: d, extra: [sslmode=require]}
ftp:
  - {name: drop, host: "${HOST}", use_ssl: true}
"""
    found = read(tmp_path, text)
    assert found.said == []
    assert definitions(found) == [
        APIKey("key", key=secret("KEY")),
        RESTChannel("api.x", path="/x", security="key", timeout_seconds=5.0),
        RESTConnection("out", host="https://example.com", timeout_seconds=7.0),
        IntervalJob("often", service="api.x", minutes=5, extra="a=1\nb=2"),
        SQLConnection("db", engine="postgresql", host="h", database="d", extra={"sslmode": "require"}),
        FTPConnection("drop", host="example.com", tls="explicit"),
    ]


def test_what_has_no_meaning_here_is_told_with_its_line_and_the_rest_is_read(tmp_path: Path) -> None:
    text = """\
security:
  - {name: token, type: jwt, username: x}
  - {name: ada, type: basic_auth, password: Zato_Enmasse_Env.ADA_PASSWORD, quota_tier: gold}
channel_rest:
  - name: api.x
    service: api.x
    url_path: /x
    rate_limit_type: APPROXIMATE
    rate_limiting:
      - {cidr: 10.0.0.0/8}
outgoing_rest:
  - {name: dead, host: https://example.com, is_active: false}
scheduler:
  - {name: nightly, service: api.x, job_type: cron_style, cron_definition: 0 2 * * *}
pubsub_topic:
  - {name: one}
  - {name: two}
"""
    found = read(tmp_path, text)
    assert [str(each.definition) for each in found.items] == [
        *("Basic Auth 'ada'", "REST 'api.x'", "Cron job 'nightly'")
    ]
    assert found.said == [
        "enmasse.yaml:2: security 'token' is left out: type 'jwt' is not understood here, but apikey, basic_auth.",
        "enmasse.yaml:3: quota_tier of security 'ada' is not understood here, and left out: 'gold'.",
        "enmasse.yaml:8: rate_limit_type of channel_rest 'api.x' is not understood here, and left out: 'APPROXIMATE'.",
        "enmasse.yaml:9: rate_limiting of channel_rest 'api.x' is not understood here, and left out: "
        "\"[{'cidr': '10.0.0.0/8'}]\".",
        "enmasse.yaml:12: outgoing_rest 'dead' is not active, and left out.",
        "enmasse.yaml:14: scheduler 'nightly' does not say is_active; it is active here, as Zato 4 would not have it.",
        "enmasse.yaml:15: pubsub_topic is not understood here, and its 2 definitions are left out.",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "security:\n  - name: a\n    type: basic_auth\n    password: Zato_Enmasse_Env.NOWHERE",
            "enmasse.yaml:4: password of security 'a' names the variable NOWHERE, which is not set. Fix: set",
        ),
        (
            "email_smtp:\n  - name: a\n    host: ${NOWHERE}",
            "enmasse.yaml:3: host of SMTPConnection 'a' names the variable NOWHERE, which is not set. Fix: set",
        ),
        (
            "security:\n  - {name: a, type: basic_auth, password: hunter2}",
            "enmasse.yaml:2: password of BasicAuth 'a' must name a secret, and no file says its value.",
        ),
        ("security:\n  - {name: a}", "enmasse.yaml:2: type of security 'a' is missing. Fix: add it, as one of"),
        ("scheduler:\n  - 5", "enmasse.yaml:2: a scheduler is no mapping of fields here. Fix:"),
        ("scheduler: {a: 1}", "enmasse.yaml:1: scheduler holds no list. Fix:"),
        (
            "scheduler:\n  - {name: a, job_type: interval_based, is_active: true, hours: 1}",
            "enmasse.yaml:2: service of IntervalJob 'a' is missing. Fix: add service: and its value.",
        ),
        ("channel_rst: []", "enmasse.yaml:1: 'channel_rst' is no kind of definition. Fix: write channel_rest."),
        (
            "channel_rest:\n  - {name: a, url_path: /a}\nchannel_plain_http:\n  - {name: a, url_path: /b}",
            "enmasse.yaml:4: RESTChannel 'a' is there twice: RESTChannel 'a' has that name at line 2. Fix:",
        ),
        ("channel_rest:\n\t- name: a", "enmasse.yaml:2: a tab indents this line"),
        ("include: no.yaml", "enmasse.yaml:1: include holds no list. Fix: write each file as '- its/path.yaml'."),
        ("include: [no.yaml]", "enmasse.yaml:1: include names 'no.yaml', which is no file. Fix: correct the path."),
    ],
)
def test_what_is_wrong_is_one_sentence_with_its_line_and_key(tmp_path: Path, text: str, said: str) -> None:
    (line,) = mistakes(tmp_path, text)
    assert line.startswith(said)
    assert "hunter2" not in line


@pytest.mark.parametrize("key", ["password", "token", "auth_token", "secret", "api_key"])
def test_a_secret_in_a_field_that_is_not_understood_is_not_told(tmp_path: Path, key: str) -> None:
    fields = f"{key}: hunter2, on: [{{{key}: hunter2, user: ada}}]"
    found = read(tmp_path, f"channel_rest:\n  - {{name: a, url_path: /a, service: api.x, {fields}}}")
    assert found.said == [
        f"enmasse.yaml:2: {key} of channel_rest 'a' is not understood here, and left out: '***'.",
        "enmasse.yaml:2: on of channel_rest 'a' is not understood here, and left out: "
        f"\"[{{'{key}': '***', 'user': 'ada'}}]\".",
    ]


def test_files_that_are_included_come_first_and_each_once(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "users.yaml").write_text(
        "security:\n  - {name: ada, type: basic_auth, password: '${ADA_PASSWORD}'}\n"
    )
    text = "include:\n  - parts/users.yaml\nchannel_rest:\n  - {name: a, url_path: /a, security: ada}\n"
    found = read(tmp_path, text)
    assert [(each.file, str(each.definition)) for each in found.items] == [
        ("parts/users.yaml", "Basic Auth 'ada'"),
        ("enmasse.yaml", "REST 'a'"),
    ]
    (tmp_path / "parts" / "users.yaml").write_text(
        "include: [../enmasse.yaml]\nsecurity:\n  - {name: ada, type: basic_auth}\n"
    )
    assert mistakes(tmp_path, text) == [
        "parts/users.yaml:1: include names '../enmasse.yaml', which is read already. Fix: include it once.",
        "parts/users.yaml:3: password of BasicAuth 'ada' is missing. Fix: add password: and its value.",
    ]


def test_what_is_written_is_what_zato_reads(tmp_path: Path) -> None:
    made = [
        BasicAuth("ada", password=secret("ADA_PASSWORD")),
        RESTChannel("api.x", limit="5/m"),
        CronJob("nightly", service="api.x", cron="0 2 * * *"),
    ]
    assert text_of(made, form="enmasse") == (
        "security:\n- name: ada\n  type: basic_auth\n  is_active: true\n  password: Zato_Enmasse_Env.ADA_PASSWORD\n"
        "  username: ada\n\n"
        "channel_rest:\n- name: api.x\n  rate_limit_def: 5/m\n  is_active: true\n  service: api.x\n"
        "  url_path: /api/x\n  security_name: zato-no-security\n  is_rate_limit_active: true\n"
        "  rate_limit_type: EXACT\n\n"
        "scheduler:\n- name: nightly\n  job_type: cron_style\n  service: api.x\n  cron_definition: 0 2 * * *\n"
        "  timezone: UTC\n  is_active: true\n"
    )


def test_every_section_makes_a_kind_that_there_is_and_no_other_section_does() -> None:
    assert {kind for section in SECTIONS.values() for kind in section.kinds.values()} <= kinds().keys()
    assert OTHERS & SECTIONS.keys() == set()
