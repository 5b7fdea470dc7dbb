//! The lease around an effect outside, explored exhaustively: every order in which a few attempts can crash, sleep
//! past their deadlines and lose replies, while time goes on without end.
//!
//! What becomes of the lease and of the payment is for the domain's own functions to say. What the model adds is the
//! order in which `handlers/fulfilment/src/capture_payment.rs` calls them, and a provider.
//!
//! Each part of the protocol is shown to be needed: without it, the exploration finds what goes wrong.

#![expect(clippy::indexing_slicing, reason = "attempts are named by their place, and none ever leaves")]

mod protocol;
mod rules;
mod world;

use stateright::{Checker, HasDiscoveries, Model as _};

use protocol::{AS_BUILT, COARSE, FINE, Fence, Pace, Protocol, ProviderKey};
use rules::{HOLDER_ONLY, NEVER_REVERTS, ONE_AT_A_TIME, ONE_EFFECT};
use world::{Action, World};

/// Explores all there is; `at_least` so many states, lest the model be an empty one.
fn explore(protocol: Protocol, at_least: usize) -> impl Checker<Protocol> {
    let explored = protocol.checker().symmetry_fn(World::representative).spawn_dfs().join();
    assert!(explored.is_done());
    let states = explored.unique_state_count();
    println!("{states} states");
    assert!(states >= at_least, "{states} states");
    explored
}

/// A way to break `rule`.
fn counterexample(protocol: Protocol, rule: &'static str) -> Vec<Action> {
    let only = HasDiscoveries::AnyOf([rule].into());
    let explored = protocol.checker().finish_when(only).spawn_bfs().join();
    explored.assert_any_discovery(rule).into_actions()
}

fn ticks(actions: &[Action]) -> usize {
    actions.iter().filter(|action| **action == Action::Tick).count()
}

#[test]
fn at_most_one_effect_however_attempts_crash_sleep_and_lose_replies() {
    explore(Protocol { attempts: 3, ..AS_BUILT }, 180_000).assert_properties();
}

#[test]
fn at_most_one_effect_at_whatever_moment_in_between() {
    explore(Protocol { pace: FINE, ..AS_BUILT }, 40_000).assert_properties();
}

#[test]
fn a_lease_with_a_key_per_attempt_makes_two_effects() {
    let fencing_alone = Protocol { key: ProviderKey::PerAttempt, look_up: false, ..AS_BUILT };
    counterexample(fencing_alone, ONE_EFFECT);
}

#[test]
fn a_look_up_does_not_stand_in_for_the_key() {
    // The request of one attempt is under way while the other looks up.
    counterexample(Protocol { key: ProviderKey::PerAttempt, ..AS_BUILT }, ONE_EFFECT);
}

#[test]
fn the_providers_key_alone_makes_two_effects_once_it_has_expired() {
    let key_alone = Protocol { lease: false, recorded_before: false, look_up: false, ..AS_BUILT };
    assert!(ticks(&counterexample(key_alone, ONE_EFFECT)) >= COARSE.key as usize);
}

#[test]
fn a_lease_and_a_key_without_a_look_up_make_two_effects() {
    counterexample(Protocol { look_up: false, ..AS_BUILT }, ONE_EFFECT);
}

#[test]
fn an_effect_that_is_not_recorded_before_it_is_made_is_made_twice() {
    counterexample(Protocol { recorded_before: false, ..AS_BUILT }, ONE_EFFECT);
}

#[test]
fn an_attempt_that_lives_as_long_as_the_key_makes_a_second_effect() {
    // The limit of the protocol: nothing in it stops an attempt between its reading and its request. Lambda does.
    let pace = Pace { longest_life: COARSE.key, ..COARSE };
    counterexample(Protocol { pace, ..AS_BUILT }, ONE_EFFECT);
}

#[test]
fn without_a_lease_attempts_overlap() {
    let no_lease = Protocol { lease: false, ..AS_BUILT };
    counterexample(no_lease, ONE_AT_A_TIME);
    // One key, a record and a look-up hold the effect to one all the same, as long as attempts end in time.
    explore(no_lease, 1000).assert_no_discovery(ONE_EFFECT);
}

#[test]
fn a_release_without_a_condition_undoes_a_completed_effect() {
    let unconditional = Protocol { fence: Fence::OpenToRelease, ..AS_BUILT };
    counterexample(unconditional, NEVER_REVERTS);
    counterexample(unconditional, HOLDER_ONLY);
}

#[test]
fn a_completion_without_a_condition_lets_a_stale_attempt_complete() {
    counterexample(Protocol { fence: Fence::OpenToComplete, ..AS_BUILT }, HOLDER_ONLY);
}
