"""Zato's `zato.server.service.adapter`: services that are one call of a REST connection, told by class attributes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import GenericAlias
from typing import Any, ClassVar, get_origin

from workbench.connections.rest.answer import LONGEST_QUOTED, parsed
from workbench.core.errors import CallerError, ConnectionFailed, InvalidInput, ServiceUsage
from workbench.core.payload import typed
from workbench.core.payload.differences import LACKING
from workbench.core.payload.response import encode_json
from workbench.core.service import Service
from workbench.zato.common import ADAPTER_PARAMS


class JSONAdapter(Service):
    """A service that sends its payload to a REST connection as JSON, and answers what comes back.

    A payload with a true `echo` is answered as it is, and with a true `dry-run` what would be sent.

    Attributes:
        outconn: Name of the REST connection.
        method: HTTP method.
        params_to_qs: Whether the payload goes into the query, and not into the body.
        force_in_qs: Names in the payload that go into the query in any case.
        params: What is sent besides the payload.
        apply_params: Which wins of the two, a word of `ADAPTER_PARAMS`.
        load_response: Whether the answer is read as JSON; else it is text.
        raise_error_on: How the statuses begin that are errors, which the caller gets with their words.
    """

    outconn: ClassVar[str] = ""
    method: ClassVar[str] = ""
    params_to_qs: ClassVar[bool] = False
    force_in_qs: ClassVar[Sequence[str]] = ()
    params: ClassVar[Mapping[str, Any]] = {}
    apply_params: ClassVar[str] = ADAPTER_PARAMS.APPLY_AFTER_REQUEST
    load_response: ClassVar[bool] = True
    raise_error_on: ClassVar[Sequence[str]] = ("4", "5")

    def get_call_params(self) -> dict[str, Any]:
        """`params` and `data` of the call."""
        given = {key: value for key, value in self._given.items() if key not in ("echo", "dry-run")}
        in_query = {name: given.pop(name, "") for name in self.force_in_qs}
        after = self.apply_params == ADAPTER_PARAMS.APPLY_AFTER_REQUEST
        sent = {**given, **self.params} if after else {**self.params, **given}
        if self.params_to_qs:
            return {"params": {**in_query, **sent}}
        return {"params": in_query, "data": encode_json(sent).decode()}

    @property
    def _given(self) -> Mapping[str, Any]:
        payload = self.request.payload
        if payload and not isinstance(payload, Mapping):
            raise ServiceUsage(
                f"Service {self._call.service!r} is a JSONAdapter and was given a {type(payload).__name__}. "
                f"Fix: send an object, {{...}}."
            )
        return payload or {}

    def handle(self) -> Any:
        """Make the call."""
        if self._given.get("echo"):
            return {key: value for key, value in self._given.items() if key != "echo"}
        asked = self.get_call_params()
        if self._given.get("dry-run"):
            return asked
        conn = self.out.rest[_told(self, "outconn", self.outconn)].conn
        response = conn.call(_told(self, "method", self.method).upper(), self.cid, **asked)
        if str(response.status_code).startswith(tuple(self.raise_error_on)):
            raise CallerError(self.cid, response.text, response.status_code)
        return _read(self, response) if self.load_response else response.text


class RESTAdapter(Service):
    """A service that calls a REST connection and answers what comes back; each part of the call may be a method.

    Methods that are there take the place of the attribute of that name: `get_conn_name()`, `get_method()`,
    `get_request()`, `get_query_string(params)`, `get_path_params(params)`, `get_headers()`, `get_auth_bearer()`.
    `map_response(data, **kwargs)` makes the answer of what came back; a dict or list of dicts is first read as `model`.

    Attributes:
        conn_name: Name of the REST connection.
        method: HTTP method.
        model: A dataclass or Model, or a list of one, that the answer is read as.
        has_query_string_id: Whether the input's `query_string_id_param` (usually `id`) goes into the query.
        has_json_id: Whether the input's `json_id_param` (usually `id`) is the body, as an object.
        log_response: Whether what came back is logged.
        needs_raw_response: Whether `map_response`, or the caller, gets the whole response.
    """

    _not_read: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("max_retries", "retry_sleep_time"), "retries=... on the RESTConnection"),
        **dict.fromkeys(("retry_backoff_threshold", "retry_backoff_multiplier"), "retries=... on the RESTConnection"),
    }

    conn_name: ClassVar[str] = ""
    method: ClassVar[str] = "GET"
    model: ClassVar[Any] = None
    has_query_string_id: ClassVar[bool] = False
    query_string_id_param: ClassVar[str | None] = None
    has_json_id: ClassVar[bool] = False
    json_id_param: ClassVar[str | None] = None
    log_response: ClassVar[bool] = False
    needs_raw_response: ClassVar[bool] = False
    sec_def_name: ClassVar[str | None] = None
    auth_scopes: ClassVar[str] = ""

    # Of any type, since a class has methods there or leaves them out.
    get_conn_name: Any = None
    get_method: Any = None
    get_request: Any = None
    get_query_string: Any = None
    get_path_params: Any = None
    get_headers: Any = None
    get_auth_bearer: Any = None
    get_sec_def_name: Any = None
    get_auth_scopes: Any = None
    map_response: Any = None

    def handle(self) -> Any:
        """Make the call."""
        for name in ("sec_def_name", "auth_scopes", "get_sec_def_name", "get_auth_scopes"):
            if getattr(self, name):
                raise ServiceUsage(f"Service {self._call.service!r}: {LACKING[f'RESTAdapter.{name}'].sentence}")
        params = self._asked_id(self.query_string_id_param) if self.has_query_string_id else {}
        for more in (self.get_query_string, self.get_path_params):
            if more is not None:
                params.update(more(params) or {})
        headers: dict[str, str] = {}
        if self.get_auth_bearer is not None:
            headers["Authorization"] = f"Bearer {self.get_auth_bearer()}"
        if self.get_headers is not None:
            headers.update(self.get_headers() or {})
        data = self.get_request() if self.get_request is not None else None
        if data is None and self.has_json_id:
            data = self._asked_id(self.json_id_param)
        name = self.get_conn_name() if callable(self.get_conn_name) else (self.get_conn_name or self.conn_name)
        method = self.get_method() if self.get_method is not None else self.method
        return self.rest_call(
            _told(self, "conn_name", name), data=data, params=params, headers=headers, method=method.upper()
        )

    def rest_call(self, conn_name: str, *, method: str = "GET", **asked: Any) -> Any:
        """Call a connection and read what comes back.

        Raises:
            ConnectionFailed: The status is not 2xx, or the answer does not fit the model.
        """
        response = self.out.rest[conn_name].conn.call(method, self.cid, **asked)
        if not 200 <= response.status_code < 300:
            raise ConnectionFailed(
                f"REST connection {conn_name!r} answered {response.status_code} to service {self._call.service!r}: "
                f"{response.text[:LONGEST_QUOTED].strip()}. Fix: check what the service sends, or with whoever runs it"
            )
        if self.log_response:
            self.logger.info("REST connection %r answered %s: %s", conn_name, response.status_code, response.text)
        data = response if self.needs_raw_response else self._modelled(conn_name, response.data)
        return data if self.map_response is None else _given_what_it_takes(self.map_response, data, self)

    def _modelled(self, conn_name: str, data: Any) -> Any:
        if self.model is None:
            return data
        several = isinstance(data, list) and get_origin(self.model) is not list
        try:
            return typed.Model(GenericAlias(list, self.model) if several else self.model).read(data, {}, conn_name)
        except InvalidInput as exc:
            wanted = getattr(self.model, "__name__", str(self.model))
            raise ConnectionFailed(
                f"REST connection {conn_name!r} answered what is no {wanted} of service {self._call.service!r}: "
                f"{'; '.join(exc.problems)}. Fix: correct the model, or read it in map_response."
            ) from exc

    def _asked_id(self, name: str | None) -> dict[str, Any]:
        wanted = name or "id"
        return {wanted: getattr(self.request.input, wanted)}


def _told(service: Service, attribute: str, value: str) -> str:
    """An attribute that a class has to have."""
    if not value:
        raise ServiceUsage(
            f"Service {service._call.service!r} does not say {attribute}. Fix: {attribute} = '...' in its class."
        )
    return value


def _read(service: Service, response: Any) -> Any:
    try:
        return parsed(response.content, response.headers.get("Content-Type", ""))
    except (ValueError, RecursionError, CallerError) as exc:
        raise ConnectionFailed(
            f"Service {service._call.service!r} was answered {response.status_code} with a body that is no JSON "
            f"({exc}). Fix: load_response = False in its class."
        ) from exc


def _given_what_it_takes(method: Callable[..., Any], data: Any, service: Any) -> Any:
    """`map_response` may take all that Zato gives it, or only some."""
    more = {"cid": service.cid, "model": service.model, "callback": method}
    parameters = inspect.signature(method).parameters.values()
    if not any(each.kind is each.VAR_KEYWORD for each in parameters):
        names = {each.name for each in parameters}
        more = {name: value for name, value in more.items() if name in names}
    return method(data, **more)


__all__ = ["JSONAdapter", "RESTAdapter"]
