//! Who is told again, and whether they may be. Pure: everything it needs was read before.

use lakeside_contracts::WireTime;

use super::{
    hearers::{Effect, Hearer},
    window::Window,
};
use crate::failure::{Failure, Result};

/// Those that are meant: all that hear replays if nobody is named.
///
/// # Errors
/// If somebody who is named is not there, or does not hear replays; or nobody does.
pub fn choose<'a>(hearers: &'a [Hearer], names: &[String], prefix: &str) -> Result<Vec<&'a Hearer>> {
    for name in names {
        let meant: Vec<&Hearer> = hearers.iter().filter(|hearer| hearer.is(name, prefix)).collect();
        if meant.is_empty() {
            let rules: Vec<&str> = hearers.iter().map(|hearer| hearer.rule.as_str()).collect();
            return Err(Failure::not_found(format!(
                "no rule of this bus is called `{name}`; there are {}",
                rules.join(", ")
            )));
        }
        if let Some(deaf) = meant.first().filter(|_| meant.iter().all(|hearer| !hearer.effect.hears())) {
            return Err(Failure::guarded(format!("{} {}", deaf.rule, deaf.effect.sentence())));
        }
    }
    let meant = |hearer: &&Hearer| {
        hearer.effect.hears() && (names.is_empty() || names.iter().any(|name| hearer.is(name, prefix)))
    };
    let chosen: Vec<&Hearer> = hearers.iter().filter(meant).collect();
    if chosen.is_empty() {
        return Err(Failure::guarded("nobody on this bus hears replays"));
    }
    Ok(chosen)
}

/// Whether those who were chosen may be told a window again.
///
/// # Errors
/// If one of them acts outside and nobody has said that this is known; or does not know any more what it did then.
pub fn permit(chosen: &[&Hearer], window: Window, now: WireTime, although_effects: bool) -> Result<()> {
    let age = window.age_days(now);
    let forgotten =
        |hearer: &&&Hearer| matches!(hearer.effect, Effect::Remembered { days } if age >= i64::from(days));
    if let Some(forgetful) = chosen.iter().find(forgotten) {
        return Err(Failure::guarded(format!(
            "{} {}, and the window begins {age} days ago: it would all be done again; begin later, or name others by --rule",
            forgetful.rule,
            forgetful.effect.sentence()
        )));
    }
    let acting: Vec<&str> = chosen
        .iter()
        .filter(|hearer| matches!(hearer.effect, Effect::Remembered { .. } | Effect::Unknown))
        .map(|hearer| hearer.rule.as_str())
        .collect();
    if acting.is_empty() || although_effects {
        return Ok(());
    }
    Err(Failure::guarded(format!(
        "{} may act outside: name others by --rule, or say --although-effects if that is meant (--dry-run says what each does)",
        acting.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::{super::hearers::tests::hearers, *};
    use crate::{clock, failure::Kind};

    fn named(names: &[&str]) -> Result<Vec<String>> {
        let hearers = hearers();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let chosen = choose(&hearers, &names, "test")?;
        Ok(chosen.into_iter().map(|hearer| hearer.rule.clone()).collect())
    }

    fn permitted(names: &[&str], age_days: i64, although_effects: bool) -> Result<()> {
        let hearers = hearers();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let now = clock::of_millis(1000 * 86_400_000);
        let from = clock::of_millis(now.0.as_millis() - age_days * 86_400_000);
        let window = Window { from, to: now };
        permit(&choose(&hearers, &names, "test")?, window, now, although_effects)
    }

    #[test]
    fn a_rule_is_meant_by_its_own_name_or_that_of_its_function() {
        for name in ["order-status", "test-order-status", "order-status-orders", "test-order-status-orders"] {
            // The rule that is switched off sends to the same queue, and is not told.
            assert_eq!(named(&[name]), Ok(vec!["test-order-status-orders".to_owned()]));
        }
        assert_eq!(named(&["forgotten"]).unwrap_err().kind, Kind::Guarded);
        assert_eq!(named(&["nobody"]).unwrap_err().kind, Kind::NotFound);
        assert_eq!(named(&["subscriber-ledger"]).unwrap_err().kind, Kind::Guarded);
        assert_eq!(named(&[]).unwrap().len(), 4, "all but those that do not hear it");
    }

    #[test]
    fn who_acts_outside_is_told_only_if_that_is_said() {
        assert_eq!(permitted(&["order-status-orders", "analytics-orders"], 1, false), Ok(()));
        for name in ["notify-customer", "somebody"] {
            assert_eq!(permitted(&[name], 1, false).unwrap_err().kind, Kind::Guarded);
            assert_eq!(permitted(&[name], 1, true), Ok(()));
        }
        assert_eq!(permitted(&[], 1, false).unwrap_err().kind, Kind::Guarded, "all are more than may be");
    }

    #[test]
    fn who_has_forgotten_what_it_did_is_told_in_no_case() {
        assert_eq!(permitted(&["notify-customer"], 89, true), Ok(()));
        assert_eq!(permitted(&["notify-customer"], 90, true).unwrap_err().kind, Kind::Guarded);
    }
}
