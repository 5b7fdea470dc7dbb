//! What a broken promise needs: the same day with ever fewer faults and orders, as long as the promise still breaks.

use crate::{
    faults,
    mutants::Mutant,
    run::{Outcome, Simulation, Without},
};

/// Without an order everything comes at another time, so the day is tried in so many variations.
const VARIATIONS: u64 = 60;

/// The smallest day found on which the same promise breaks, and what it is without.
pub struct Shrunk {
    pub outcome: Outcome,
    pub without: Without,
}

/// Leaves out each kind of fault and each order once, for good where the promise breaks all the same.
pub fn shrink(simulation: &Simulation, broken: Outcome, mutant: Option<Mutant>) -> Shrunk {
    let mut shrunk = Shrunk { outcome: broken, without: Without::default() };
    for fault in faults::ALL {
        shrunk.breaks_without(simulation, mutant, |without| without.faults.push(*fault));
    }
    for order in 0..shrunk.outcome.orders {
        (1..=VARIATIONS).any(|variation| {
            shrunk.breaks_without(simulation, mutant, |without| {
                without.orders.push(order);
                without.variation = variation;
            })
        });
    }
    shrunk
}

impl Shrunk {
    fn breaks_without(
        &mut self,
        simulation: &Simulation,
        mutant: Option<Mutant>,
        leave_out: impl FnOnce(&mut Without),
    ) -> bool {
        let mut without = self.without.clone();
        leave_out(&mut without);
        let outcome = simulation.run_without(self.outcome.seed, mutant, &without);
        let promise = |outcome: &Outcome| outcome.violation.as_ref().map(|violation| violation.invariant);
        let same = promise(&outcome) == promise(&self.outcome);
        if same {
            *self = Self { outcome, without };
        }
        same
    }
}
