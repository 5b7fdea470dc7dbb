//! What an installation itself says is wrong with it.

use std::collections::BTreeSet;

use super::{few, several};
use crate::{doctor::findings::Finding, replay::aftermath::Letters};

/// An alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: String,
    /// Whether it would tell somebody.
    pub tells: bool,
    /// What to open, if its description says so.
    pub runbook: Option<String>,
}

/// Whether something was given up.
pub fn dead_letters(letters: &Letters) -> Finding {
    let full: Vec<String> = letters
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(queue, count)| format!("{count} of {queue}"))
        .collect();
    if full.is_empty() {
        return Finding::ok("dead letters", format!("{}, all empty", several(letters.len(), "queue")));
    }
    Finding::wrong("dead letters", few(&full), vec!["lakeside dlq list".to_owned()])
}

/// Whether all alarms are quiet and would tell somebody.
pub fn alarms(alarms: &[Alarm], works: bool) -> Finding {
    let named = |chosen: &dyn Fn(&&Alarm) -> bool| -> Vec<String> {
        alarms.iter().filter(chosen).map(|alarm| alarm.name.clone()).collect()
    };
    let ringing = named(&|alarm| alarm.state == "ALARM");
    // Where another Region works, some of them are to be silent.
    let silent = named(&|alarm| !alarm.tells && works);
    let blind = named(&|alarm| alarm.state == "INSUFFICIENT_DATA");
    let of = |names: &[String], what: &str| {
        (!names.is_empty()).then(|| format!("{} {what}: {}", names.len(), few(names)))
    };
    let said = [of(&ringing, "ring"), of(&silent, "tell nobody"), of(&blind, "have no data")];
    let said: Vec<String> = said.into_iter().flatten().collect();
    if alarms.is_empty() {
        return Finding::wrong(
            "alarms",
            "there are none",
            vec!["apply the Terraform of platform and squads".to_owned()],
        );
    }
    if said.is_empty() {
        return Finding::ok("alarms", format!("{} are quiet", several(alarms.len(), "alarm")));
    }
    let runbooks: BTreeSet<&String> = alarms
        .iter()
        .filter(|alarm| alarm.state == "ALARM")
        .filter_map(|alarm| alarm.runbook.as_ref())
        .collect();
    let mut next: Vec<String> = runbooks.into_iter().map(|runbook| format!("see {runbook}")).collect();
    if !silent.is_empty() {
        next.push(format!("aws cloudwatch enable-alarm-actions --alarm-names {}", silent.join(" ")));
    }
    if ringing.is_empty() && silent.is_empty() {
        next.push(
            "nothing if it is new or nothing has happened yet; else see whether what it watches still runs"
                .to_owned(),
        );
        return Finding::warn("alarms", said.join("; "), next);
    }
    Finding::wrong("alarms", said.join("; "), next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::findings::State;

    fn alarm(state: &str, tells: bool) -> Alarm {
        let runbook = Some("docs/runbooks/stock-difference.md".to_owned());
        Alarm { name: "test-stock-differs".into(), state: state.into(), tells, runbook }
    }

    #[test]
    fn dead_letters_are_counted_by_queue() {
        let letters = |count| [("order-ingest".to_owned(), count)].into();
        assert_eq!(dead_letters(&letters(0)).state, State::Ok);
        let some = dead_letters(&letters(3));
        assert_eq!((some.state, some.said.as_str()), (State::Wrong, "3 of order-ingest"));
    }

    #[test]
    fn an_alarm_that_rings_leads_to_its_runbook_and_one_that_tells_nobody_is_wrong() {
        assert_eq!(alarms(&[alarm("OK", true)], true).state, State::Ok);
        assert_eq!(alarms(&[], true).state, State::Wrong);
        assert_eq!(alarms(&[alarm("INSUFFICIENT_DATA", true)], true).state, State::Warn);
        let rings = alarms(&[alarm("ALARM", true)], true);
        assert_eq!(
            (rings.state, rings.next),
            (State::Wrong, vec!["see docs/runbooks/stock-difference.md".to_owned()])
        );
        let silent = alarms(&[alarm("OK", false)], true);
        assert!(
            silent.state == State::Wrong && silent.next[0].contains("enable-alarm-actions"),
            "{silent:?}"
        );
        assert_eq!(alarms(&[alarm("OK", false)], false).state, State::Ok, "it stands by");
    }
}
