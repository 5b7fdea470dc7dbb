//! A cloud in two Regions of one emulator, for the drill: the same roots with the same profile, applied twice.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::json;

use super::variables::REGION;
use super::{State, Variables, build, clear, deploy, end, local, lock, services};
use crate::functions::{self, Function};
use crate::layout::{CloudPaths, Layout, create_dir};
use crate::progress::Progress;
use crate::terraform::{Terraform, Workspace};
use crate::{package, run, tools};

/// The Region that stands by for the emulator's own. It is as well in `regions.tfvars`.
const STANDBY: &str = "us-west-2";
/// What both Regions have in the place of what the profile says, and what only the standby has.
const SETTINGS: &str = "ci/drill/regions.tfvars";
const SETTINGS_OF_STANDBY: &str = "ci/drill/standby.tfvars";

/// Both Regions, as Terraform reaches them.
pub struct Regions<'a> {
    /// The one that makes the tables.
    pub home: Workspace<'a>,
    /// The other.
    pub standby: Workspace<'a>,
}

/// Where both Regions keep their things.
pub struct Paths {
    /// The home's, and the processes of both.
    pub home: CloudPaths,
    /// The standby's states and logs, beside the home's.
    pub standby: CloudPaths,
}

impl Paths {
    /// Those of the drill in this checkout.
    pub fn of(layout: &Layout) -> Self {
        let home = layout.drill_cloud();
        Self { standby: CloudPaths { dir: home.dir.join("standby") }, home }
    }
}

/// Terraform's variable for a second Region, with those of a local cloud.
pub fn setting() -> String {
    format!("second_region={{ home = \"{REGION}\", standby = \"{STANDBY}\" }}")
}

/// Starts a cloud anew and applies everything in both Regions, the home first.
pub fn up<'a>(
    layout: &Layout,
    terraform: &'a Terraform,
    paths: &'a Paths,
    progress: &Progress,
) -> anyhow::Result<Regions<'a>> {
    create_dir(&paths.home.dir)?;
    let _lock = lock(&paths.home)?;
    let step = progress.step("find the tools");
    step.done(&terraform.source);
    tools::python(layout, progress)?;
    build(layout, progress)?;
    let functions = functions::list(layout)?;
    package::package(layout, progress, &functions)?;
    end(&paths.home, progress, "clear away the last drill")?;
    clear(&paths.standby)?;

    let mut state = services::start(layout, &paths.home, progress)?;
    progress.heading(&format!("{REGION}, the home"));
    let settings = vec![layout.root.join(SETTINGS)];
    let home = Workspace { settings, ..local(layout, terraform, &paths.home, &state) };
    let variables = deploy(layout, &home, progress, &functions, &mut state)?;
    progress.heading(&format!("{STANDBY}, the standby"));
    let standby = up_standby(layout, &home, &paths.standby, progress, &functions, (&variables, state))?;
    Ok(Regions { home, standby })
}

fn up_standby<'a>(
    layout: &Layout,
    home: &Workspace<'a>,
    paths: &'a CloudPaths,
    progress: &Progress,
    functions: &[Function],
    (variables, state): (&Variables, State),
) -> anyhow::Result<Workspace<'a>> {
    let step = progress.step(&format!("prepare {STANDBY}"));
    let mut command = Command::new(layout.binary("lakeside-drill"));
    command.current_dir(&layout.root).args(["--prepare", STANDBY]);
    command.env("LAKESIDE_HOME_ENV_FILE", home.paths.env_file());
    let log = home.paths.logs().join("prepare.log");
    run::logged(&step, "lakeside-drill --prepare", &mut command, &log)?;
    step.done("");

    create_dir(&paths.logs())?;
    let mut environment = home.environment.clone();
    environment.push(("TF_VAR_other_customer_pool_arns".to_owned(), pool_arns(variables)));
    environment.extend(in_standby());
    let mut settings = home.settings.clone();
    settings.push(layout.root.join(SETTINGS_OF_STANDBY));
    let workspace = Workspace { terraform: home.terraform, paths, environment, settings };
    // Replicas have what was loaded at home.
    let mut state = State { applied: BTreeMap::new(), seeded: true, ..state };
    let standby = deploy(layout, &workspace, progress, functions, &mut state)?.with(in_standby());
    standby.write(&paths.env_file())?;
    Ok(workspace)
}

/// Ends the cloud and forgets both Regions.
pub fn down(paths: &Paths, progress: &Progress) -> anyhow::Result<()> {
    clear(&paths.standby)?;
    super::down(&paths.home, progress)
}

fn in_standby() -> [(String, String); 2] {
    ["AWS_REGION", "AWS_DEFAULT_REGION"].map(|name| (name.to_owned(), STANDBY.to_owned()))
}

/// The home's pool of customers, as Terraform takes a list.
fn pool_arns(home: &Variables) -> String {
    let pool = home.get("LAKESIDE_USER_POOL_ID");
    json!([format!("arn:aws:cognito-idp:{REGION}:000000000000:userpool/{pool}")]).to_string()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn terraform_is_told_of_the_same_two_regions() {
        let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(SETTINGS);
        let settings = fs::read_to_string(settings).unwrap();
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&settings).replace(" = {", "={").contains(&setting()), "{settings}");
    }

    #[test]
    fn the_standby_lets_in_the_customers_of_the_home() {
        let home = Variables::of([("LAKESIDE_USER_POOL_ID", "us-east-1_abc")]);
        assert_eq!(
            pool_arns(&home),
            r#"["arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_abc"]"#
        );
    }

    #[test]
    fn what_is_in_the_standby_is_not_said_to_be_at_home() {
        let standby =
            Variables::of([("AWS_REGION", REGION), ("LAKESIDE_PREFIX", "lakeside")]).with(in_standby());
        assert_eq!(standby.get("AWS_REGION"), STANDBY);
        assert_eq!(standby.get("LAKESIDE_PREFIX"), "lakeside");
    }
}
