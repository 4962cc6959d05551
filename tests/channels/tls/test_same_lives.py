# ruff: noqa: F401
"""What holds without TLS holds with it: a sample of tests on how connections live and end, by TLS."""

from tests.channels.test_mounted import (
    mounted,
    test_a_file_is_sent_whole_to_a_slow_reader_and_unchanged_files_are_told,
    test_a_handler_is_told_that_its_caller_is_gone,
    test_a_server_that_drains_waits_for_a_handler,
    test_parts_go_out_as_they_come_in_chunks,
)
from tests.channels.test_mounted_sockets import (
    talking,
    test_a_child_has_no_client_of_its_parent_and_does_not_hold_it,
    test_a_handler_answers_messages_and_its_client_is_counted_and_told_of,
    test_a_handler_is_told_of_a_client_that_is_gone_without_a_word,
    test_a_server_that_stops_takes_leave_after_the_message_at_work_and_takes_clients_again,
    test_either_side_takes_leave_with_its_code,
    test_long_messages_go_both_ways_whole_and_in_parts,
    test_messages_are_compressed_where_both_sides_say_so,
)
from tests.channels.websocket.test_calls import (
    test_a_message_in_parts_with_a_ping_between_them_is_one_message,
)
from tests.channels.websocket.test_lives import (
    test_a_server_that_stops_takes_leave_and_takes_clients_again_when_it_starts,
    test_what_was_watched_before_the_handshake_counts_what_is_sent_behind_it,
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
    test_who_goes_on_sending_after_the_last_word_is_cut_off,
    test_who_says_nothing_after_the_last_word_is_let_go,
)
