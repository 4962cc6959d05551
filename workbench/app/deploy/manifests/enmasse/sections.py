"""Sections of enmasse files, one row each: which definitions they hold, and what Zato calls their fields.

Source: names of sections and fields in zato-cli 3.1, 3.2 and 4, `zato/cli/enmasse`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


def _same(value: Any) -> Any:
    return value


class Field(NamedTuple):
    """What a field of Zato's is here: its name, and its value one way and the other."""

    own: str
    read: Callable[[Any], Any] = _same
    write: Callable[[Any], Any] = _same


class Section(NamedTuple):
    """One section.

    Args:
        kinds: The definition's class, by what the fields of `chosen_by` say; with none, there is one.
        chosen_by: Zato's fields that say which class is meant.
        fields: Zato's names of fields that have another name or value here; of several, the first that reads back as
            it was is written.
        fixed: Fields that say what is so anyway, each with the values that are so; with none, any is.
    """

    kinds: Mapping[tuple[str, ...], str]
    chosen_by: tuple[str, ...] = ()
    fields: Mapping[str, Field] = {}
    fixed: Mapping[str, tuple[Any, ...]] = {}


def _pairs(value: Any) -> Any:
    """`key=value`, in a list or a line each, as a mapping."""
    if isinstance(value, str):
        value = [line.strip() for line in value.splitlines() if line.strip()]
    if isinstance(value, list) and all(isinstance(each, str) and "=" in each for each in value):
        return {key.strip(): said for key, _, said in (each.partition("=") for each in value)}
    return value


def _as_pairs(value: Any) -> Any:
    pairs = [f"{key}={said}" for key, said in value.items()]
    return pairs if _pairs(pairs) == value else value


def _lines(value: Any) -> Any:
    """A list of lines as a text, which Zato 4 makes of it."""
    return "\n".join(value) if isinstance(value, list) and all(isinstance(each, str) for each in value) else value


def _nobody(value: Any) -> Any:
    return "" if value == "zato-no-security" else value


def _somebody(value: Any) -> Any:
    return value or "zato-no-security"


ANYWHERE: Mapping[str, tuple[Any, ...]] = {
    **dict.fromkeys(("id", "cluster_id", "cluster_name", "service_id", "security_id", "sec_type", "opaque1"), ()),
    **{"is_internal": (False,), "is_active": (True,), "has_rbac": (False,), "is_audit_log_active": (False,)},
    **{"should_include_in_openapi": (True,), "cache_id": (), "cache_type": (), "rate_limit_check_parent_def": (False,)},
    **{"is_rate_limit_active": (True, False), "rate_limit_type": ("EXACT",), "hl7_version": ()},
}
"""Fields that any section may have, and what they may say."""

_NAMED = {name: Field("security", _nobody, _somebody) for name in ("security_name", "security")}
_LIMITED = {"rate_limit_def": Field("limit")}
_OF_CHANNELS = {
    "url_path": Field("path"),
    "is_active": Field("active"),
    "timeout": Field("timeout_seconds"),
    **_NAMED,
    **_LIMITED,
}
_CHANNEL_FIXED: Mapping[str, tuple[Any, ...]] = {
    "connection": ("channel",),
    "transport": ("plain_http", "soap"),
    "merge_url_params_req": (True,),
    "params_pri": ("path-over-qs", "channel-params-over-msg"),
    "url_params_pri": ("path-over-qs",),
    "content_encoding": (),
    "serialization_type": ("string",),
    "ping_method": (),
}
_TIMED = {"timeout": Field("timeout_seconds"), "username": Field("username"), "user": Field("username")}
_REST_OUT = Section(
    {(): "RESTConnection"},
    fields={"url_path": Field("path"), "tls_verify": Field("verify_tls"), **_TIMED},
    fixed={
        "connection": ("outgoing",),
        "transport": ("plain_http",),
        "merge_url_params_req": (True,),
        "serialization_type": ("string",),
        "content_encoding": (),
    },
)
_SOAP_OUT = Section(
    {(): "SOAPConnection"},
    fields={
        "url_path": Field("wsdl"),
        "tls_verify": Field("verify_tls"),
        **_TIMED,
    },
    fixed={
        "connection": ("outgoing",),
        "transport": ("soap",),
        "merge_url_params_req": (True,),
        "serialization_type": ("suds",),
        "content_encoding": (),
        "soap_action": (),
        "soap_version": ("1.1",),
        "ping_method": (),
    },
)
_REST_IN = Section({(): "RESTChannel"}, fields=_OF_CHANNELS, fixed=_CHANNEL_FIXED)
_SOAP_IN = Section({(): "SOAPChannel"}, fields=_OF_CHANNELS, fixed=_CHANNEL_FIXED)
_SECURITY = Section(
    {("basic_auth",): "BasicAuth", ("apikey",): "APIKey"},
    ("type",),
    {"password": Field("key"), **_LIMITED},
)
_SCHEDULER = Section(
    {("one_time",): "OneTimeJob", ("interval_based",): "IntervalJob", ("cron_style",): "CronJob"},
    ("job_type",),
    {
        "start_date": Field("start", str),
        "cron_definition": Field("cron"),
        "is_active": Field("active"),
        "extra": Field("extra", _lines),
        "extra_list": Field("extra"),
    },
)
_SQL = Section(
    {(): "SQLConnection"},
    fields={
        "type": Field("engine"),
        "db_name": Field("database"),
        "extra": Field("extra", _pairs, _as_pairs),
        **_TIMED,
    },
)
_FTP = Section(
    {(): "FTPConnection"},
    fields={
        "acct": Field("account"),
        "use_ssl": Field("tls", lambda value: "explicit" if value else "off", lambda value: value == "explicit"),
        **_TIMED,
    },
    fixed={"dircache": (False,)},
)
_SFTP = Section({(): "SFTPConnection"}, fields=_TIMED)
_SMTP = Section({(): "SMTPConnection"}, fields=_TIMED, fixed={"is_debug": (False,), "ping_address": ()})
_IMAP = Section(
    {(): "IMAPConnection"},
    fields={"get_criteria": Field("get_criteria", lambda value: None if value in ("{}", {}) else value), **_TIMED},
    fixed={"debug_level": (0,), "server_type": ("generic",)},
)
_CACHE = Section(
    {(): "Cache"},
    fixed={
        "sync_method": ("no-sync", "in-background"),
        "persistent_storage": ("no-persistent-storage",),
        "cache_type": ("builtin",),
    },
)
_S3 = Section(
    {(): "S3Connection"},
    fields={**_TIMED, "username": Field("access_key"), "password": Field("secret_key")},
)
_JSON_RPC = Section(
    {(): "JSONRPCChannel"}, fields={"service_whitelist": Field("services"), **_OF_CHANNELS}, fixed=_CHANNEL_FIXED
)
_TWILIO = Section({(): "TwilioConnection"}, fields=_TIMED)
_ZMQ = Section({(): "ZeroMQConnection"}, fields=_TIMED, fixed={"pool_strategy": ()})
_GENERIC = Section({("cloud-dropbox",): "DropboxConnection"}, ("type_",), _TIMED, {"pool_size": ()})

