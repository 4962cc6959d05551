"""What services written for Zato find otherwise here, as rows: errors quote them, and so do tables of what differs.

The one list of it; the last cell of notebooks/09-coming-from-zato.ipynb shows all, and is run again with a change. A
row with `lacks` is about a name that is not served; any other about one that is, and behaves otherwise. Names are as a
service file writes them: `self.odb`, `self.out.ldap`, `zato.sso`, `SimpleIO.request_elem`.

Source: names and behaviour of Zato 3.1, 3.2 and 4, as in its documentation and public services.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Difference(NamedTuple):
    """One row.

    Args:
        name: As a service file writes it.
        differs: What is otherwise here, or why the name is not; a clause.
        instead: What to write instead; '' where nothing need change.
        lacks: Whether the name is not served.
    """

    name: str
    differs: str
    instead: str
    lacks: bool = True

    @property
    def sentence(self) -> str:
        """All of it, for a person."""
        said = f"There is no {self.name}: {self.differs}." if self.lacks else f"{self.name}: {self.differs}."
        return f"{said} Fix: {self.instead}" if self.instead else said


_ON_SELF = (
    ("amqp", "AMQP comes later", "call its library, kombu, in the service"),
    ("audit_pii", "there is no audit log", "self.logger.info(...)"),
    ("aws", "what there is of AWS is S3", "self.cloud.aws.s3['name']"),
    ("broker_client", "there is no broker", "self.invoke_async(name, payload)"),
    ("commands", "services run no shell commands by it", "subprocess.run([...], timeout=60)"),
    ("definition", "definitions are not reached by services", "self.out.<kind>['name'] is the connection"),
    ("es", "search engines come later", "self.out.rest['name'] and the engine's REST API"),
    ("fhir", "FHIR comes later", "self.out.rest['name'] and the server's REST API"),
    ("ftp", "connections are found by kind", "self.out.ftp['name']"),
    ("grpc", "gRPC comes later", "call its library, grpcio, in the service"),
    ("ibm_mq", "IBM MQ comes later", "call its library, ibmmq, in the service"),
    ("im", "chat comes later", "self.out.rest['name'] and the chat's REST API"),
    ("invoke_by_id", "services have no numbers", "self.invoke(name, payload)"),
    ("invoke_by_impl_name", "services are called by name", "self.invoke(name, payload)"),
    ("keysight", "that device is not a kind of connection", "self.out.rest['name']"),
    ("llm", "language models are REST connections", "self.out.rest['name'] and the model's REST API"),
    ("metrics", "what is counted is in wb.traffic", "self.logger.info(...)"),
    ("microsoft", "Microsoft 365 is a REST API", "self.out.rest['name']"),
    ("mllp", "HL7 comes later", "call its library, hl7, in the service"),
    ("mongodb", "MongoDB comes later", "call its library, pymongo, in the service"),
    ("new_instance", "an instance is one call", "self.invoke(name, payload)"),
    ("odata", "OData comes later", "self.out.rest['name'] and the server's REST API"),
    ("odb", "there is no database of a server", "a SQL connection of yours: self.out.sql['name'].session()"),
    ("publish", "topics come later", "self.invoke_async(name, payload)"),
    ("pubsub", "topics come later", "self.invoke_async(name, payload)"),
    ("redis", "Redis is always there, as kvdb", "self.kvdb.conn.set(key, value)"),
    ("rules", "there is no rule engine", "plain Python, or a service of its own"),
    ("run_in_thread", "a service has a thread of its own", "call the function; self.invoke_async for background work"),
    ("salesforce", "Salesforce is a REST API", "self.out.rest['name']"),
    ("sap", "SAP comes later", "call its library, pyrfc, in the service"),
    ("search", "search engines come later", "self.out.rest['name'] and the engine's REST API"),
    ("security", "users are told of the channel", "self.channel.security.name; secret('NAME') for secrets"),
    ("sftp", "connections are found by kind", "self.out.sftp['name']"),
    ("slack", "chat comes later", "self.out.rest['name'] and the chat's REST API"),
    ("sleep", "a thread of this service alone waits", "time.sleep(seconds), from time"),
    ("sms", "SMS is a way out", "self.out.sms.twilio['name']"),
    ("spawn", "a service has a thread of its own", "self.invoke_async(name, payload)"),
    ("sso", "there is no single sign-on", "BasicAuth and APIKey on the channel; self.channel.security"),
    ("static_config", "there is no static configuration", "[user] in workbench.toml, which is self.user_config"),
    ("translate", "there are no data dictionaries", "self.kvdb.conn.hget(name, key)"),
    ("usage", "calls of a service are told by the workbench", "wb.traffic in a cell, workbench traffic in a terminal"),
    ("vault", "Vault comes later", "secret('NAME'), from the environment or .env"),
)

_BELOW_SELF = (
    ("request.amqp", "AMQP comes later", "self.request.payload, of a RESTChannel or FileChannel"),
    ("request.headers", "headers are those of HTTP", "self.request.http.headers['X-Name']"),
    ("request.hl7", "HL7 comes later", "self.request.raw_request, and its library, hl7"),
    (
        "request.ibm_mq",
        "IBM MQ comes later",
        "self.request.payload, of a RESTChannel or FileChannel",
    ),
    ("request.merge_channel_params", "parameters of path and query always win over the body", "leave it out"),
    ("request.soap", "a SOAPChannel parses the envelope", "self.request.payload"),
    ("request.wmq", "IBM MQ comes later", "self.request.payload, of a RESTChannel or FileChannel"),
    ("server.base_dir", "there is no folder of a server", "pathlib.Path.cwd(), the folder of the notebook"),
    ("server.cache_api", "caches are on the service", "self.cache.default, self.cache.get_cache('builtin', 'name')"),
    ("server.decrypt", "it is on the service", "self.crypto.decrypt(data)"),
    ("server.encrypt", "it is on the service", "self.crypto.encrypt(data)"),
    ("server.invoke_async", "background work is the service's", "self.invoke_async(name, payload)"),
    ("server.kvdb", "Redis is on the service", "self.kvdb.conn.set(key, value)"),
    ("server.odb", "there is no database of a server", "a SQL connection of yours: self.out.sql['name'].session()"),
    ("server.repo_location", "there is no repository of a server", "self.user_config, from [user] in workbench.toml"),
    (
        "server.service_store",
        "services are called by name",
        "self.invoke(name, payload); wb.services lists them",
    ),
    ("server.sso_api", "there is no single sign-on", "BasicAuth and APIKey on the channel; self.channel.security"),
    ("server.worker_store", "connections are on the service", "self.out.rest['name'], self.out.sql['name']"),
)

_WAYS = (
    ("out.cache", "caches are beside the ways out", "self.cache.default, self.cache.get_cache('builtin', 'name')"),
    ("out.es", "search engines come later", "self.out.rest['name'] and the engine's REST API"),
    ("out.hl7", "HL7 comes later", "call its library, hl7, in the service"),
    ("out.jms_wmq", "IBM MQ comes later", "call its library, ibmmq, in the service"),
    ("out.kafka", "Kafka comes later", "call its library, confluent-kafka, in the service"),
    ("out.kvdb", "Redis is always there, as kvdb", "self.kvdb.conn.set(key, value)"),
    ("out.ldap", "LDAP comes later", "call its library, ldap3, in the service"),
    ("out.redis", "Redis is always there, as kvdb", "self.kvdb.conn.set(key, value)"),
    ("out.sap", "SAP comes later", "call its library, pyrfc, in the service"),
    ("out.smb", "shared folders are mounted by the system", "self.out.folder['name'], or the library smbprotocol"),
    ("out.stomp", "STOMP comes later", "call its library, stomp.py, in the service"),
    ("out.vault", "Vault comes later", "secret('NAME'), from the environment or .env"),
    ("out.websphere_mq", "IBM MQ comes later", "call its library, ibmmq, in the service"),
    ("out.wsx", "a service opens no WebSocket by it", "self.wsx.channel['name'].broadcast(data) for clients of ours"),
    ("cloud.confluence", "Confluence is a REST API", "self.out.rest['name']"),
    ("cloud.google_drive", "Google Drive is a REST API", "self.out.rest['name']"),
    ("cloud.jira", "Jira is a REST API", "self.out.rest['name']"),
    ("cloud.microsoft_365", "Microsoft 365 is a REST API", "self.out.rest['name']"),
    ("cloud.openstack", "Swift comes later", "call its library, python-swiftclient, in the service"),
    ("cloud.salesforce", "Salesforce is a REST API", "self.out.rest['name']"),
)

_IMPORTS = (
    ("zato.apitest", "that is a program of its own", "workbench test, and wb.expect in a cell"),
    ("zato.client", "that is a package of its own", "pip install requests, or wb.call('GET /path') in a cell"),
    ("zato.common.broker_message", "there is no broker", "self.invoke_async(name, payload)"),
    ("zato.common.crypto", "it is on the service", "self.crypto, in a service"),
    ("zato.common.dispatch", "there are no events by that name", "self.invoke(name, payload)"),
    ("zato.common.odb", "there is no database of a server", "a SQL connection of yours: self.out.sql['name']"),
    ("zato.common.pubsub", "topics come later", "self.invoke_async(name, payload)"),
    ("zato.common.test", "tests are cells, or pytest with the plugin", "wb.expect, and workbench test"),
    ("zato.sso", "there is no single sign-on", "BasicAuth and APIKey on the channel; self.channel.security"),
    ("zato.testing", "tests are cells, or pytest with the plugin", "wb.invoke(name, payload), and workbench test"),
    ("PUBSUB", "topics come later", "self.invoke_async(name, payload)"),
    ("PubSubHook", "topics come later", "a service that is called before: self.invoke(name, payload)"),
    ("PubSubMessage", "topics come later", "a dict: self.invoke_async(name, payload)"),
    ("WSXAdapter", "a service opens no WebSocket by it", "wb.websocket, or the library websockets"),
    ("AdminService", "there is no server to administer", "Service, and the zato.* services for what they do"),
    ("AdminSIO", "there is no server to administer", "class SimpleIO without a base"),
)

_ADAPTER = (
    *(
        (name, "a connection has its own credentials", "username= and password=, or api_key=, on the RESTConnection")
        for name in ("sec_def_name", "get_sec_def_name")
    ),
    *(
        (name, "OAuth tokens are not fetched by themselves", "def get_auth_bearer(self): return the token")
        for name in ("auth_scopes", "get_auth_scopes")
    ),
)

_SIMPLE_IO = (
    ("XML", "SimpleIO writes no XML", "response.payload as text, and response.content_type"),
    ("CSV", "SimpleIO writes no CSV", "response.payload as text, and response.content_type"),
    ("request_elem", "the input is read from the top of the body", "leave it out"),
    ("namespace", "there is no XML in SimpleIO", "leave it out"),
    ("SkipEmpty", "what is empty is told without a class", "skip_empty_keys and force_empty_keys in class SimpleIO"),
    ("params_pri", "parameters of path and query win over the body", "leave it out"),
)

_OTHERWISE = (
    (
        "SimpleIO.response_elem",
        "an answer stands in an element of that name only where the class sets it; Zato's default is 'response'",
        "response_elem = 'response'",
    ),
    (
        "SimpleIO.output_optional",
        "an element that is not set is left out of the answer, where Zato writes ''",
        "default_output_value = ''",
    ),
    (
        "self.request.input",
        "without a declaration it has all that came; in Zato 3 it is None",
        "",
    ),
    (
        "a missing or wrong input element",
        "the caller gets 400, which names every one; in Zato most of them are 500",
        "",
    ),
    (
        "invalid JSON",
        "the caller gets 400; in Zato 3.2 the payload is the raw bytes",
        "",
    ),
    (
        "a text answer of a JSON channel",
        "it is application/json where the channel itself says data_format='json'; where nothing is said, it is "
        "text/plain, though bodies are read as JSON",
        "RESTChannel('name', data_format='json'), or self.response.content_type",
    ),
    (
        "a REST channel without data_format",
        "its bodies are read as JSON, where Zato leaves them bytes",
        "RESTChannel('name', data_format='raw'), or self.request.raw_request",
    ),
    (
        "self.request.raw_request",
        "text is also in self.request.text, decoded by the charset that the caller names",
        "",
    ),
    (
        "self.invoke(timeout=)",
        "a thread cannot be stopped, so it is refused",
        "a timeout on what that service waits for, or the channel's timeout_seconds",
    ),
    (
        "self.invoke(transport=)",
        "it is a call in this process, so it is refused",
        "leave transport out",
    ),
    (
        "self.invoke_async(cid=), self.invoke_async(environ=), self.invoke_async(channel=)",
        "the other service has its own, so they are refused, as are data_format and transport",
        "the payload, for what that service has to know",
    ),
    (
        "self.invoke_async(expiration=)",
        "it has no effect, as the other service begins at once",
        "",
    ),
    (
        "self.patterns.fanout, self.patterns.parallel",
        "each service runs under a CID of its own; the one that is returned is cid in what callbacks get",
        "self.request.payload['cid'], in a callback",
    ),
    (
        "self.crypto",
        "its key is the secret WORKBENCH_CRYPTO_KEY, which may be Zato's secret key; hashes have 210,000 rounds, where "
        "Zato has 100,000, and those of Zato are verified",
        "WORKBENCH_CRYPTO_KEY=... in the environment or .env",
    ),
    (
        "self.environ",
        "it is a dict of this call alone, and nobody else fills it",
        "the payload, for what another service has to know",
    ),
    (
        "self.server.fs_server_config",
        "it has server.conf beside the notebook, and port, Redis and switches as they are in force",
        "",
    ),
    (
        "self.lock",
        "it is one of Redis, by the service's name if none is given; redis's LockError if it is not free in time",
        "",
    ),
    (
        "self.out.sql, self.outgoing.sql",
        "rows of its sessions are those of SQLAlchemy 2, which are no dicts",
        "row.name or row._mapping['name'], where row['name'] stood",
    ),
    (
        "self.out.sftp, self.outgoing.sftp",
        "write, upload and download of its connections take the path there first, as of all that keep files",
        "conn.write(path, data), conn.upload(path, local), conn.download(path, local)",
    ),
    (
        "Date('x'), DateTime('x')",
        "they read ISO 8601, where Zato takes what looks like a date",
        "Date('x', format='%d.%m.%Y')",
    ),
    (
        "Secret('x')",
        "the input has the value itself, which is masked wherever it is shown; in Zato 3 it is encrypted",
        "",
    ),
    (
        "Model.after_created",
        "it is not called",
        "def __post_init__(self), as of any dataclass",
    ),
    (
        "RESTAdapter.max_retries, retry_sleep_time, ...",
        "the connection itself tries again",
        "retries=... on the RESTConnection",
    ),
    (
        "a service without handle for the method",
        "self.invoke of it raises, where Zato answers 405 and runs nothing",
        "a handle method beside handle_GET",
    ),
    (
        "after_handle",
        "it runs also when handle has raised",
        "",
    ),
    (
        "before_job, before_cron_style_job, ...",
        "each runs for its own kind of job alone",
        "",
    ),
    (
        "a job's extra",
        "JSON is read, and other text is the payload as it is; Zato 3.1 reads none, 3.2 also lines of key=value",
        "self.request.raw_request, for the text itself",
    ),
    (
        "cron jobs",
        "they run in the time zone that the job names, in UTC if it names none; in Zato always in UTC",
        "",
    ),
    (
        "limits",
        "they are asked in the order channel, user, service; in Zato the user is first",
        "",
    ),
    (
        "errors that are not for callers",
        "the caller learns 'Internal Server Error' and the CID; the traceback is in wb.log",
        "raise BadRequest(self.cid, 'words for the caller')",
    ),
    (
        "an error of an invoked service",
        "Conflict and ServiceUnavailable keep their status (409, 503), where Zato 3.2 answers 500",
        "",
    ),
    (
        "X-Zato-CID",
        "each answer has it; in Zato 3.2 and 4 only where the server is told so",
        "",
    ),
)


def _rows() -> Iterator[Difference]:
    for name, differs, instead in (*_ON_SELF, *_BELOW_SELF, *_WAYS):
        yield Difference(f"self.{name}", differs, instead)
    for name, differs, instead in _IMPORTS:
        yield Difference(name, differs, instead)
    for name, differs, instead in _ADAPTER:
        yield Difference(f"RESTAdapter.{name}", differs, instead)
    for name, differs, instead in _SIMPLE_IO:
        yield Difference(f"SimpleIO.{name}", differs, instead)
    for name, differs, instead in _OTHERWISE:
        yield Difference(name, differs, instead, lacks=False)


DIFFERENCES = tuple(_rows())
"""Every row: first what is not here, then what behaves otherwise."""

LACKING = {row.name: row for row in DIFFERENCES if row.lacks}
"""Names that are not served, each with its row."""


def no_attribute(owner: str, name: str, there: Iterable[str]) -> AttributeError:
    """The error of an attribute that is not there: what to write instead where that is known, else what there is.

    Args:
        owner: What has it not, as `self.server`.
        name: The attribute.
        there: The attributes that there are.
    """
    if (row := LACKING.get(f"{owner}.{name}")) is not None:
        return AttributeError(row.sentence)
    return AttributeError(f"There is no {owner}.{name}; there are: {', '.join(sorted(there))}. Fix: use one of these")
