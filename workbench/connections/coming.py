"""Kinds of connections that come later, on the shape of the others."""

from __future__ import annotations

from typing import NamedTuple

from workbench.core.errors import NotYet


class Coming(NamedTuple):
    """A kind that is to come: its label, its class, and the package to use meanwhile."""

    label: str
    cls: str
    package: str


COMING = {
    "amqp": Coming("AMQP", "AMQPConnection", "kombu"),
    "azure": Coming("Azure", "AzureConnection", "azure-storage-blob"),
    "cassandra": Coming("Cassandra", "CassandraConnection", "cassandra-driver"),
    "ibm_mq": Coming("IBM MQ", "IBMMQConnection", "ibmmq"),
    "mongodb": Coming("MongoDB", "MongoDBConnection", "pymongo"),
    "odata": Coming("OData", "ODataConnection", "requests"),
    "odoo": Coming("Odoo", "OdooConnection", "odoorpc"),
    "swift": Coming("Swift", "SwiftConnection", "python-swiftclient"),
}
"""By the short word that the kind will have."""

CLASSES = {each.cls: kind for kind, each in COMING.items()}


def expect_built(kind: str, error: type[NotYet] = NotYet) -> None:
    """Raise the error for the short word of a kind that is to come."""
    if (coming := COMING.get(kind)) is not None:
        raise error(coming.label, coming.package)
