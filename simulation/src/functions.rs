//! The functions as Lambda invokes them: by a queue, or by the saga.

use std::{pin::Pin, rc::Rc};

use lakeside_contracts::commands::Command;
use lakeside_fulfilment::{
    cancel_fulfilment, capture_payment, create_label, recover_fulfilment, refund_payment, start_fulfilment,
    void_label,
};
use lakeside_growth::{accrue_loyalty, notify_customer};
use lakeside_inventory::{
    adjust_stock, allocate, project_store_stock, reconcile_stock, release_stock, reserve_stock,
    sweep_reservations,
};
use lakeside_kit::{
    disposition::{Disposed, Disposition},
    sqs::{Failures, Message},
};
use lakeside_orders::{advance_order, cancel_order, order_ingest, order_status};
use serde_json::Value;

use crate::{engine::Slot, faults::Fault, ports::Port, world::World};

/// Above this total a person must approve.
pub const APPROVAL_THRESHOLD: i64 = 4_000;

/// A function that is in no squad's Terraform: a consumer that a test brings along.
pub type Guest = Rc<dyn for<'a> Fn(&'a Port, &'a [Message]) -> Pin<Box<dyn Future<Output = Failures> + 'a>>>;

/// Handles a batch; answers the ids of what failed.
pub async fn consume(port: &Port, function: &str, batch: &[Message]) -> Vec<String> {
    let failures = match function {
        "order-ingest" => order_ingest::handle(port, port, port, batch).await,
        "cancel-order" => cancel_order::handle(port, port, port, &port.as_their_customers(batch)).await,
        "advance-order" => advance_order::handle(port, port, port, batch).await,
        "order-status" => order_status::handle(port, batch).await,
        "reserve-stock" => {
            let settings = reserve_stock::Settings { hold_seconds: port.hold_seconds() };
            reserve_stock::handle(port, port, port, port, settings, batch).await
        }
        "project-store-stock" => project_store_stock::handle(port, batch).await,
        "adjust-stock" => adjust_stock::handle(port, port, port, batch).await,
        "start-fulfilment" => {
            let settings = start_fulfilment::Settings { approval_threshold: APPROVAL_THRESHOLD };
            start_fulfilment::handle(port, port, settings, batch).await
        }
        "cancel-fulfilment" if port.is_deaf() => Failures::default(),
        "cancel-fulfilment" => cancel_fulfilment::handle(port, port, port, batch).await,
        "recover-fulfilment" => recover_fulfilment::handle(port, batch).await,
        "capture-payment" => {
            capture_payment::handle(port, port, port, port, port, &port.invocation, batch).await
        }
        "refund-payment" => {
            refund_payment::handle(port, port, port, port, port, &port.invocation, batch).await
        }
        "accrue-loyalty" => accrue_loyalty::handle(&port.growth_table(), port, port.rate(), batch).await,
        "notify-customer" => {
            let table = port.growth_table();
            notify_customer::handle(&table, port, port, port, port, &port.invocation, batch).await
        }
        other => match port.guest(other) {
            Some(guest) => guest(port, batch).await,
            None => panic!("the rules name `{other}`, which the simulation does not know"),
        },
    };
    failures.ids().to_vec()
}

/// Lets the clock invoke `sweep-reservations` once.
pub fn sweep(world: &Rc<World>) {
    let settings = sweep_reservations::Settings { grace_seconds: world.sweep_grace };
    by_the_clock(world, "sweep-reservations", |port| async move {
        let swept = sweep_reservations::handle(&port, &port, &port, settings).await;
        port.world().engine.note(|| format!("sweep-reservations: {swept:?}"));
    });
}

/// Lets the clock invoke `reconcile-stock` once. Stock is never wrong here, so whatever it finds is a false alarm.
pub fn reconcile(world: &Rc<World>) {
    by_the_clock(world, "reconcile-stock", |port| async move {
        let found = reconcile_stock::handle(&port, &port, reconcile_stock::Request::default()).await;
        let world = port.world();
        world.engine.note(|| format!("reconcile-stock: {found:?}"));
        let different = found.map(|found| found.different).unwrap_or_default();
        world.check(different.is_empty(), "no false alarm", || format!("{different:?}"));
    });
}

fn by_the_clock<F>(world: &Rc<World>, function: &str, run: impl FnOnce(Port) -> F)
where
    F: Future<Output = ()> + 'static,
{
    let zombie = world.strikes(Fault::Zombie);
    let timeout = world.timeout(function);
    let port = Port::new(world, timeout, zombie, || ());
    let task = world.engine.spawn(run(port));
    let world = Rc::clone(world);
    if !zombie {
        world.clone().engine.after(timeout, move || {
            world.engine.kill(task);
        });
    }
}

/// Why the saga got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// The function said that another attempt may help.
    Retry,
    /// The function said that none will.
    Park,
    /// The function died or took too long.
    Died,
}

fn answer<T: serde::Serialize, E: Disposed>(result: Result<T, E>) -> Result<Value, Failed> {
    match result {
        Ok(answer) => Ok(serde_json::to_value(answer).unwrap()),
        Err(error) if error.disposition() == Disposition::Retry => Err(Failed::Retry),
        Err(_) => Err(Failed::Park),
    }
}

/// The function that a command of the saga goes to.
const fn function(command: &Command) -> &'static str {
    match command {
        Command::ReserveStock(_) => "reserve-stock",
        Command::CapturePayment(_) => "capture-payment",
        Command::RefundPayment(_) => "refund-payment",
        Command::AllocateStock(_) => "allocate",
        Command::ReleaseAllocation(_) | Command::ReleaseStock(_) => "release-stock",
        Command::CreateLabel(_) => "create-label",
        Command::VoidLabels(_) => "void-label",
    }
}

async fn call(port: &Port, command: Command) -> Result<Value, Failed> {
    match command {
        Command::AllocateStock(_) => answer(allocate::handle(port, port, command).await),
        Command::ReleaseAllocation(_) | Command::ReleaseStock(_) => {
            answer(release_stock::handle(port, port, port, command).await)
        }
        Command::CreateLabel(_) => {
            answer(create_label::handle(port, port, port, port, port, &port.invocation, command).await)
        }
        Command::VoidLabels(_) => {
            answer(void_label::handle(port, port, port, port, &port.invocation, command).await)
        }
        Command::ReserveStock(_) | Command::CapturePayment(_) | Command::RefundPayment(_) => {
            Err(Failed::Park)
        }
    }
}

/// Invokes a function and waits for its answer.
pub async fn invoke(world: &Rc<World>, command: &Command) -> Result<Value, Failed> {
    let answered: Slot<Result<Value, Failed>> = Slot::default();
    let zombie = world.strikes(Fault::Zombie);
    let timeout = world.timeout(function(command));
    let port = {
        let (world, answered) = (Rc::clone(world), answered.clone());
        Port::new(&Rc::clone(&world), timeout, zombie, move || {
            answered.fill(&world.engine, Err(Failed::Died));
        })
    };
    let task = {
        let (world, answered, command) = (Rc::clone(world), answered.clone(), command.clone());
        world.clone().engine.spawn(async move {
            let result = call(&port, command).await;
            answered.fill(&world.engine, result);
        })
    };
    let short = zombie || world.strikes(Fault::InvocationTimeout);
    let patience = if short { world.engine.between(2, 300) } else { timeout };
    let result = answered.wait(&world.engine, patience).await;
    if !zombie {
        world.engine.kill(task);
    }
    result.unwrap_or(Err(Failed::Died))
}
