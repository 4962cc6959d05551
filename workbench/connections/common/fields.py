"""Fields that definitions of several kinds have, and their checks."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from workbench.core.definition import Definition
from workbench.core.secret import Secret

Host = Annotated[str, Meta(min_length=1, max_length=255, description="Host name or address.")]
MaxAnswer = Annotated[
    int,
    Meta(ge=1, description="Largest answer or file that is read into memory at once; a stream has no bound [bytes]."),
]
LARGEST_ANSWER_BYTES = 64 * 1024 * 1024
"""What `max_answer_bytes` is where a definition says nothing [bytes]."""

Password = Annotated[Secret | str | None, Meta(description="Secret that holds the password.")]
DirectUploads = Annotated[
    bool,
    Meta(
        description="Write a file under its own name at once, and do not look at it afterwards: for servers that take "
        "a file away as soon as it is closed, or let nobody look at it."
    ),
]


def host_problems(host: str, example: str) -> dict[str, str]:
    """What is wrong with a field `host`, which names a host and nothing else."""
    is_alone = not any(each.isspace() or each in "/@" for each in host)
    return {} if is_alone else {"host": f"must be a host name or address alone, as {example}"}


def pair_problems(definition: Definition, first: str, second: str) -> dict[str, str]:
    """What is wrong with two fields that are given together or not at all."""
    is_pair = (getattr(definition, first) is None) == (getattr(definition, second) is None)
    return {} if is_pair else {first: f"and {second} go together: give both or neither"}
