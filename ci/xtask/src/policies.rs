//! The platform's policies on the real plans: those of every root with every profile.
//!
//! The roots are planned from the states of a local cloud that was applied, because a plan from nothing hides what only
//! AWS knows, such as ARNs, and rules cannot judge what they cannot see. Nothing is applied.

mod alarms;
mod costs;
mod settle;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::check::{LOCK, TREES, side_by_side};
use crate::cloud::regions;
use crate::layout::{CloudPaths, Layout, create_dir, remove_dir, write_atomically};
use crate::progress::{Progress, Step};
use crate::run;
use crate::terraform::{PLATFORM, Root, Terraform, Workspace, groups};

/// What an account of one's own has to say beside its profile, whatever the value.
const SAID_BY_ACCOUNTS: [(&str, &str); 1] = [("TF_VAR_sender_address", "orders@lakeside.example")];

/// A root, whether it was applied to the local cloud, and the profiles that it has.
#[derive(Debug, PartialEq, Eq)]
struct Planned {
    root: Root,
    applied: bool,
    profiles: Vec<String>,
}

/// The profile with everything switched on, also a second Region.
const WHOLE: &str = "enterprise";

/// Plans every root with every profile and has the policies judge the plans. The pages of events have to say what they do.
pub fn check(
    layout: &Layout,
    progress: &Progress,
    terraform: &Terraform,
    paths: &CloudPaths,
) -> anyhow::Result<()> {
    let workspace = crate::cloud::workspace(layout, terraform, paths)?;
    let plans = judge(layout, progress, workspace, &planned(layout)?, Standby::Absent)?;
    let step = progress.step("compare the pages of events with the plans");
    let log = paths.logs().join("event-pages.log");
    let mut command = Command::new(layout.binary("generate-event-pages"));
    command.arg("--check").arg("--plans").arg(&plans);
    run::logged(&step, "generate-event-pages", &mut command, &log)?;
    step.done(&run::tail(&log, 1).concat());

    let step = progress.step("compare what is there anyway with what costs are reckoned of");
    step.done(&costs::check(layout, &plans)?);
    Ok(())
}

/// The same for one of two Regions and what is applied there: plans with a second Region alone, which hide nothing here.
pub fn check_region(layout: &Layout, progress: &Progress, workspace: Workspace<'_>) -> anyhow::Result<()> {
    let mut planned = planned(layout)?;
    planned.retain(|planned| planned.applied);
    for planned in &mut planned {
        planned.profiles.retain(|profile| profile == WHOLE);
    }
    judge(layout, progress, workspace, &planned, Standby::There).map(drop)
}

/// The platform with a second Region, planned where there is one: what it would make is in no state, so it hides much. It
/// is no profile that anybody applies from here.
const IN_TWO_REGIONS: &str = "platform-in-two-regions";
const TWO_REGIONS: &str = "two-regions";

/// Whether the cloud that is planned from has a second Region.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standby {
    /// Profiles with one are planned without it.
    Absent,
    /// It is there.
    There,
}

