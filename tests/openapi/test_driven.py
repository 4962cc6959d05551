"""The description holds: whatever is made of it is taken, and what comes back is as it says.

Schemathesis makes requests of the document, good and bad ones, and judges each answer by the document.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

from tests.openapi.asking import told
from tests.openapi.services import SERVICES
from workbench import BasicAuth, JSONRPCChannel, RESTChannel, Workbench, secret

SOAK = bool(os.environ.get("WORKBENCH_SOAK"))
CASES, CASES_OF_RPC = (320, 5_000) if SOAK else (3, 3)
"""Requests for each operation, good and bad ones each: 10,000 of REST and 10,000 of JSON-RPC under `make soak`."""
SAMPLE = ("PUT /orders/{id}/of/{note}", "GET /shop/elements/query", "POST /form", "GET /user", "POST /rpc")
"""What is driven where nobody has the time for all."""
ANSWERS = ("status_code_conformance", "content_type_conformance", "response_schema_conformance", "not_a_server_error")


@pytest.fixture(scope="module")
def shop() -> Iterator[Workbench]:
    with pytest.MonkeyPatch.context() as patch, Workbench(port=0) as wb:
        patch.setenv("PASSWORD", "a long password")
        wb.deploy(*SERVICES)
        wb.define(BasicAuth("ada", password=secret("PASSWORD")))
        wb.define(*(RESTChannel(f"{cls.name}.body", service=cls.name, method="POST") for cls in SERVICES[:5]))
        wb.define(*(RESTChannel(f"{cls.name}.query", service=cls.name, method="GET") for cls in SERVICES))
        wb.define(
            RESTChannel("path", service="shop.order.take", path="/orders/{id}/of/{note}", method="PUT"),
            RESTChannel("form", service="shop.elements", method="POST", data_format="form"),
            RESTChannel("user", service="shop.find", method="GET", security="ada", envelope="zato-3.1"),
            JSONRPCChannel("rpc", services=("shop.find", "shop.elements", "shop.profile.save")),
        )
        wb.start()
        yield wb


def operations(wb: Workbench) -> Any:
    """Every operation of the document, by its label."""
    schema = schemathesis.openapi.from_dict(told(wb))
    schema.config.update(base_url=wb.url)
    found = [each.ok() for each in schema.get_all_operations()]
    assert len(found) == 17
    return [each for each in found if SOAK or each.label in SAMPLE]


@pytest.mark.timeout(5_400 if SOAK else 300)
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_answers_are_as_described(shop: Workbench, mode: Any) -> None:
    for operation in operations(shop):
        statuses = drive(operation, mode)
        if mode is schemathesis.GenerationMode.POSITIVE:
            # Nobody says who calls; a request of JSON-RPC may want no reply.
            good = {"GET /user": {401}, "POST /rpc": {200, 204}}.get(operation.label, {200, 202})
            assert statuses <= good, operation.label


def drive(operation: Any, mode: Any) -> set[int]:
    """Send what is made of an operation; the statuses that came."""
    statuses: set[int] = set()

    @settings(
        max_examples=CASES_OF_RPC if operation.label == "POST /rpc" else CASES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        response = case.call()
        statuses.add(response.status_code)
        case.validate_response(response, checks=CHECKS)

    takes = {"parameters", "requestBody"} & operation.definition.raw.keys()
    with suppress(*([] if takes else [Unsatisfiable])):  # where nothing is taken, nothing can be wrong
        check()
    return statuses


CHECKS = [each for each in schemathesis.checks.CHECKS.get_all() if each.__name__ in ANSWERS]
