//! Deploys the functions of a squad: brings their packages, publishes versions, shifts their aliases, and takes a shift
//! back when an alarm rings.
//!
//! What there is to deploy is read from the parameter that the squad's Terraform writes. Everything can be run again: what
//! is done already is left alone, and a shift that somebody began and did not end is gone on with, or taken back.

mod aws;
mod deploy;
#[cfg(test)]
mod memory;
mod package;
mod ports;
mod roll_back;
mod shift;
pub mod signed;
mod status;
mod target;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use futures::future::join_all;

pub use crate::ports::Outcome;
use crate::{
    aws::Aws,
    deploy::Deployment,
    shift::{Pace, Watch},
    target::Squad,
};

/// Deploys the functions of one squad, and takes it back
#[derive(Parser)]
#[command(name = "lakeside-deploy")]
pub struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Make the packages live: code, version, alias. Functions whose package is live already are left alone
    Deploy(DeployOptions),
    /// Go back to the version before the live one, or take back a shift that is under way
    RollBack(RollBackOptions),
    /// Say of every function which version is live, and whether the package is another
    Status(StatusOptions),
}

#[derive(Args)]
struct Whose {
    /// Whose functions: a squad, or a consumer in a directory of its own
    #[arg(long)]
    squad: String,
    /// What the names of this installation begin with
    #[arg(long, env = "LAKESIDE_PREFIX", default_value = "lakeside")]
    prefix: String,
    /// Only this function, by its name without prefix; may be given again
    #[arg(long)]
    function: Vec<String>,
}

#[derive(Args)]
struct DeployOptions {
    #[command(flatten)]
    whose: Whose,
    /// The directory with the packages, one <binary>.zip each
    #[arg(long)]
    packages: PathBuf,
    /// The bucket that packages are brought through; without one they are sent to Lambda directly
    #[arg(long)]
    bucket: Option<String>,
    /// Shift by this many percent in a step, where CodeDeploy does not shift; without it the alias moves at once
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=50))]
    step_percent: Option<u32>,
    /// How long the alarm is watched after every step
    #[arg(long, default_value_t = 120)]
    step_seconds: u64,
    /// How long the alarm is watched once everything has moved
    #[arg(long, default_value_t = 0)]
    watch_seconds: u64,
    /// Deploy although the alarm rings, and whatever it does: for the version that mends what made it ring
    #[arg(long)]
    despite_alarm: bool,
}

#[derive(Args)]
struct RollBackOptions {
    #[command(flatten)]
    whose: Whose,
    /// Every function of the squad, by one version each, whether it was deployed lately or not
    #[arg(long, conflicts_with = "function")]
    all: bool,
    /// The version to go back to; the newest before the live one if not given
    #[arg(long)]
    to: Option<u64>,
}

#[derive(Args)]
struct StatusOptions {
    #[command(flatten)]
    whose: Whose,
    /// The directory with the packages to compare with
    #[arg(long)]
    packages: Option<PathBuf>,
}

/// Does what the arguments say, for all functions at the same time, and answers the worst that came of it.
///
/// # Errors
/// If something could not be done; what was done of it is said, and a second run goes on from there.
pub async fn run(arguments: Arguments) -> anyhow::Result<Outcome> {
    let cloud = Aws::of_environment().await?;
    match arguments.task {
        Task::Deploy(options) => {
            let squad = squad(&cloud, &options.whose).await?;
            let watch = Watch {
                pace: options.step_percent.map_or(Pace::AtOnce, |percent| Pace::Steps {
                    percent,
                    each: Duration::from_secs(options.step_seconds),
                }),
                afterwards: Duration::from_secs(options.watch_seconds),
                despite_alarm: options.despite_alarm,
            };
            let deployment = Deployment {
                cloud: &cloud,
                application: squad.application.as_deref(),
                squad: &options.whose.squad,
                packages: &options.packages,
                bucket: options.bucket.as_deref(),
                watch,
            };
            let all = squad.functions.iter().map(|(name, target)| deployment.function(name, target));
            worst(join_all(all).await)
        }
        Task::RollBack(options) => {
            if options.whose.function.is_empty() && !options.all {
                bail!("say which function goes back with --function, or --all");
            }
            if options.to.is_some() && options.whose.function.len() != 1 {
                bail!("a version belongs to one function: say which with --function");
            }
            let squad = squad(&cloud, &options.whose).await?;
            let application = squad.application.as_deref();
            let all = squad
                .functions
                .iter()
                .map(|(name, target)| roll_back::function(&cloud, application, name, target, options.to));
            worst(join_all(all).await)
        }
        Task::Status(options) => {
            let squad = squad(&cloud, &options.whose).await?;
            for (name, target) in &squad.functions {
                println!("{}", status::of(&cloud, name, target, options.packages.as_deref()).await?);
            }
            Ok(Outcome::Done)
        }
    }
}

/// The squad as its Terraform describes it, with the functions that are meant.
async fn squad(cloud: &Aws, whose: &Whose) -> anyhow::Result<Squad> {
    let parameter = format!("/{}/deployments/{}/v1", whose.prefix, whose.squad);
    let text = cloud
        .parameter(&parameter)
        .await
        .with_context(|| format!("cannot read how {} is deployed: apply its Terraform first", whose.squad))?;
    Squad::parse(&text).with_context(|| format!("cannot read {parameter}"))?.only(&whose.function)
}

/// One failure does not keep the others from being reported; a failure is worse than a shift taken back.
fn worst(outcomes: Vec<anyhow::Result<Outcome>>) -> anyhow::Result<Outcome> {
    let mut worst = Outcome::Done;
    let mut failed = Vec::new();
    for outcome in outcomes {
        match outcome {
            Ok(Outcome::Done) => {}
            Ok(Outcome::RolledBack) => worst = Outcome::RolledBack,
            Err(error) => failed.push(format!("{error:#}")),
        }
    }
    if failed.is_empty() { Ok(worst) } else { bail!("{}", failed.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_is_told_and_is_worse_than_a_shift_taken_back() {
        assert_eq!(worst(vec![Ok(Outcome::Done), Ok(Outcome::RolledBack)]).unwrap(), Outcome::RolledBack);
        let outcomes =
            vec![Err(anyhow::anyhow!("one")), Ok(Outcome::RolledBack), Err(anyhow::anyhow!("two"))];
        assert_eq!(worst(outcomes).unwrap_err().to_string(), "one; two");
    }

    #[test]
    fn the_arguments_are_sound() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
