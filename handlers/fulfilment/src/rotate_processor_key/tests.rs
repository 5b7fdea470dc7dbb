mod histories;
mod world;

use std::{
    io,
    sync::{Arc, Mutex},
};

use serde_json::json;
use world::{Fate, OWNER, SECRET, STEPS, World, go_on};

use super::*;

#[test]
fn a_rotation_makes_a_new_key_current_and_the_one_before_works_on() {
    let world = World::with_a_key();
    let first = world.current();
    world.rotate("v1").unwrap();
    assert_ne!(world.current(), first);
    assert_eq!(world.previous().as_ref(), Some(&first));
    assert_eq!(world.alive(), [first, world.current()]);
    assert_eq!(world.stages.borrow().pending, None);
}

#[test]
fn the_rotation_after_it_ends_the_key() {
    let world = World::with_a_key();
    let first = world.current();
    world.rotate("v1").unwrap();
    world.rotate("v2").unwrap();
    assert!(!world.opens(&first));
    assert_eq!(world.alive(), [world.previous().unwrap(), world.current()]);
}

#[test]
fn every_step_may_be_repeated() {
    let world = World::with_a_key();
    world.begin("v1");
    for step in STEPS {
        for _ in 0..3 {
            world.step(step, "v1").unwrap();
        }
    }
    assert_eq!(world.keys.borrow().len(), 2, "one key was made");
    // Once it is over, the steps before it change nothing either.
    let (current, stages) = (world.current(), world.stages.borrow().clone());
    for step in STEPS {
        world.step(step, "v1").unwrap();
    }
    assert_eq!((world.current(), world.stages.borrow().clone()), (current, stages));
    assert_eq!(world.alive().len(), 2);
}

#[test]
fn an_attempt_that_dies_at_any_call_is_made_good_by_the_next() {
    let mut died = 0;
    for (position, dying) in STEPS.into_iter().enumerate() {
        for fate in [Fate::DiesBefore, Fate::DiesAfter, Fate::Unheard] {
            for call in 0.. {
                let world = World::with_a_key();
                world.rotate("v0").unwrap();
                world.begin("v1");
                for step in &STEPS[..position] {
                    world.step(*step, "v1").unwrap();
                }
                if matches!(world.take(dying, "v1", Some((call, fate))), Some(Ok(()))) {
                    break; // It makes no such call.
                }
                died += 1;
                for step in &STEPS[position..] {
                    world.step(*step, "v1").unwrap();
                }
                assert_eq!(world.stages.borrow().current.as_deref(), Some("v1"), "{dying:?} {call} {fate:?}");
                // Whatever is left over is gone with the next rotation.
                world.clock.advance(i64::from(ATTEMPT_SECONDS) * 1000);
                world.rotate("v2").unwrap();
                assert_eq!(
                    world.alive(),
                    [world.previous().unwrap(), world.current()],
                    "{dying:?} {call} {fate:?}"
                );
            }
        }
    }
    assert!(died > 60, "only {died} attempts died");
}

/// The calls by which a key is made and kept, in the first rotation.
const ISSUES: usize = 9;
const KEEPS: usize = 10;

#[test]
fn a_key_that_another_attempt_may_be_about_to_keep_is_left_to_it() {
    let world = World::with_a_key();
    world.begin("v1");
    let mut asleep = world.attempt(Step::CreateSecret, "v1", Some((KEEPS, Fate::Sleeps)));
    assert!(go_on(&mut asleep).is_none());
    let made = world.alive()[1].clone();
    world.step(Step::CreateSecret, "v1").unwrap();
    assert!(world.opens(&made));
    // What is kept first stays.
    let kept = world.values.borrow()["v1"].clone();
    go_on(&mut asleep).unwrap().unwrap();
    assert_eq!(world.values.borrow()["v1"], kept);
    world.step(Step::FinishSecret, "v1").unwrap();
    assert_eq!(world.current(), kept);
}

