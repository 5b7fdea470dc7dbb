//! Shifts an alias by its own weights, where CodeDeploy does not: in steps, or at once, with an eye on the alarm.

use std::time::Duration;

use crate::{
    ports::{Alias, Cloud, Outcome},
    target::Target,
};

/// Between two looks at an alarm.
const LOOK: Duration = Duration::from_secs(1);

/// How fast an alias moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// All callers in one moment.
    AtOnce,
    /// So many percent more, after each so much time without the alarm.
    Steps { percent: u32, each: Duration },
}

/// How a shift is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch {
    /// How fast the alias moves.
    pub pace: Pace,
    /// How long after the last step.
    pub afterwards: Duration,
    /// Whether the alarm is of no interest.
    pub despite_alarm: bool,
}

/// Moves the alias from where it points to `to`, from the weight that it gives to it already.
pub async fn by_weights(
    cloud: &impl Cloud,
    name: &str,
    target: &Target,
    mut alias: Alias,
    to: &str,
    watch: &Watch,
) -> anyhow::Result<Outcome> {
    let from = alias.version.clone();
    if let Pace::Steps { percent, each } = watch.pace {
        let mut weight = alias.second.as_ref().map_or(0, |(_, weight)| *weight);
        // What an interrupted shift had come to was not watched to its end: watch it before going on.
        if weight > 0 && rings_within(cloud, target, each, watch).await? {
            return take_back(cloud, name, target, &alias, &from).await;
        }
        while weight + percent < 100 {
            weight += percent;
            alias = cloud.point(target, &alias, &from, Some((to, weight))).await?;
            println!("{name}: {weight} percent of the invocations get version {to}");
            if rings_within(cloud, target, each, watch).await? {
                return take_back(cloud, name, target, &alias, &from).await;
            }
        }
    }
    alias = cloud.point(target, &alias, to, None).await?;
    println!("{name}: version {to} is live, version {from} was");
    if rings_within(cloud, target, watch.afterwards, watch).await? {
        return take_back(cloud, name, target, &alias, &from).await;
    }
    Ok(Outcome::Done)
}

/// Gives all callers the version from before, because the alarm rings.
pub async fn take_back(
    cloud: &impl Cloud,
    name: &str,
    target: &Target,
    alias: &Alias,
    version: &str,
) -> anyhow::Result<Outcome> {
    cloud.point(target, alias, version, None).await?;
    println!("{name}: the alarm {} rings, so version {version} is live again", target.alarm);
    Ok(Outcome::RolledBack)
}

/// Looks at the alarm until the time is over, at least once where there is any time at all.
async fn rings_within(
    cloud: &impl Cloud,
    target: &Target,
    time: Duration,
    watch: &Watch,
) -> anyhow::Result<bool> {
    if watch.despite_alarm {
        return Ok(false);
    }
    let mut left = time;
    while !left.is_zero() {
        let look = left.min(LOOK);
        cloud.wait(look).await;
        left -= look;
        if cloud.rings(&target.alarm).await? {
            return Ok(true);
        }
    }
    Ok(false)
}
