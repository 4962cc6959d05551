# ruff: noqa: F401
"""What holds on asyncio's loop holds on uvloop: a sample of tests of the wire, where uvloop is to be had."""

import sys

if sys.platform != "win32":
    from tests.channels.test_mounted import (
        mounted,
        test_a_handler_is_told_that_its_caller_is_gone,
        test_parts_go_out_as_they_come_in_chunks,
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
