# ruff: noqa: F401
"""What holds on asyncio's loop holds on uvloop: a sample of tests of the wire, where uvloop is to be had."""

import sys

if sys.platform != "win32":
    from tests.channels.test_mounted import (
        mounted,
        test_a_handler_is_told_that_its_caller_is_gone,
        test_parts_go_out_as_they_come_in_chunks,
    )
    from tests.channels.test_mounted_sockets import (
        talking,
        test_a_handler_answers_messages_and_its_client_is_counted_and_told_of,
        test_a_handler_at_work_learns_at_its_next_message_that_its_client_is_gone,
        test_a_server_that_stops_takes_leave_after_the_message_at_work_and_takes_clients_again,
        test_a_slow_handler_makes_the_client_wait_and_what_is_held_is_bounded,
        test_a_slow_reader_makes_the_handler_wait_and_what_is_held_is_bounded,
        test_long_messages_go_both_ways_whole_and_in_parts,
        test_what_comes_behind_a_handshake_and_before_it_is_answered_in_order,
    )
    from tests.channels.wire.test_lives import (
        served,
        test_a_caller_who_sends_nothing_more_before_a_request_is_whole_is_let_go,
        test_a_caller_who_sends_nothing_more_gets_a_big_answer_whole,
        test_a_caller_who_sends_nothing_more_gets_an_answer_that_takes_its_time,
        test_a_reset_in_the_middle_leaves_nothing,
        test_nothing_is_held_of_what_is_over,
        test_one_too_many_is_told_so,
        test_what_comes_while_a_body_goes_to_disk_is_taken_once_it_is_there,
        test_who_says_nothing_after_the_last_word_is_let_go,
    )