SECTIONS: Mapping[str, Section] = {
    **dict.fromkeys(("security", "def_sec"), _SECURITY),
    **dict.fromkeys(("channel_rest", "channel_plain_http"), _REST_IN),
    "channel_soap": _SOAP_IN,
    **dict.fromkeys(("json_rpc", "channel_json_rpc"), _JSON_RPC),
    **dict.fromkeys(("outgoing_rest", "outconn_plain_http"), _REST_OUT),
    **dict.fromkeys(("outgoing_soap", "outconn_soap"), _SOAP_OUT),
    "scheduler": _SCHEDULER,
    **dict.fromkeys(("sql", "outconn_sql"), _SQL),
    **dict.fromkeys(("ftp", "outconn_ftp", "outgoing_ftp"), _FTP),
    **dict.fromkeys(("sftp", "outconn_sftp", "outgoing_sftp"), _SFTP),
    "email_smtp": _SMTP,
    "email_imap": _IMAP,
    **dict.fromkeys(("zato_cache_builtin", "cache_builtin"), _CACHE),
    **dict.fromkeys(("cloud_aws_s3", "aws_s3"), _S3),
    "sms_twilio": _TWILIO,
    **dict.fromkeys(("outconn_zmq", "outgoing_zmq"), _ZMQ),
    "zato_generic_connection": _GENERIC,
}
"""What is read of an enmasse file; of several names of a section the first is written."""

OTHERS = frozenset(
    (
        *("quota_tier", "groups", "security_groups", "channel_as4", "ldap", "llm", "odata", "sap", "mongodb", "slack"),
        *("outgoing_as2", "outgoing_as4", "microsoft_cloud", "microsoft_fabric"),
        *("microsoft_power_automate", "microsoft_teams", "confluence", "jira", "salesforce", "channel_ibm_mq"),
        *("outgoing_ibm_mq", "channel_amqp", "outgoing_amqp", "channel_azure_service_bus", "channel_kafka"),
        *("outgoing_azure_service_bus", "mcp_gateway", "rule_engine_api", "outgoing_graphql", "outgoing_grpc"),
        *("outgoing_kafka", "channel_mllp", "outgoing_mllp", "outgoing_fhir", "odoo", "elastic_search", "smb"),
        *("pubsub_topic", "pubsub_permission", "pubsub_subscription", "pubsub_endpoint", "channel_openapi"),
        *("alert_rules", "alert_notifications", "audit_retention", "audit_extraction", "web_socket"),
        *("channel_web_socket", "outgoing_ldap", "outgoing_wsx", "outconn_ldap", "outconn_amqp", "outconn_odoo"),
        *("def_amqp", "def_cassandra", "def_jms_wmq", "query_cassandra", "search_es", "search_solr", "notif_sql"),
        *("channel_jms_wmq", "channel_zmq", "outconn_jms_wmq", "outconn_sap", "outconn_mongodb"),
        *("rbac_permission", "rbac_role", "rbac_client_role", "rbac_role_permission", "def_namespace", "vault_conn"),
        *("zato_cache_memcached", "openstack_swift", "cloud_openstack_swift", "http_soap", "sms"),
    )
)
"""Further sections of Zato's, which hold nothing that there is here."""
