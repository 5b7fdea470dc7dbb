//! Loyalty: a customer earns points with each order that is fulfilled, so many for each full step of its total, and
//! loses them again should that order be undone.
//!
//! Points are given when the order is *fulfilled*, not when it is confirmed: a confirmed order is paid, but may still be
//! undone for want of a label, and points that come and go annoy more than points that come a day later.
//!
//! The facts about an order come in any order and more than once. What is known of them is kept, and points are given
//! as soon as enough is known; so every order of arrival ends in the same points. This module knows of no account: what
//! it answers is to be written together with the change of the account.
//!
//! INVARIANT (L1): an account's points are the sum of what its orders stand at, each given and taken back at most once.

use serde::{Deserialize, Serialize};

use crate::{
    ids::CustomerId,
    money::{Currency, Money},
};

/// A number of points, never negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Points(u64);

impl Points {
    /// So many.
    pub const fn new(points: u64) -> Self {
        Self(points)
    }

    /// The number.
    pub const fn count(self) -> u64 {
        self.0
    }
}

/// Why points could not be counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoyaltyError {
    /// A rate that has no step.
    #[error("the step of a rate must be positive, got `{0}`")]
    Step(i64),
    /// An order that costs less than nothing.
    #[error("an order of `{0}` minor units earns nothing and owes nothing")]
    NegativeTotal(i64),
}

/// One point for each full step of a total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// INVARIANT (positive): checked by [`Rate::new`].
    step: i64,
    currency: Currency,
}

impl Rate {
    /// One point for each full `step` of a total in its currency.
    ///
    /// # Errors
    /// [`LoyaltyError::Step`] unless `step` is positive.
    pub fn new(step: Money) -> Result<Self, LoyaltyError> {
        if step.amount() < 1 {
            return Err(LoyaltyError::Step(step.amount()));
        }
        Ok(Self { step: step.amount(), currency: step.currency() })
    }

    /// The points of an order of this total. In another currency than the rate's it earns none.
    ///
    /// # Errors
    /// [`LoyaltyError::NegativeTotal`].
    pub fn points(self, total: Money) -> Result<Points, LoyaltyError> {
        let negative = LoyaltyError::NegativeTotal(total.amount());
        if total.currency() != self.currency {
            return Ok(Points::default());
        }
        let steps = total.amount().checked_div(self.step).ok_or_else(|| negative.clone())?;
        u64::try_from(steps).ok().filter(|_| total.amount() >= 0).map(Points).ok_or(negative)
    }
}

/// What is said about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// Whose it is and what it costs.
    Created {
        /// The account.
        customer_id: CustomerId,
        /// The price.
        total: Money,
    },
    /// It is on its way.
    Fulfilled,
    /// It was cancelled or rejected: nobody earns with it.
    Undone,
}

/// Where the points of an order stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Award {
    /// Neither given nor refused.
    Open,
    /// Given.
    Accrued {
        /// So many.
        points: Points,
    },
    /// Given and taken back. Final.
    Reversed {
        /// So many.
        points: Points,
    },
}

/// Whose an order is and what it earns, as it was when that was first known: a later rate changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Earning {
    /// The account.
    pub customer_id: CustomerId,
    /// What the order earns once it is fulfilled.
    pub points: Points,
}

/// What is known of one order. Nothing, before the first fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderPoints {
    /// Known once the order's creation was heard of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earning: Option<Earning>,
    /// Whether its fulfilment was heard of.
    pub fulfilled: bool,
    /// Whether its end without fulfilment was heard of.
    pub undone: bool,
    /// Where its points stand.
    pub award: Award,
}

impl Default for OrderPoints {
    fn default() -> Self {
        Self { earning: None, fulfilled: false, undone: false, award: Award::Open }
    }
}

/// What becomes of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoyaltyEvent {
    /// It gets points.
    Accrued(Earning),
    /// It loses them again.
    Reversed(Earning),
}

