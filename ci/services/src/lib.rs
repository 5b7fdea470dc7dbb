//! What we rely on of queues, buses, rules, task tokens and executions, as cases: each is run against the simulation
//! and against a cloud, so that what the simulation plays is what is there.
//!
//! A case says what AWS documents. Where an emulator differs, its tests say so.

#![allow(async_fn_in_trait, reason = "cases run one at a time on one thread")]
#![allow(missing_docs, reason = "a case's name says what it is about")]

pub mod buses;
pub mod executions;
pub mod queues;
pub mod rules;
pub mod tokens;

/// Calls a macro with every case: the module it is in, and its name.
#[macro_export]
macro_rules! every_case {
    ($case:ident) => {
        $case!(queues::a_received_message_is_hidden_and_comes_again_with_its_count);
        $case!(queues::a_deleted_message_is_gone);
        $case!(queues::a_message_received_too_often_is_a_dead_letter);
        $case!(queues::a_message_that_is_too_long_is_refused);
        $case!(queues::a_fifo_queue_keeps_the_order_of_each_group);
        $case!(queues::a_group_waits_for_its_message_in_flight_and_others_do_not);
        $case!(queues::a_failed_message_holds_its_group_until_it_is_a_dead_letter);
        $case!(queues::a_deduplication_id_is_taken_once);
        $case!(queues::a_fifo_queue_wants_a_group);
        $case!(queues::an_old_receipt_deletes_nothing_from_a_fifo_queue);
        $case!(buses::an_event_goes_to_exactly_the_queues_whose_rules_match);
        $case!(buses::exactly_the_entries_that_cannot_be_taken_are_reported);
        $case!(buses::a_delivery_is_the_whole_event);
        $case!(rules::patterns_match_what_they_are_documented_to_match);
        $case!(executions::a_start_is_repeated_while_the_execution_runs);
        $case!(executions::a_name_is_taken_by_another_input);
        $case!(executions::a_name_is_taken_after_the_execution_has_ended);
        $case!(executions::an_execution_is_described_with_its_input_and_status);
        $case!(executions::the_history_of_an_unknown_execution_is_no_history);
        $case!(executions::an_order_is_started_once_and_its_name_belongs_to_it);
        $case!(tokens::an_answer_arrives);
        $case!(tokens::a_second_answer_is_not_awaited);
        $case!(tokens::an_answer_after_the_timeout_is_not_awaited);
        $case!(tokens::an_unknown_token_is_not_awaited);
    };
}
