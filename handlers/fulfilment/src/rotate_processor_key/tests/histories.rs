//! Whatever happens to rotations, in whatever order: there is always a key that works, and in the end no other.

use lakeside_kit::clock::Clock;
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{
    super::*,
    world::{Attempt, Fate, STEPS, TIMEOUT_SECONDS, World, go_on},
};

#[derive(Debug, Clone)]
enum Event {
    /// Secrets Manager starts a rotation, unless one is under way.
    Begin,
    /// It asks for a step, of this rotation or of one before.
    Step { step: Step, back: usize, fate: Option<(usize, Fate)> },
    /// An attempt that sleeps goes on.
    Wake(usize),
    /// Time passes, and Lambda ends what is too old.
    Pass(u32),
    /// Somebody gives a rotation up, once no attempt is under way, as the runbook says.
    GiveUp,
    /// Somebody goes back to the key before, likewise.
    GoBack,
    /// Somebody puts a key of their own.
    PutByHand,
    /// From now on new keys open nothing, or something again.
    Duds(bool),
}

fn fate() -> impl Strategy<Value = Option<(usize, Fate)>> {
    let fates = select(vec![Fate::DiesBefore, Fate::DiesAfter, Fate::Unheard, Fate::Sleeps, Fate::Sleeps]);
    option::weighted(0.6, (0..18_usize, fates))
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => Just(Event::Begin),
        12 => (select(STEPS.to_vec()), prop_oneof![8 => Just(0_usize), 1 => 1..3_usize], fate())
            .prop_map(|(step, back, fate)| Event::Step { step, back, fate }),
        4 => (0..3_usize).prop_map(Event::Wake),
        2 => prop_oneof![1..40_u32, 600..2000_u32].prop_map(Event::Pass),
        1 => Just(Event::GiveUp),
        1 => Just(Event::GoBack),
        1 => Just(Event::PutByHand),
        1 => any::<bool>().prop_map(Event::Duds),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn at_every_moment_the_current_key_works_and_so_does_the_one_before(events in vec(event(), 1..60)) {
        let world = World::with_a_key();
        let mut rotations: Vec<String> = Vec::new();
        let mut asleep: Vec<(Timestamp, Attempt)> = Vec::new();
        for event in events {
            match event {
                Event::Begin => {
                    let (current, pending) = {
                        let stages = world.stages.borrow();
                        (stages.current.clone(), stages.pending.clone())
                    };
                    if pending.is_none() || pending == current {
                        rotations.push(format!("v{}", rotations.len()));
                        world.begin(&rotations[rotations.len() - 1]);
                    }
                }
                Event::Step { step, back, fate } => {
                    if let Some(version) = rotations.iter().rev().nth(back) {
                        let mut attempt = world.attempt(step, version, fate);
                        let ends = world.clock.now().plus_seconds(TIMEOUT_SECONDS);
                        if go_on(&mut attempt).is_none() && matches!(fate, Some((_, Fate::Sleeps))) {
                            asleep.push((ends, attempt));
                        }
                    }
                }
                Event::Wake(index) if index < asleep.len() => {
                    go_on(&mut asleep.swap_remove(index).1);
                }
                Event::Pass(seconds) => {
                    world.clock.advance(i64::from(seconds) * 1000);
                    asleep.retain(|(ends, _)| *ends > world.clock.now());
                }
                Event::GiveUp => {
                    asleep.clear();
                    world.stages.borrow_mut().pending = None;
                }
                Event::GoBack => {
                    asleep.clear();
                    let mut stages = world.stages.borrow_mut();
                    let Stages { current, previous, .. } = &mut *stages;
                    if previous.is_some() {
                        std::mem::swap(current, previous);
                    }
                }
                Event::PutByHand if !world.duds.get() => {
                    let number = world.values.borrow().len();
                    world.put_by_hand(&format!("by-hand-{number}"));
                }
                Event::Wake(_) | Event::PutByHand => {}
                Event::Duds(duds) => world.duds.set(duds),
            }
            world.check();
        }

        // Faults end, and the next rotations come through.
        drop(asleep);
        world.duds.set(false);
        world.stages.borrow_mut().pending = None;
        world.clock.advance(i64::from(ATTEMPT_SECONDS) * 1000);
        for version in ["last-but-one", "last"] {
            world.rotate(version).unwrap();
            let mut expected = [world.previous().unwrap(), world.current()];
            let mut alive = world.alive();
            expected.sort();
            alive.sort();
            prop_assert_eq!(&alive, &expected);
        }
    }
}
