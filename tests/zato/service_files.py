"""Small service files as people of Zato write them: what stands above the class, in it, and what it answers.

Each is one file: the imports, the attributes of the class, and the lines of `handle`. It is invoked with the dict
`{"id": 7, "name": "Ada"}`. They were written here; of each name in use there is at least one.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class File(NamedTuple):
    """One file of services."""

    above: str
    inside: str
    handle: str
    answer: Any


GIVEN = {"id": 7, "name": "Ada"}
F = File
FILES: dict[str, File] = {
    # Imports.
    "bunch": F("from bunch import Bunch", "", "return Bunch(a=1).a", 1),
    "bunchify": F("from bunch import bunchify", "", "return bunchify({'a': [{'b': 2}]}).a[0].b", 2),
    "debunchify": F("import bunch", "", "return type(bunch.debunchify(bunch.bunchify({}))).__name__", "dict"),
    "smtp_message": F("from zato.common import SMTPMessage", "", "return SMTPMessage.__name__", "SMTPMessage"),
    "smtp_message_api": F("from zato.common.api import SMTPMessage as M", "", "return M.__name__", "SMTPMessage"),
    "data_format": F("from zato.common import DATA_FORMAT", "", "return DATA_FORMAT.JSON", "json"),
    "data_format_api": F("from zato.common.api import DATA_FORMAT", "", "return DATA_FORMAT.XML", "xml"),
    "channel": F("from zato.common import CHANNEL", "", "return self.channel.type == CHANNEL.INVOKE", True),
    "scheduler": F("from zato.common.api import SCHEDULER", "", "return SCHEDULER.JOB_TYPE.CRON_STYLE", "cron_style"),
    "cache_type": F("from zato.common import CACHE", "", "return CACHE.TYPE.BUILTIN", "builtin"),
    "startup": F(
        "from zato.common.api import SERVER_STARTUP as P", "", "return P.PHASE.AFTER_STARTED", "after-started"
    ),
    "exception": F("from zato.common import ZatoException", "", "return str(ZatoException('cid', 'No'))", "No"),
    "exception_module": F("from zato.common.exception import ZatoException as Z", "", "return Z(msg='x').msg", "x"),
    "bad_request": F(
        "from zato.common.exception import BadRequest", "", "return BadRequest(self.cid, 'x').status", 400
    ),
    "not_found": F("from zato.common.exception import NotFound", "", "return NotFound(self.cid, 'x').details", "x"),
    "forbidden": F("from zato.common.exception import Forbidden", "", "return Forbidden(self.cid, 'x').status", 403),
    "as_bool": F("from zato.common.util import as_bool", "", "return as_bool('on')", True),
    "asbool": F("from zato.common.util.api import asbool", "", "return asbool('no')", False),
    "grouper": F(
        "from zato.common.util import grouper", "", "return list(grouper(2, 'abc', '-'))", [["a", "b"], ["c", "-"]]
    ),
    "new_cid": F("from zato.common.util.api import new_cid", "", "return len(new_cid())", 24),
    "json": F("from zato.common.json_internal import dumps, loads", "", "return loads(dumps([1]))", [1]),
    "json_long": F("from zato.common.json_internal import json_loads", "", "return json_loads('{}')", {}),
    "typing": F("from zato.common.typing_ import strlist, cast_", "", "return cast_(strlist, ['a'])", ["a"]),
    "typing_any": F(
        "from zato.common.typing_ import any_, anydict, strnone", "", "return strnone == (str | None)", True
    ),
    # Models.
    "model": F(
        "from zato.server.service import Model, dataclass\n@dataclass(init=False)\nclass Who(Model):\n    name: str",
        "input = Who",
        "return self.request.input.name",
        "Ada",
    ),
    "model_fields": F(
        "from zato.common.typing_ import anydict, anylist, dict_field, list_field\n"
        "from zato.server.service import Model, dataclass\n@dataclass\nclass All(Model):\n"
        "    a: anylist = list_field()\n    b: anylist = list_field()\n    c: anydict = dict_field()",
        "output = All",
        "made = All()\n        made.a.append(1)\n        return made",
        {"a": [1], "b": [], "c": {}},
    ),
    "model_list": F(
        "from zato.server.service import Model, dataclass, list_\n@dataclass(init=False)\nclass Part(Model):\n"
        "    n: int\n@dataclass(init=False)\nclass All(Model):\n    parts: list_[Part]",
        "output = All",
        "made = All()\n        made.parts = [Part()]\n        made.parts[0].n = 3\n        return made",
        {"parts": [{"n": 3}]},
    ),
    "model_optional": F(
        "from zato.server.service import Model, dataclass, optional\n@dataclass(init=False)\nclass Who(Model):\n"
        "    name: str\n    age: optional[int] = None",
        "input = Who",
        "return self.request.input.age",
        "",
    ),
    "model_to_dict": F(
        "from zato.server.service import Model, dataclass\n@dataclass\nclass Who(Model):\n    name: str",
        "",
        "return Who('Ada').to_dict()",
        {"name": "Ada"},
    ),
    "model_to_json": F(
        "from zato.server.service import Model, dataclass\n@dataclass\nclass Who(Model):\n    name: str",
        "",
        "return Who('Ada').to_json()",
        '{"name":"Ada"}',
    ),
    "model_of_marshal": F(
        "from zato.common.marshal_.api import Model\nfrom zato.common.typing_ import dataclass, intlist\n"
        "@dataclass(init=False)\nclass Who(Model):\n    name: str\n    scores: intlist\n    nick: str = 'none'",
        "",
        "who = Who.from_dict({'name': 'Ada', 'scores': [1]})\n        other = who.clone()\n"
        "        other.scores.append(2)\n        return [who.to_dict(), other.scores, who.get('x', 7)]",
        [{"name": "Ada", "scores": [1], "nick": "none"}, [1, 2], 7],
    ),
    "force_type": F("from zato.server.service import ForceType, Int", "", "return issubclass(Int, ForceType)", True),
    # SimpleIO.
    "int": F("from zato.server.service import Int", "input = Int('id')", "return self.request.input.id + 1", 8),
    "names": F("", "input = 'id', 'name', '-more'", "return self.request.input.name", "Ada"),
    "sio_class": F("", "class SimpleIO:\n        input_required = 'id'", "return self.request.input['id']", 7),
    "sio_both": F(
        "",
        "class SimpleIO:\n        output_required = ('id',)\n        response_elem = None",
        "self.response.payload.id = 5",
        {"id": 5},
    ),
    "date": F(
        "from zato.server.service import Date",
        "output = Date('d')",
        "self.response.payload.d = '2026-12-31'",
        {"d": "2026-12-31"},
    ),
    "csv": F(
        "from zato.server.service import CSV", "output = CSV('c')", "self.response.payload.c = 'a,b'", {"c": ["a", "b"]}
    ),
    "opaque": F("from zato.server.service import Opaque", "input = Opaque('id')", "return self.request.input.id", 7),
    "asis": F("from zato.server.service import AsIs", "input = AsIs('id')", "return self.request.input.id", 7),
    "bool": F(
        "from zato.server.service import Boolean", "input = Boolean('-on')", "return self.request.input.on", False
    ),
    "uuid": F("from zato.server.service import UUID", "input = UUID('-u')", "return self.request.input.u", ""),
    "output_rows": F("", "output = 'id'", "self.response.payload[:] = [{'id': 1}, {'id': 2}]", [{"id": 1}, {"id": 2}]),
    "nested": F(
        "from zato.server.service import Nested",
        "input = Nested('-who', 'id')",
        "return self.request.input.who",
        "",
    ),
    "date_format": F(
        "from zato.server.service import Date\nfrom datetime import date",
        "output = Date('d', format='%d.%m.%Y')",
        "self.response.payload.d = date(2026, 12, 31)",
        {"d": "31.12.2026"},
    ),
    "date_time_format": F(
        "from zato.server.service import DateTime",
        "input = DateTime('-t', '%H:%M')\n    output = '-t'",
        "return {'t': self.request.input.t}",
        {"t": ""},
    ),
    "sio_repeated": F(
        "",
        "class SimpleIO:\n        output_required = 'id'\n        output_repeated = True",
        "return {'id': 5}",
        [{"id": 5}],
    ),
    "sio_repeated_none": F("", "output = 'id'\n    output_repeated = True", "pass", []),
    "sio_wrapped": F(
        "",
        "class SimpleIO:\n        output_optional = 'id', 'b'\n        response_elem = 'response'",
        "self.response.payload.id = 5",
        {"response": {"id": 5}},
    ),
    "sio_defaults": F(
        "",
        "class SimpleIO:\n        input_optional = 'x'\n        output_optional = 'x', 'y'\n        "
        "default_input_value = 'none'\n        default_output_value = ''",
        "self.response.payload.x = self.request.input.x",
        {"x": "none", "y": ""},
    ),
    "sio_skips_empty": F(
        "",
        "class SimpleIO:\n        output_optional = 'a', 'b'\n        skip_empty_keys = True",
        "self.response.payload.a = ''\n        self.response.payload.b = '1'",
        {"b": "1"},
    ),
    "sio_on_the_class": F(
        "from zato.server.service import Int",
        "input_required = Int('id')\n    input_optional = 'x'\n    output_required = ('id',)",
        "self.response.payload.id = self.request.input.id + 1",
        {"id": 8},
    ),
    "sio_types": F(
        "from zato.server.service import Bool, CSV, Dict, Float, Int, List, ListOfDicts, Secret, Unicode, UTC",
        "input = (Bool('-a'), CSV('-b'), Float('-c', default=1.5), Int('-d'), List('-e'), Dict('-f', '-g'),\n"
        "             ListOfDicts('-h'), Secret('-i'), Unicode('-j'), UTC('-k'))",
        "return [self.request.input[each] for each in 'abcdefhijk']",
        [False, "", 1.5, "", "", "", "", "", "", ""],
    ),
    # Adapters and errors.
    "json_adapter": F(
        "from zato.server.service.adapter import JSONAdapter", "", "return issubclass(JSONAdapter, Service)", True
    ),
    "rest_adapter": F("from zato.server.service import RESTAdapter", "", "return RESTAdapter.method", "GET"),
    "adapter_params": F(
        "from zato.common import ADAPTER_PARAMS", "", "return ADAPTER_PARAMS.APPLY_AFTER_REQUEST", "apply-after-request"
    ),
    "internal_error": F(
        "from zato.common.exception import InternalServerError as E", "", "return E(self.cid, 'No').status", 500
    ),
    "http_exception": F(
        "from zato.common.exception import HTTPException", "", "return HTTPException(self.cid, 'No', 503).status", 503
    ),
    "unauthorized": F(
        "from zato.common.exception import Unauthorized",
        "",
        "return Unauthorized(self.cid, 'No', 'Basic realm=x').headers()",
        [["WWW-Authenticate", "Basic realm=x"]],
    ),
    # Ways out.
    "out_keys": F("", "", "return [*self.out.rest.keys(), *self.outgoing.plain_http, *self.email.smtp]", []),
    "out_in": F("", "", "return 'nope' in self.out.sql or 'nope' in self.cloud.dropbox", False),
    "out_get": F("", "", "return self.out.ftp.get('nope', 7)", 7),
    "rest_in": F("", "", "return 'nope' in self.rest", False),
    # self.
    "log_input": F("", "", "self.log_input('got')", ""),
    "log_output": F("", "", "self.response.payload = 'out'\n        self.log_output()", "out"),
    "wsgi_environ": F("", "", "return dict(self.wsgi_environ)", {}),
    "server_name": F("", "", "return self.server.name", "workbench"),
    "cluster_id": F("", "", "return self.server.cluster_id", 1),
    "ping": F("", "", "return self.invoke('zato.ping')", {"pong": "zato"}),
    "service_list": F("", "", "return len(self.invoke('zato.service.get-list')) > 60", True),
    "server_invoke": F("", "", "return self.server.invoke('my-data-format.s')", "json"),
    "user_config": F("", "", "return list(self.user_config)", []),
    "config": F("", "", "return list(self.server.user_config)", []),
    "own_name": F("", "", "return self.name", "my-own-name.s"),
    "chan": F("", "", "return self.chan.type", "invoke"),
    "sec": F("", "", "return self.channel.sec.name", ""),
    "format_of_channel": F("", "", "return self.data_format", "dict"),
    "transport": F("", "", "return self.transport", ""),
    "impl_name": F("", "", "return self.impl_name.rpartition('.')[2]", "S"),
    "processing_time": F("", "", "return 0 <= self.processing_time < 60_000", True),
    "invocation_time": F("", "", "return self.invocation_time.tzinfo is not None", True),
    "fs_server_config": F("", "", "return self.server.fs_server_config.component_enabled.sql", True),
    "environ_of_a_call": F("", "", "self.environ['x'] = 1\n        return self.environ", {"x": 1}),
    "lock": F("", "", "with self.lock('mine', ttl=5):\n            return 'held'", "held"),
    "invoke_retry": F(
        "",
        "",
        "return self.patterns.invoke_retry.invoke('my-data-format.s', repeats=2, seconds=1)",
        "json",
    ),
    "fanout": F(
        "",
        "",
        "return self.patterns.fanout.invoke({'my-int.s': {'id': 1}, 'my-chan.s': ''}, 'my-all.s', cid='mine')",
        "mine",
    ),
    "parallel": F(
        "from zato.common.api import CHANNEL",
        "",
        "if self.channel.type == CHANNEL.PARALLEL_EXEC_ON_TARGET:\n            return self.request.payload['target']\n"
        "        cid = self.patterns.parallel.invoke({'my-chan.s': ''}, on_target=[self])\n"
        "        return cid == self.cid",
        True,
    ),
    "all": F("", "", "return [each['target'] for each in self.request.payload.get('data', [])]", []),
    "encrypt": F(
        "",
        "",
        "encrypted = self.crypto.encrypt('a b')\n        return self.crypto.decrypt(encrypted.decode('utf8'))",
        "a b",
    ),
    "hash_secret": F(
        "", "", "return self.crypto.verify_hash('pass', self.crypto.hash_secret('pass', name='zato.default'))", True
    ),
    "generate": F(
        "",
        "",
        "return len(self.crypto.generate_secret(bits=256)), len(self.crypto.generate_password(to_str=True))",
        [44, 32],
    ),
    "schedule": F("", "", "return self.schedule.onetime(self, 'my-int.s', name='once', after_minutes=60)", "once"),
    "invoke_async": F("", "", "return len(self.invoke_async('my-int.s', {'id': 1}, expiration=15))", 24),
    "time_in_words": F("", "", "return self.time.reformat('31.12.2026', 'DD.MM.YYYY', 'YYYY-MM-DD')", "2026-12-31"),
    "time_later": F("", "", "return self.time.one_day_from('2026-12-31')", "2027-01-01"),
    "iso_now": F("", "", "return self.time.isonow()[-6:]", "+00:00"),
    "processing_time_raw": F("", "", "return self.processing_time_raw.total_seconds() < 60", True),
    "own_server": F("", "", "self.server = self.transport = 'mine'\n        return self.server", "mine"),
    "request_cid": F("", "", "return self.request.cid == self.cid", True),
    "bunchified": F("", "", "return self.request.bunchified().name", "Ada"),
    "to_bunch": F("", "", "return self.request.to_bunch().id", 7),
    "as_bunch": F("", "", "return self.invoke('my-model-to-dict.s', as_bunch=True).name", "Ada"),
    "reformat": F("", "", "return self.time.reformat('31.12.2026', '%d.%m.%Y', '%Y-%m-%d')", "2026-12-31"),
    "text": F("", "", "return self.request.input.require_any('nope', 'name')", "Ada"),
    "environ": F("import os", "", "return 'PATH' in os.environ", True),
}
"""By the name of the file, without `my_` and `.py`."""

MISSING = {
    "odb": "a SQL connection of yours",
    "pubsub": "self.invoke_async(name, payload)",
    "server.decrypt": "self.crypto.decrypt(data)",
    "sms": "self.out.sms.twilio['name']",
    "server.odb": "a SQL connection of yours",
    "server.kvdb": "self.kvdb.conn.set",
    "server.service_store": "self.invoke(name, payload)",
    "request.headers": "self.request.http.headers['X-Name']",
    "request.amqp": "self.request.payload",
    "static_config": "[user] in workbench.toml",
}
"""What is not there, and a part of what is said to write instead."""


def text_of(file: File) -> str:
    """The text of a file."""
    return (
        f"from zato.server.service import Service\n{file.above}\n\nclass S(Service):\n    {file.inside or 'pass'}\n\n"
        f"    def handle(self):\n        {file.handle}\n"
    )