/// What is known after `fact`, and what that means for the account. A fact that is old news changes nothing.
///
/// # Errors
/// [`LoyaltyError`] if the order's total earns no number of points.
pub fn hear(
    known: &OrderPoints,
    fact: &Fact,
    rate: Rate,
) -> Result<(OrderPoints, Option<LoyaltyEvent>), LoyaltyError> {
    let mut known = known.clone();
    match fact {
        Fact::Created { customer_id, total } => {
            if known.earning.is_none() {
                let points = rate.points(*total)?;
                known.earning = Some(Earning { customer_id: customer_id.clone(), points });
            }
        }
        Fact::Fulfilled => known.fulfilled = true,
        Fact::Undone => known.undone = true,
    }
    let Some(earning) = known.earning.clone() else { return Ok((known, None)) };
    let event = match known.award {
        Award::Open if known.fulfilled && !known.undone => {
            known.award = Award::Accrued { points: earning.points };
            Some(LoyaltyEvent::Accrued(earning))
        }
        Award::Accrued { points } if known.undone => {
            known.award = Award::Reversed { points };
            Some(LoyaltyEvent::Reversed(Earning { points, ..earning }))
        }
        Award::Open | Award::Accrued { .. } | Award::Reversed { .. } => None,
    };
    Ok((known, event))
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};

    use super::*;

    fn usd(amount: i64) -> Money {
        Money::new(amount, Currency::USD)
    }

    fn dollar() -> Rate {
        Rate::new(usd(100)).unwrap()
    }

    fn jane() -> CustomerId {
        CustomerId::parse("jane").unwrap()
    }

    fn created() -> Fact {
        Fact::Created { customer_id: jane(), total: usd(36_899) }
    }

    /// What the facts make of the order, and of an account that had nothing.
    fn told(facts: &[Fact]) -> (OrderPoints, i64, usize) {
        let (mut known, mut account, mut changes) = (OrderPoints::default(), 0_i64, 0);
        for fact in facts {
            let (next, event) = hear(&known, fact, dollar()).unwrap();
            known = next;
            let delta = |earning: &Earning| i64::try_from(earning.points.count()).unwrap();
            match &event {
                Some(LoyaltyEvent::Accrued(earning)) => account += delta(earning),
                Some(LoyaltyEvent::Reversed(earning)) => account -= delta(earning),
                None => {}
            }
            changes += usize::from(event.is_some());
            assert!(account >= 0);
        }
        (known, account, changes)
    }

    #[test]
    fn an_order_earns_a_point_for_each_full_step_of_its_total() {
        for (total, points) in [(0, 0), (99, 0), (100, 1), (36_899, 368), (i64::MAX, 92_233_720_368_547_758)]
        {
            assert_eq!(dollar().points(usd(total)), Ok(Points::new(points)));
        }
        assert_eq!(dollar().points(usd(-1)), Err(LoyaltyError::NegativeTotal(-1)));
    }

    #[test]
    fn an_order_in_another_currency_earns_nothing() {
        assert_eq!(dollar().points(Money::new(10_000, Currency::EUR)), Ok(Points::new(0)));
    }

    #[test]
    fn a_rate_has_a_positive_step() {
        for step in [0, -100] {
            assert_eq!(Rate::new(usd(step)), Err(LoyaltyError::Step(step)));
        }
    }

    #[test]
    fn a_paid_order_earns_nothing_before_it_is_fulfilled() {
        assert_eq!(told(&[created()]).1, 0);
        assert_eq!(told(&[created(), Fact::Fulfilled]).1, 368);
    }

    #[test]
    fn a_cancelled_order_earns_nothing() {
        assert_eq!(told(&[created(), Fact::Undone]).1, 0);
        assert_eq!(told(&[Fact::Undone, created(), Fact::Fulfilled]).1, 0);
    }

    #[test]
    fn points_of_an_order_that_is_cancelled_after_all_are_taken_back_once() {
        let (known, account, changes) = told(&[created(), Fact::Fulfilled, Fact::Undone, Fact::Undone]);
        assert_eq!((account, changes), (0, 2));
        assert_eq!(known.award, Award::Reversed { points: Points::new(368) });
    }

    #[test]
    fn a_new_rate_changes_nothing_for_orders_that_are_known() {
        let (known, _) = hear(&OrderPoints::default(), &created(), dollar()).unwrap();
        let (known, event) = hear(&known, &Fact::Fulfilled, Rate::new(usd(1)).unwrap()).unwrap();
        let Some(LoyaltyEvent::Accrued(earning)) = event else { panic!("{known:?}") };
        assert_eq!(earning.points, Points::new(368));
    }

    proptest! {
        #[test]
        fn facts_in_any_order_repeated_give_the_same_points(
            facts in proptest::collection::vec(select(vec![created(), Fact::Fulfilled, Fact::Undone]), 0..12)
        ) {
            let (known, account, changes) = told(&facts);
            let heard = |fact: &Fact| facts.contains(fact);
            let earned = heard(&created()) && heard(&Fact::Fulfilled) && !heard(&Fact::Undone);
            prop_assert_eq!(account, if earned { 368 } else { 0 });
            prop_assert!(changes <= 2);
            let again = [facts.clone(), facts].concat();
            prop_assert_eq!(told(&again), (known, account, changes));
        }

        #[test]
        fn points_never_exceed_the_total(total in 0..=i64::MAX, step in 1..=i64::MAX) {
            let points = Rate::new(usd(step)).unwrap().points(usd(total)).unwrap().count();
            prop_assert!(u128::from(points) * u128::from(step.unsigned_abs()) <= u128::from(total.unsigned_abs()));
        }
    }
}
