//! What must hold at every moment, and what must happen at some, lest the rest hold of nothing.

use lakeside_domain::{idempotency::Lease, payment::PaymentStatus};
use stateright::{Model, Property};

use crate::{
    protocol::Protocol,
    world::{Action, Attempt, NOW, Step, World, is_held_by},
};

pub const ONE_EFFECT: &str = "at most one effect";
pub const ONE_AT_A_TIME: &str = "one attempt at a time while its lease lasts";
pub const NEVER_REVERTS: &str = "a completed lease never reverts";
pub const HOLDER_ONLY: &str = "only the holder completes or releases";
const DONE_IS_EFFECTED: &str = "what is reported done was effected";
const COMPLETED_IS_RECORDED: &str = "a completed lease has its outcome recorded";
const LEFT_ALONE_FINISHES: &str = "an attempt that is left alone finishes";

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::at_first(self)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        actions.extend(world.actions());
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        Some(world.after(self, action))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE_EFFECT, |_, world: &World| world.provider.effects <= 1),
            Property::always(ONE_AT_A_TIME, |_, world: &World| {
                world.attempts.iter().filter(|attempt| attempt.alone_until.is_some()).count() <= 1
            }),
            // I5
            Property::always(NEVER_REVERTS, |_, world: &World| !world.reverted),
            Property::always(HOLDER_ONLY, |_, world: &World| !world.usurped),
            Property::always(DONE_IS_EFFECTED, |_, world: &World| {
                world.provider.effects > 0 || !(is_anywhere(world, Step::Done) || is_recorded(world))
            }),
            Property::always(COMPLETED_IS_RECORDED, |_, world: &World| {
                is_recorded(world) || !matches!(world.lease, Some(Lease::Completed { .. }))
            }),
            Property::always(LEFT_ALONE_FINISHES, finishes_alone),
            Property::sometimes("an effect is completed after its holder crashed", |_, world: &World| {
                is_anywhere(world, Step::Crashed) && is_anywhere(world, Step::Done)
            }),
            Property::sometimes(
                "a holder crashes after the effect, before the record",
                |_, world: &World| {
                    is_anywhere(world, Step::Crashed)
                        && world.provider.effects > 0
                        && !is_recorded(world)
                        && !is_any_under_way(world)
                },
            ),
            Property::sometimes("a lease outlasts its holder", |_, world: &World| {
                matches!(&world.lease, Some(Lease::InProgress { deadline, .. }) if *deadline > NOW)
                    && each(world).any(|(i, attempt)| {
                        attempt.step == Step::Crashed && is_held_by(world.lease.as_ref(), i)
                    })
            }),
            Property::sometimes("a holder does not know that it has completed", |_, world: &World| {
                world.is_completed() && is_anywhere(world, Step::Settle) && !is_anywhere(world, Step::Done)
            }),
            Property::sometimes("a holder wakes when another is at it", |_, world: &World| {
                each(world).any(|(i, attempt)| {
                    attempt.step == Step::Send
                        && !is_held_by(world.lease.as_ref(), i)
                        && each(world).any(|(j, other)| i != j && other.alone_until.is_some())
                })
            }),
            Property::sometimes("a holder comes to settle what another has completed", |_, world: &World| {
                world.is_completed() && is_anywhere(world, Step::Settle) && is_anywhere(world, Step::Done)
            }),
            Property::sometimes("two requests are under way", |_, world: &World| {
                each(world).filter(|(_, attempt)| attempt.request_under_way).count() > 1
            }),
            Property::sometimes("a request comes after the effect", |_, world: &World| {
                world.provider.effects > 0 && is_any_under_way(world)
            }),
            Property::sometimes("an attempt is at it when the key has expired", |_, world: &World| {
                world.provider.effects > 0
                    && world.provider.keys.is_empty()
                    && is_anywhere(world, Step::LookUp)
            }),
            Property::sometimes(
                "an attempt finishes when the completed record has gone",
                |_, world: &World| {
                    world.lease.is_none()
                        && each(world).filter(|(_, attempt)| attempt.step == Step::Done).count() > 1
                },
            ),
        ]
    }
}

/// Whether another delivery, after the deadline and with nobody and nothing in its way, reports the outcome.
fn finishes_alone(protocol: &Protocol, world: &World) -> bool {
    let mut world = world.clone();
    for _ in 0..protocol.pace.durations.in_progress {
        world.tick();
    }
    let last = world.attempts.len();
    world.attempts.push(Attempt::undelivered());
    for _ in 0..20 {
        if world.attempts[last].request_under_way {
            world.arrive(protocol, last);
        }
        world.go(protocol, last);
    }
    world.attempts[last].step == Step::Done && world.provider.effects > 0
}

fn each(world: &World) -> impl Iterator<Item = (usize, &Attempt)> {
    world.attempts.iter().enumerate()
}

fn is_anywhere(world: &World, step: Step) -> bool {
    world.attempts.iter().any(|attempt| attempt.step == step)
}

fn is_any_under_way(world: &World) -> bool {
    world.attempts.iter().any(|attempt| attempt.request_under_way)
}

fn is_recorded(world: &World) -> bool {
    world.payment == Some(PaymentStatus::Captured)
}