#[test]
fn what_was_made_and_not_kept_is_ended_once_nobody_can_keep_it() {
    let world = World::with_a_key();
    world.begin("v1");
    for lost in 1..=3 {
        assert!(world.take(Step::CreateSecret, "v1", Some((ISSUES, Fate::DiesAfter))).is_none());
        assert_eq!(world.alive().len(), 1 + lost);
    }
    let error = world.step(Step::CreateSecret, "v1").unwrap_err();
    assert!(matches!(error, RotationError::NoRoom), "{error}");
    assert_eq!(error.disposition(), Disposition::Park);
    world.clock.advance(i64::from(ATTEMPT_SECONDS) * 1000);
    world.step(Step::CreateSecret, "v1").unwrap();
    assert_eq!(world.alive().len(), 2);
}

#[test]
fn a_step_for_another_secret_or_a_version_that_does_not_pend_is_refused_and_touches_nothing() {
    let world = World::with_a_key();
    world.rotate("v1").unwrap();
    world.asked.set(0);
    let before = (world.stages.borrow().clone(), world.values.borrow().clone(), world.alive());
    for step in STEPS {
        for version in ["by-hand-0", "nobody"] {
            let error = world.step(step, version).unwrap_err();
            assert!(matches!(error, RotationError::NotPending(_)), "{step:?} {version}: {error}");
            assert_eq!(error.disposition(), Disposition::Park);
        }
    }
    assert_eq!(world.asked.get(), 0);
    assert_eq!(before, (world.stages.borrow().clone(), world.values.borrow().clone(), world.alive()));
}

#[tokio::test]
async fn a_step_for_another_secret_is_refused() {
    struct Untouched;
    impl SecretVersions for Untouched {
        async fn stages(&self) -> Result<Stages, SecretError> {
            unreachable!()
        }
        async fn value(&self, _: &str) -> Result<Option<Secret>, SecretError> {
            unreachable!()
        }
        async fn fill(&self, _: &str, _: &Secret) -> Result<(), SecretError> {
            unreachable!()
        }
        async fn promote(&self, _: &str, _: &str) -> Result<(), SecretError> {
            unreachable!()
        }
        async fn give_up(&self, _: &str) -> Result<(), SecretError> {
            unreachable!()
        }
    }
    let world = World::with_a_key();
    let rotated = Rotated { secret_id: SECRET.into(), owner: OWNER.into() };
    let request: RotationRequest = serde_json::from_value(json!({
        "Step": "finishSecret", "SecretId": format!("{SECRET}x"), "ClientRequestToken": "v1",
    }))
    .unwrap();
    let invocation = Invocation { request_id: "1".into(), deadline: Timestamp::from_millis(60_000) };
    let port = world.port();
    let taken = handle(&rotated, &Untouched, &port, &world.clock, &invocation, &request).await;
    assert!(matches!(taken, Err(RotationError::OtherSecret(_))), "{taken:?}");
}

#[test]
fn a_key_that_opens_nothing_never_becomes_current_and_the_next_rotation_begins_anew() {
    let world = World::with_a_key();
    let first = world.current();
    world.duds.set(true);
    world.begin("v1");
    world.step(Step::CreateSecret, "v1").unwrap();
    let error = world.step(Step::FinishSecret, "v1").unwrap_err();
    assert!(matches!(error, RotationError::OpensNothing), "{error}");
    let error = world.step(Step::TestSecret, "v1").unwrap_err();
    assert!(matches!(error, RotationError::OpensNothing), "{error}");
    assert_eq!((world.current(), world.stages.borrow().pending.clone()), (first, None));
    world.duds.set(false);
    world.rotate("v2").unwrap();
}

#[test]
fn a_new_key_may_need_a_moment_before_it_opens() {
    let world = World::with_a_key();
    world.begin("v1");
    world.step(Step::CreateSecret, "v1").unwrap();
    let made = world.values.borrow()["v1"].clone();
    *world.turned_down.borrow_mut() = Some(made);
    let mut waiting = world.attempt(Step::TestSecret, "v1", Some((3, Fate::Sleeps)));
    assert!(go_on(&mut waiting).is_none());
    *world.turned_down.borrow_mut() = None;
    go_on(&mut waiting).unwrap().unwrap();
    world.step(Step::FinishSecret, "v1").unwrap();
}