/// Has the policies judge plans, and answers where the plans are.
fn judge(
    layout: &Layout,
    progress: &Progress,
    mut workspace: Workspace<'_>,
    planned: &[Planned],
    standby: Standby,
) -> anyhow::Result<PathBuf> {
    workspace.environment.extend(SAID_BY_ACCOUNTS.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let paths = workspace.paths;
    let plans = paths.dir.join("plans");
    let states = paths.dir.join("settled");
    remove_dir(&plans)?;
    let step = progress.step("plan every root with every profile");
    // One after the other, for Terraform's plugin cache does not bear two at once.
    for planned in planned {
        workspace.init(&step, &planned.root)?;
    }
    let pairs: Vec<(&Root, &str)> = planned
        .iter()
        .flat_map(|planned| planned.profiles.iter().map(|profile| (&planned.root, profile.as_str())))
        .collect();
    side_by_side(&pairs, |(root, profile)| {
        let plan = plan(&workspace, &step, (root, profile, standby), &states)?;
        write_atomically(&plans.join(&*root.name).join(format!("{profile}.json")), plan.as_bytes())
    })?;
    if standby == Standby::Absent {
        let plan = plan(&workspace, &step, (&PLATFORM, WHOLE, Standby::There), &states)?;
        write_atomically(&plans.join(IN_TWO_REGIONS).join(format!("{TWO_REGIONS}.json")), plan.as_bytes())?;
    }
    remove_dir(&states)?;
    step.done(&format!("{} roots and profiles", pairs.len()));

    let step = progress.step("judge the plans by the policies");
    let log = paths.logs().join("policies.log");
    let mut command = Command::new(layout.binary("lakeside-policies"));
    command.current_dir(&layout.root).arg(&plans);
    match standby {
        Standby::Absent => command.args(["--unapplied", IN_TWO_REGIONS]),
        Standby::There => command.arg("--some"),
    };
    for planned in planned.iter().filter(|planned| !planned.applied) {
        command.args(["--unapplied", &planned.root.name]);
    }
    create_dir(&paths.logs())?;
    run::logged(&step, "lakeside-policies", &mut command, &log)?;
    step.done(&run::tail(&log, 1).concat());

    let step = progress.step("make the condition of every alarm true");
    step.done(&alarms::check(&plans)?);
    Ok(plans)
}

/// Plans a root with a profile, twice where the first plan hides what comes of its own changes.
fn plan(
    workspace: &Workspace<'_>,
    step: &Step<'_>,
    (root, profile, standby): (&Root, &str, Standby),
    states: &Path,
) -> anyhow::Result<String> {
    let variables = variables(workspace, root, profile, standby)?;
    let json = workspace.plan_profile(step, root, (profile, &variables), None)?;
    let plan: Value = serde_json::from_str(&json).context("terraform show printed no JSON")?;
    if !settle::is_unsettled(&plan) {
        return Ok(json);
    }
    let state = workspace.state(root);
    let text = fs::read_to_string(&state).with_context(|| format!("cannot read {}", state.display()))?;
    let mut state: Value = serde_json::from_str(&text).context("the state is no JSON")?;
    settle::settle(&mut state, &plan);
    let settled = states.join(&*root.name).join(format!("{profile}.tfstate"));
    write_atomically(&settled, state.to_string().as_bytes())?;
    workspace.plan_profile(step, root, (profile, &variables), Some(&settled))
}

/// A profile's two Regions are not those of a local cloud.
fn variables(
    workspace: &Workspace<'_>,
    root: &Root,
    profile: &str,
    standby: Standby,
) -> anyhow::Result<Vec<String>> {
    let Some(file) = workspace.profile(root, &format!("{profile}.tfvars")) else { return Ok(Vec::new()) };
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let has_two = text.lines().any(|line| line.starts_with("second_region"));
    let setting = match standby {
        Standby::Absent => "second_region=null".to_owned(),
        Standby::There => regions::setting(),
    };
    Ok(has_two.then_some(setting).into_iter().collect())
}

/// All roots there are, by their directories: also those that no local cloud is made of.
fn planned(layout: &Layout) -> anyhow::Result<Vec<Planned>> {
    let applied: Vec<Root> = groups(layout)?.concat();
    let mut planned = Vec::new();
    for tree in TREES {
        for dir in names(&layout.root.join(tree), |path| path.join(LOCK).is_file())? {
            let dir = format!("{tree}/{dir}");
            let profiles =
                names(&layout.root.join(&dir), |path| path.extension().is_some_and(|end| end == "tfvars"))?;
            let profiles: Vec<String> =
                profiles.iter().filter_map(|file| file.strip_suffix(".tfvars")).map(str::to_owned).collect();
            if profiles.is_empty() {
                bail!("{dir} has no profile: a root has a .tfvars for each");
            }
            let known = applied.iter().find(|root| root.dir == dir);
            let root = known.cloned().unwrap_or_else(|| Root::of_directory(dir));
            planned.push(Planned { root, applied: known.is_some(), profiles });
        }
    }
    Ok(planned)
}

/// The names of what is in a directory, in order.
fn names(dir: &Path, wanted: impl Fn(&Path) -> bool) -> anyhow::Result<Vec<String>> {
    let entries =
        fs::read_dir(dir).with_context(|| format!("cannot read the directory {}", dir.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if wanted(&entry.path()) {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_root_is_planned_with_every_profile_that_it_has() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().to_path_buf();
        for file in [
            "platform-terraform/guardrails/.terraform.lock.hcl",
            "platform-terraform/guardrails/account.tfvars",
            "platform-terraform/policies/README.md",
            "squad-modules/modules/queue/main.tf",
            "squad-modules/orders/.terraform.lock.hcl",
            "squad-modules/orders/local.tfvars",
            "squad-modules/orders/canary.tfvars",
        ] {
            fs::create_dir_all(top.join(file).parent().unwrap()).unwrap();
            fs::write(top.join(file), "").unwrap();
        }
        let layout = Layout { target: top.join("target"), local: top.join(".local"), root: top };
        let found = planned(&layout).unwrap();
        let shown: Vec<_> = found
            .iter()
            .map(|planned| (&*planned.root.name, planned.applied, planned.profiles.join(" ")))
            .collect();
        let expected =
            [("guardrails", false, "account".to_owned()), ("orders", true, "canary local".to_owned())];
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_root_without_a_profile_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().to_path_buf();
        for tree in TREES {
            fs::create_dir_all(top.join(tree).join("orders")).unwrap();
        }
        fs::write(top.join("squad-modules/orders").join(LOCK), "").unwrap();
        let layout = Layout { target: top.join("target"), local: top.join(".local"), root: top };
        assert!(planned(&layout).unwrap_err().to_string().contains("has no profile"));
    }
}
