//! What follows from what was seen. Pure: everything was looked at before.

mod installation;
mod listening;
mod signs;

pub use self::{
    installation::{clock, contracts, squads},
    listening::{Mapping, archives, consumers, rules},
    signs::{Alarm, alarms, dead_letters},
};

/// Names that one line has room for.
const NAMES: usize = 5;

/// Some names, and how many more there are.
fn few(names: &[String]) -> String {
    let mut shown: Vec<String> = names.iter().take(NAMES).cloned().collect();
    if names.len() > NAMES {
        shown.push(format!("and {} more", names.len() - NAMES));
    }
    shown.join(", ")
}

/// So many of them.
fn several(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_room_for_a_few_names() {
        let names: Vec<String> = (1..=7).map(|n| n.to_string()).collect();
        assert_eq!(few(&names), "1, 2, 3, 4, 5, and 2 more");
    }
}
