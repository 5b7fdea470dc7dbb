//! What the rules say of one plan, and of many.

use std::collections::BTreeSet;

use crate::suite::Granted;

/// What the rules say of one plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Faults, a sentence each.
    pub denied: BTreeSet<String>,
    /// What a rule could not see, because it is known only after the apply.
    pub unseen: BTreeSet<String>,
    /// The exceptions without which there would be more faults.
    pub exceptions: BTreeSet<String>,
    /// The consumers with effects outside whose proof was needed.
    pub proofs: BTreeSet<String>,
}

/// What the rules say of many plans together.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Plans that were judged.
    pub plans: usize,
    /// Each fault once, with the plans that have it.
    pub denied: Vec<(String, Vec<String>)>,
    /// Each thing unseen once, with the plans that hide it.
    pub unseen: Vec<(String, Vec<String>)>,
    exceptions: BTreeSet<String>,
    proofs: BTreeSet<String>,
}

impl Summary {
    /// Takes in what was said of the plan of this name.
    pub fn add(&mut self, plan: &str, verdict: Verdict) {
        self.plans += 1;
        for (all, found) in [(&mut self.denied, verdict.denied), (&mut self.unseen, verdict.unseen)] {
            for sentence in found {
                match all.iter_mut().find(|(other, _)| *other == sentence) {
                    Some((_, plans)) => plans.push(plan.to_owned()),
                    None => all.push((sentence, vec![plan.to_owned()])),
                }
            }
        }
        self.exceptions.extend(verdict.exceptions);
        self.proofs.extend(verdict.proofs);
    }

    /// Takes in what of what is granted other plans need.
    pub fn join(&mut self, other: Self) {
        self.exceptions.extend(other.exceptions);
        self.proofs.extend(other.proofs);
    }

    /// What of all that is granted no plan needs any more.
    pub fn needless<'a>(&'a self, granted: &'a Granted) -> Vec<&'a str> {
        let exceptions = granted.exceptions.difference(&self.exceptions);
        exceptions.chain(granted.proofs.difference(&self.proofs)).map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(texts: &[&str]) -> BTreeSet<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn a_fault_of_several_plans_is_told_once() {
        let mut summary = Summary::default();
        let verdict = Verdict { denied: set(&["a"]), ..Verdict::default() };
        summary.add("orders, startup", verdict.clone());
        summary.add("orders, local", verdict);
        assert_eq!(
            summary.denied,
            [("a".to_owned(), vec!["orders, startup".to_owned(), "orders, local".to_owned()])]
        );
        assert_eq!(summary.plans, 2);
    }

    #[test]
    fn an_exception_that_no_plan_needs_is_told() {
        let mut summary = Summary::default();
        summary.add("a", Verdict { exceptions: set(&["one"]), ..Verdict::default() });
        summary.add("b", Verdict { proofs: set(&["route-stock"]), ..Verdict::default() });
        let granted = Granted { exceptions: set(&["one", "two"]), proofs: set(&["gone", "route-stock"]) };
        assert_eq!(summary.needless(&granted), ["two", "gone"]);
    }
}