#[test]
fn a_rotation_that_skipped_a_step_does_not_end() {
    let world = World::with_a_key();
    let first = world.current();
    world.begin("v1");
    world.step(Step::TestSecret, "v1").unwrap();
    let error = world.step(Step::FinishSecret, "v1").unwrap_err();
    assert!(matches!(error, RotationError::NoValue(_)), "{error}");
    assert_eq!(error.disposition(), Disposition::Retry);
    assert_eq!(world.current(), first);
}

#[test]
fn keys_that_are_not_ours_are_left_alone() {
    let world = World::with_a_key();
    let theirs = world.make_key("bookkeeping/1");
    let alike = world.make_key(&format!("{OWNER}-not/1"));
    world.rotate("v1").unwrap();
    world.revoke(&alike);
    world.rotate("v2").unwrap();
    assert!(world.opens(&theirs));
    assert_eq!(world.alive().len(), 3);
}

#[test]
fn where_the_current_key_was_taken_from_us_the_previous_one_makes_the_new_one() {
    let world = World::with_a_key();
    world.rotate("v1").unwrap();
    let (taken, previous) = (world.current(), world.previous().unwrap());
    // It is dead before the rotation: what the invariant says is not ours to keep here.
    *world.turned_down.borrow_mut() = Some(taken.clone());
    world.rotate("v2").unwrap();
    assert!(world.opens(&world.current()));
    assert!(world.opens(&previous), "nothing is ended while nobody knows which key that is");
    assert!(world.opens(&taken), "nor is the one that may have been turned down by mistake");
}

#[test]
fn without_any_key_that_opens_somebody_must_look() {
    let world = World::with_a_key();
    *world.turned_down.borrow_mut() = Some(world.current());
    world.begin("v1");
    let error = world.step(Step::CreateSecret, "v1").unwrap_err();
    assert!(matches!(error, RotationError::LockedOut), "{error}");
    assert_eq!(error.disposition(), Disposition::Park);
    assert_eq!(world.alive().len(), 1);
}

#[test]
fn what_went_wrong_goes_back_by_moving_the_stage() {
    let world = World::with_a_key();
    world.rotate("v1").unwrap();
    {
        let mut stages = world.stages.borrow_mut();
        let Stages { current, previous, .. } = &mut *stages;
        std::mem::swap(current, previous);
    }
    world.check();
    world.rotate("v2").unwrap();
    world.check();
}

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_key_gets_into_the_log() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
    let subscriber = subscriber.with_writer(move || writer.clone()).finish();
    let world = World::with_a_key();
    tracing::subscriber::with_default(subscriber, || {
        world.rotate("v1").unwrap();
        world.rotate("v2").unwrap();
        world.duds.set(true);
        let error = world.rotate("v3").unwrap_err();
        tracing::error!(error = lakeside_kit::disposition::chain(&error), ?error);
    });
    let said = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(said.contains("step of the rotation taken") && said.contains("ENDED"), "{said}");
    for key in world.keys.borrow().iter() {
        assert!(!said.contains(&key.secret), "{} is in the log", key.id.0);
    }
}

#[test]
fn the_words_of_secrets_manager_are_understood_and_no_others() {
    let request = |step: &str| {
        let request = json!({
            "Step": step, "SecretId": SECRET, "ClientRequestToken": "v1", "RotationToken": "of another account",
        });
        serde_json::from_value::<RotationRequest>(request)
    };
    for (word, step) in ["createSecret", "setSecret", "testSecret", "finishSecret"].into_iter().zip(STEPS) {
        assert_eq!(request(word).unwrap().step, step);
    }
    for word in ["", "CreateSecret", "deleteSecret"] {
        assert!(request(word).is_err(), "{word}");
    }
}
