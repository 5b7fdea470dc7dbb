//! Pieces of a world on their own, for tests that ask them one question at a time.

use std::rc::Rc;

pub use crate::{
    buses::Router,
    engine::Slot,
    ports::Port,
    queues::{Outgoing, Queue, Received, Refused},
    subscriptions::{Rule, Settings},
    world::{Deployed, World},
};

/// A world in which nothing goes wrong.
pub fn calm_world(
    seed: u64,
    rules: Vec<Rule>,
    queues: impl IntoIterator<Item = (String, Settings)>,
) -> Rc<World> {
    let mut deployed = Deployed::default();
    deployed.router = Router::new(rules);
    deployed.queues.extend(queues);
    let mut world = World::new(seed, &Rc::new(deployed), None, &[]);
    if let Some(world) = Rc::get_mut(&mut world) {
        (world.sluggish, world.focus, world.haste) = (0.0, None, 1);
    }
    world.faults.stop();
    world
}

/// An invocation's ports in `world`.
pub fn port(world: &Rc<World>) -> Rc<Port> {
    Rc::new(Port::new(world, 20_000, false, || ()))
}

/// Lets the world go on until the task is done, and no further.
pub fn until_done<T: 'static>(world: &Rc<World>, task: impl Future<Output = T> + 'static) -> T {
    let done: Slot<T> = Slot::default();
    let filled = done.clone();
    let engine = Rc::clone(world);
    world.engine.spawn(async move {
        let result = task.await;
        filled.fill(&engine.engine, result);
    });
    world.engine.run(i64::MAX, || done.is_filled());
    done.take().expect("a task that ends")
}
