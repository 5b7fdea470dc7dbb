//! A rush on one SKU: nobody is told that it is sold out while there is some, and coalescing and pools pay.

use lakeside_simulation::hot_sku::{Cost, DESIGNS, Design, LOAD, Load, run};

/// Small enough for every run of the tests.
const RUSH: Load = Load { orders: 600, units: 200, concurrency: 10 };

fn all_decided(cost: &Cost, load: Load) {
    let units = usize::try_from(load.units).unwrap_or_default();
    let orders = usize::try_from(load.orders).unwrap_or_default();
    assert_eq!((cost.reserved, cost.refused, cost.falsely_refused), (units, orders - units, 0), "{cost:?}");
    assert_eq!(cost.given_up, 0);
}

#[test]
fn every_unit_is_sold_and_nobody_is_falsely_refused_however_many_pools_there_are() {
    for (seed, pools) in (0..).zip([1, 2, 8, 32]) {
        for batch in [1, 10] {
            all_decided(&run(seed, RUSH, Design { pools, batch }, &[]), RUSH);
        }
    }
}

#[test]
fn units_that_all_lie_in_one_of_many_pools_are_sold_too() {
    for seed in 0..4 {
        let mut spread = vec![0; 16];
        spread[15] = RUSH.units;
        all_decided(&run(seed, RUSH, Design { pools: 16, batch: 10 }, &spread), RUSH);
    }
}

#[test]
fn the_same_rush_costs_the_same() {
    let design = Design { pools: 4, batch: 10 };
    assert_eq!(run(3, RUSH, design, &[]), run(3, RUSH, design, &[]));
}

#[test]
fn pools_and_batches_take_a_fraction_of_the_transactions_and_of_the_conflicts() {
    let [plain, .., shipped] = DESIGNS.map(|design| run(1, LOAD, design, &[]));
    all_decided(&plain, LOAD);
    all_decided(&shipped, LOAD);
    assert!(plain.transactions > 5 * shipped.transactions, "{plain:?} {shipped:?}");
    assert!(plain.conflicts > 5 * shipped.conflicts, "{plain:?} {shipped:?}");
    assert!(plain.pool_units > 2 * shipped.pool_units, "{plain:?} {shipped:?}");
    assert!(plain.write_units > shipped.write_units, "{plain:?} {shipped:?}");
}
