//! How much there is of a SKU, as it is told to those who only want to know: a number, and a version by which the newest
//! is known whatever comes last. Never changes stock.
//!
//! The version of an item of stock is how often it was written since it was first put there, and the version of several
//! items together is the sum of theirs. Both only grow.
//!
//! At rest the told level with the highest version is true. Levels of a SKU are told one after the other, each from items
//! that are read after a write of which it tells, and every write that changes what there is is told of. A level that is
//! not true any more missed such a write, so it was read before that write was told of. Of the items that were read then
//! none is older and that one is newer than what the level knew, so its version is higher. Two levels of one version were
//! read from the very same items.

/// What an item of stock has, or several of them together, and how new that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Units.
    pub units: u64,
    /// Higher than that of every level before.
    pub version: u64,
}

impl Level {
    /// The most units that there can be.
    pub const MAX_UNITS: u64 = 1_000_000_000_000;
    /// The highest version: what a JSON number holds exactly in every reader.
    pub const MAX_VERSION: u64 = 9_007_199_254_740_991;
}

/// There are more units, or more writes, than can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a level of stock is too large")]
pub struct TooLarge;

/// What is told of `items` together. Versions are told from 1 on, so that an item that was never written again has one.
///
/// # Errors
/// [`TooLarge`].
pub fn told(items: impl IntoIterator<Item = Level>) -> Result<Level, TooLarge> {
    items.into_iter().try_fold(Level { units: 0, version: 1 }, |sum, item| {
        let units = sum.units.checked_add(item.units).ok_or(TooLarge)?;
        let version = sum.version.checked_add(item.version).ok_or(TooLarge)?;
        (units <= Level::MAX_UNITS && version <= Level::MAX_VERSION)
            .then_some(Level { units, version })
            .ok_or(TooLarge)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn item(units: u64, version: u64) -> Level {
        Level { units, version }
    }

    #[test]
    fn units_and_writes_of_all_items_count() {
        assert_eq!(told([item(3, 0)]), Ok(item(3, 1)));
        assert_eq!(told([item(3, 4), item(0, 2)]), Ok(item(3, 7)));
    }

    #[test]
    fn a_level_that_cannot_be_told_is_refused() {
        assert_eq!(told([item(u64::MAX, 0), item(1, 0)]), Err(TooLarge));
        assert_eq!(told([item(0, u64::MAX)]), Err(TooLarge));
        let largest = item(Level::MAX_UNITS, Level::MAX_VERSION - 1);
        assert_eq!(told([largest]), Ok(item(Level::MAX_UNITS, Level::MAX_VERSION)));
        assert_eq!(told([largest, item(1, 0)]), Err(TooLarge));
        assert_eq!(told([largest, item(0, 1)]), Err(TooLarge));
    }

    /// What goes on with a SKU of several items.
    #[derive(Debug, Clone)]
    enum Step {
        /// An item is written; whether that changes what there is.
        Write { item: usize, units: Option<u64> },
        /// The next item of the reading that goes on is read; the first one begins it, the last one tells.
        Read,
    }

    fn steps(items: usize) -> impl Strategy<Value = Vec<Step>> {
        let write = (0..items, prop::option::of(0..9_u64));
        let step = prop_oneof![
            2 => write.prop_map(|(item, units)| Step::Write { item, units }),
            3 => Just(Step::Read),
        ];
        prop::collection::vec(step, 0..80)
    }

    proptest! {
        #[test]
        fn at_rest_the_highest_version_is_true(
            (count, steps) in (1..4_usize).prop_flat_map(|items| (Just(items), steps(items))),
        ) {
            let mut items = vec![item(5, 0); count];
            // Writes that nobody has begun to tell of, and items that the reading which goes on has read.
            let (mut untold, mut read) = (1_usize, Vec::new());
            let mut levels = Vec::new();
            let finish = std::iter::repeat_n(Step::Read, 2 * count);
            for step in steps.into_iter().chain(finish) {
                match step {
                    Step::Write { item, units } => {
                        items[item].version += 1;
                        if let Some(units) = units.filter(|units| *units != items[item].units) {
                            items[item].units = units;
                            untold += 1;
                        }
                    }
                    Step::Read if read.is_empty() && untold == 0 => {}
                    Step::Read => {
                        if read.is_empty() {
                            untold = 0;
                        }
                        read.push(items[read.len()]);
                        if read.len() == count {
                            levels.push(told(read.drain(..)).unwrap());
                        }
                    }
                }
            }
            let newest = levels.iter().max_by_key(|level| level.version).unwrap();
            prop_assert_eq!(newest.units, items.iter().map(|item| item.units).sum::<u64>());
        }
    }
}
