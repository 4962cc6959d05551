"""A service's name, when it gives none itself, is Zato's."""

from __future__ import annotations

import pytest

from workbench.core.service import Service, hyphenated, named, service_name


@pytest.mark.parametrize(
    ("module", "class_name", "wanted"),
    [
        ("my_module", "MyService", "my-module.my-service"),
        ("api", "GetCRMData", "api.get-crm-data"),
        ("svc", "HTTPSOAPGateway", "svc.httpsoap-gateway"),
        ("mod", "My_Service", "mod.my_service"),
        ("mod", "SyncDataV2", "mod.sync-data-v2"),
        ("__main__", "SyncData", "sync-data"),
        ("__main__.00-hello", "SyncData", "sync-data"),
        ("pkg.__init__", "A", "pkg.a"),
    ],
)
def test_a_derived_name_is_made_of_module_and_class(module: str, class_name: str, wanted: str) -> None:
    assert service_name(type(class_name, (Service,), {"__module__": module})) == wanted


def test_a_name_of_its_own_or_inherited_wins() -> None:
    class Parent(Service):
        name = "api.parent"

    class Child(Parent):
        pass

    assert service_name(Parent) == service_name(Child) == named(Child) == "api.parent"
    assert named("api.x") == "api.x"


def test_hyphenated_is_lower_case() -> None:
    assert hyphenated("ABCDef12GHI") == "abc-def12-ghi"
