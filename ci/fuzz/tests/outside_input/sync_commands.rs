//! Commands that the saga invokes functions with.

use futures::executor::block_on;
use lakeside_contracts::commands::Command;
use lakeside_fulfilment::{create_label, void_label};
use lakeside_inventory::{allocate, release_stock, reserve_stock};
use lakeside_kit::{
    disposition::{Disposed, Disposition, chain},
    memory::{Answers, ManualClock},
};
use proptest::{prelude::*, sample::select};
use serde_json::{Value, to_value};

use crate::{
    batch::{events_fit, fits, message},
    corpus::{Contract, contract, contracts},
    explore::explore,
    fulfilment_ports::{FulfilmentTable, Partners, invocation},
    inventory_ports::InventoryTable,
    mutation::{mutated, mutations},
};

const NOW: i64 = 1_795_770_060_000;

fn commands() -> Vec<&'static Contract> {
    let others = ["AdjustStock", "FulfilOrder", "PublishStock"];
    contracts("commands/").filter(|contract| !others.contains(&contract.title.as_str())).collect()
}

#[test]
fn a_command_is_carried_out_or_refused_with_a_disposition() {
    let inputs = (select(commands()), mutations());
    explore(15_000, &inputs, |(seed, mutations)| {
        let body = mutated(&seed.message(), &mutations);
        let Ok(command) = serde_json::from_str::<Command>(&body) else {
            prop_assert!(!mutations.is_empty());
            return Ok(());
        };
        let name = command.name();
        fits(name, &to_value(&command).unwrap())?;

        let (table, partners, clock) =
            (FulfilmentTable::default(), Partners::default(), ManualClock::at(NOW));
        let invocation = invocation(&clock);
        let labelled =
            create_label::handle(&table, &partners, &partners, &clock, &(), &invocation, command.clone());
        answered(name == "CreateLabel", block_on(labelled).map(|r| to_value(r).unwrap()))?;
        let voided = void_label::handle(&table, &partners, &clock, &(), &invocation, command.clone());
        answered(name == "VoidLabels", block_on(voided).map(|r| to_value(r).unwrap()))?;
        events_fit(&table.published.borrow())?;

        let stock = InventoryTable::default();
        reserved(&stock);
        let clock = ManualClock::at(NOW);
        let allocated = block_on(allocate::handle(&stock, &clock, command.clone()));
        answered(name == "AllocateStock", allocated.map(|r| to_value(r).unwrap()))?;
        let released = block_on(release_stock::handle(&stock, &clock, &(), command));
        let mine = matches!(name, "ReleaseStock" | "ReleaseAllocation");
        answered(mine, released.map(|r| to_value(r).unwrap()))?;
        events_fit(&stock.published.borrow())?;
        Ok(())
    });
}

/// The stock of the examples' order is held.
fn reserved(stock: &InventoryTable) {
    let batch = [message("reserve", contract("ReserveStock").message().to_string())];
    let (answers, clock) = (Answers::default(), ManualClock::at(NOW));
    let settings = reserve_stock::Settings { hold_seconds: 900 };
    let handled = reserve_stock::handle(stock, &answers, &clock, &(), settings, &batch);
    assert!(block_on(handled).ids().is_empty());
}

/// A function carries out the commands that are meant for it, and parks all others.
fn answered<E: Disposed>(mine: bool, result: Result<Value, E>) -> Result<(), TestCaseError> {
    match result {
        Ok(result) => {
            prop_assert!(mine);
            prop_assert!(result["outcome"].is_string());
        }
        Err(error) => {
            prop_assert!(!chain(&error).is_empty());
            prop_assert!(!mine, "{}", chain(&error));
            prop_assert_eq!(error.disposition(), Disposition::Park);
        }
    }
    Ok(())
}
