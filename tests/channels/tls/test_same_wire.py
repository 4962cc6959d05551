# ruff: noqa: F401
"""What holds without TLS holds with it: a sample of tests on what comes and goes over the wire, by TLS."""

from tests.channels.wire.test_wire import (
    served,
    test_a_chunked_body_over_the_bound_is_413_and_the_sender_gets_to_read_it,
    test_a_connection_is_kept_and_pipelined,
    test_a_long_body_is_413_and_the_sender_gets_to_read_it,
    wire,
)
