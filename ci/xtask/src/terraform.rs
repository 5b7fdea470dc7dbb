//! Terraform on a local cloud: which roots there are, in which order, and how each is initialised and applied.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use serde_json::Value;

use crate::consumer::{self, CONSUMERS, HANDLERS};
use crate::fingerprint::Fingerprint;
use crate::functions::{self, Function};
use crate::layout::{CloudPaths, Layout, create_dir, remove_file, write_atomically};
use crate::mirror::{self, Source, Surroundings, Wanted};
use crate::progress::Step;
use crate::run;
use crate::tools;

/// Most of an apply is waiting for queues, so many resources are made at once.
const PARALLELISM: &str = "-parallelism=64";

/// One root module with a state of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// What it is called in logs and in the list of known drift.
    pub name: Cow<'static, str>,
    /// Its directory below the checkout.
    pub dir: Cow<'static, str>,
    /// Whose functions it deploys: as [`Function::squad`].
    pub squad: Option<Cow<'static, str>>,
}

/// The platform, which everything else reads.
pub const PLATFORM: Root = root("platform", "platform-terraform/region", None);
/// Inventory, whose functions the saga calls.
pub const INVENTORY: Root = root("inventory", "squad-modules/inventory", Some("inventory"));
/// Orders.
pub const ORDERS: Root = root("orders", "squad-modules/orders", Some("orders"));
/// Fulfilment, with the saga.
pub const FULFILMENT: Root = root("fulfilment", "squad-modules/fulfilment", Some("fulfilment"));
/// Growth.
pub const GROWTH: Root = root("growth", "squad-modules/growth", Some("growth"));

/// What the organization's management account is applied with. No local cloud has these two.
pub const ORGANIZATION: Root =
    root("guardrails-organization", "platform-terraform/guardrails/organization", None);
/// The guardrails of each account.
pub const ACCOUNT: Root = root("guardrails-account", "platform-terraform/guardrails/account", None);

/// The roots in the order of what they read from each other; those of one group can be applied at the same time.
const GROUPS: [&[Root]; 3] = [&[PLATFORM], &[INVENTORY], &[ORDERS, FULFILMENT, GROWTH]];

const fn root(name: &'static str, dir: &'static str, squad: Option<&'static str>) -> Root {
    let squad = match squad {
        Some(squad) => Some(Cow::Borrowed(squad)),
        None => None,
    };
    Root { name: Cow::Borrowed(name), dir: Cow::Borrowed(dir), squad }
}

/// The roots in the order of what they read from each other, and with the last of them the consumers that are a
/// directory of their own: they read the platform's contract and nothing else.
pub fn groups(layout: &Layout) -> anyhow::Result<Vec<Vec<Root>>> {
    let mut groups: Vec<Vec<Root>> = GROUPS.iter().map(|group| group.to_vec()).collect();
    if let Some(last) = groups.last_mut() {
        last.extend(consumer::names(layout)?.into_iter().map(Root::of_consumer));
    }
    Ok(groups)
}

impl Root {
    /// The root of the consumer with this name.
    pub fn of_consumer(name: String) -> Self {
        Self {
            dir: format!("{CONSUMERS}/{name}").into(),
            squad: Some(name.clone().into()),
            name: name.into(),
        }
    }

    /// A root that no local cloud is made of.
    pub fn of_directory(dir: String) -> Self {
        let name = dir.rsplit('/').next().unwrap_or(&dir).to_owned();
        Self { name: name.into(), dir: dir.into(), squad: None }
    }
}

/// Terraform as this checkout runs it.
#[derive(Clone, Debug)]
pub struct Terraform {
    layout: Layout,
    cli_config: Option<PathBuf>,
    plugin_cache: Option<PathBuf>,
    /// Where the provider comes from, for the reader.
    pub source: String,
}

/// Terraform against one local cloud.
pub struct Workspace<'a> {
    /// How Terraform is run.
    pub terraform: &'a Terraform,
    /// Where the states lie.
    pub paths: &'a CloudPaths,
    /// What points the provider at the emulator, and the variables that only this machine knows.
    pub environment: Vec<(String, String)>,
    /// Files of settings that come after the profile's, for every root that has a variable for one.
    pub settings: Vec<PathBuf>,
}

impl Terraform {
    /// Checks the installed Terraform and decides where the provider comes from.
    pub fn prepare(layout: &Layout) -> anyhow::Result<Self> {
        let tool = tools::terraform(layout)?;
        let lock = fs::read_to_string(layout.root.join(&*PLATFORM.dir).join(".terraform.lock.hcl"))
            .unwrap_or_default();
        let wanted = Wanted { version: mirror::locked_version(&lock), platform: tool.platform };
        let source = mirror::find(&Surroundings::of_this_process(), &wanted)?;
        let shown = match &source {
            Source::Configured(Some(file)) => format!("as {} says", file.display()),
            Source::Configured(None) => "as your Terraform configuration says".to_owned(),
            Source::Mirror(mirror) => format!("from the mirror {}", mirror.display()),
            Source::Registry => "from the public registry".to_owned(),
        };
        // A mirror is used in place; only what comes over the network is worth keeping.
        let plugin_cache = match &source {
            Source::Mirror(_) => None,
            _ => Some(layout.terraform().join("plugin-cache")),
        };
        if let Some(cache) = &plugin_cache {
            create_dir(cache)?;
        }
        let cli_config = mirror::configure(&source, &layout.terraform().join("cli.tfrc"))?;
        Ok(Self {
            layout: layout.clone(),
            cli_config,
            plugin_cache,
            source: format!("Terraform {}, provider {shown}", tool.version),
        })
    }

    /// A Terraform command in `dir` with its working data in `data`.
    pub fn command(&self, dir: &Path, data: &Path) -> Command {
        let mut command = Command::new("terraform");
        command.current_dir(dir).env("TF_DATA_DIR", data).env("CHECKPOINT_DISABLE", "1").env("TF_INPUT", "0");
        command.env("TF_IN_AUTOMATION", "1").env_remove("TF_WORKSPACE").env_remove("TF_CLI_CONFIG_FILE");
        for (name, _) in std::env::vars_os() {
            // Options meant for somebody's other projects.
            if name.to_string_lossy().starts_with("TF_CLI_ARGS")
                || name.to_string_lossy().starts_with("TF_VAR_")
            {
                command.env_remove(name);
            }
        }
        if let Some(config) = &self.cli_config {
            command.env("TF_CLI_CONFIG_FILE", config);
        }
        match &self.plugin_cache {
            Some(cache) => command.env("TF_PLUGIN_CACHE_DIR", cache),
            None => command.env_remove("TF_PLUGIN_CACHE_DIR"),
        };
        command
    }
}

impl Workspace<'_> {
    /// What a root's state depends on: its files, everything that it shares with others, its functions, its variables.
    pub fn fingerprint(&self, root: &Root, functions: &[Function]) -> anyhow::Result<String> {
        let layout = &self.terraform.layout;
        let mut fingerprint = self.sources(root)?;
        if let Some(squad) = &root.squad {
            for function in functions::of_squad(layout, functions, squad)? {
                fingerprint
                    .add_file(&layout.root, &layout.artifacts().join(format!("{}.zip", function.name)))?;
            }
        }
        for (name, value) in &self.environment {
            fingerprint.add(name, value.as_bytes());
        }
        for file in &self.settings {
            fingerprint.add_file(&layout.root, file)?;
        }
        Ok(fingerprint.finish())
    }

    /// A root's own files and everything that it shares with others.
    fn sources(&self, root: &Root) -> anyhow::Result<Fingerprint> {
        let top = &self.terraform.layout.root;
        let mut fingerprint = Fingerprint::default();
        for dir in [
            "platform-terraform/modules",
            "squad-modules/modules",
            "asl",
            "contracts/api",
            "contracts/registry",
            &root.dir,
        ] {
            let dir = top.join(dir);
            if dir.is_dir() {
                // The source of a consumer's function is in its package.
                fingerprint.add_dir(top, &dir, HANDLERS)?;
            }
        }
        Ok(fingerprint)
    }

    /// Initialises a root unless nothing has changed since it last was.
    pub fn init(&self, step: &Step<'_>, root: &Root) -> anyhow::Result<()> {
        let mut fingerprint = self.sources(root)?;
        fingerprint.add("source", self.terraform.source.as_bytes());
        let fingerprint = fingerprint.finish();
        let stamp = self.data(root).join("initialised.sha256");
        if fs::read_to_string(&stamp).is_ok_and(|stamped| stamped == fingerprint) {
            return Ok(());
        }
        create_dir(&self.data(root))?;
        let mut command = self.command(root);
        command.args(["init", "-input=false", "-no-color", "-reconfigure", "-lockfile=readonly"]);
        command.arg(format!("-backend-config=path={}", self.state(root).display()));
        run::logged(step, &format!("terraform init of {}", root.dir), &mut command, &self.log(root, "init"))
            .context("the provider may be out of reach: name a mirror in LAKESIDE_TERRAFORM_MIRROR")?;
        write_atomically(&stamp, fingerprint.as_bytes())
    }

    /// Applies a root. `again` trusts the state: nobody but Terraform changes what it made in a running local cloud.
    pub fn apply(&self, step: &Step<'_>, root: &Root, again: bool) -> anyhow::Result<()> {
        let mut command = self.command(root);
        command.args([
            "apply",
            "-auto-approve",
            "-input=false",
            "-no-color",
            "-compact-warnings",
            PARALLELISM,
        ]);
        if again {
            command.arg("-refresh=false");
        }
        command.args(self.variables(root));
        run::logged(step, &format!("terraform apply of {}", root.dir), &mut command, &self.log(root, "apply"))
    }

    /// Takes away what a root has made, and leaves everybody else's as it is.
    pub fn destroy(&self, step: &Step<'_>, root: &Root) -> anyhow::Result<()> {
        let mut command = self.command(root);
        command.args(["destroy", "-auto-approve", "-input=false", "-no-color", PARALLELISM]);
        command.args(self.variables(root));
        run::logged(
            step,
            &format!("terraform destroy of {}", root.dir),
            &mut command,
            &self.log(root, "destroy"),
        )
    }

    /// A root's outputs by name.
    pub fn outputs(&self, root: &Root) -> anyhow::Result<Value> {
        let mut command = self.command(root);
        command.args(["output", "-json", "-no-color"]);
        let json = run::captured(
            &format!("terraform output of {}", root.dir),
            &mut command,
            &self.log(root, "output"),
        )?;
        let outputs: Value = serde_json::from_str(&json).context("terraform output printed no JSON")?;
        let values = outputs.as_object().into_iter().flatten();
        Ok(values
            .map(|(name, output)| (name.clone(), output.get("value").cloned().unwrap_or_default()))
            .collect())
    }

    /// What a root's state holds, as Terraform's JSON.
    pub fn state_of(&self, root: &Root) -> anyhow::Result<Value> {
        let mut command = self.command(root);
        command.args(["show", "-json", "-no-color"]);
        let what = format!("terraform show of {}", root.dir);
        let json = run::captured(&what, &mut command, &self.log(root, "state"))?;
        serde_json::from_str(&json).context("terraform show printed no JSON")
    }

    /// What another plan would change, as Terraform's JSON.
    pub fn plan(&self, step: &Step<'_>, root: &Root) -> anyhow::Result<Value> {
        let file = self.data(root).join("second.tfplan");
        let mut command = self.command(root);
        command.args(["plan", "-input=false", "-no-color", "-compact-warnings", "-lock=false", PARALLELISM]);
        command.arg(format!("-out={}", file.display())).args(self.variables(root));
        let what = format!("terraform plan of {}", root.dir);
        run::logged(step, &what, &mut command, &self.log(root, "plan"))?;
        let mut command = self.command(root);
        command.args(["show", "-json", "-no-color"]).arg(&file);
        let json = run::captured(&what, &mut command, &self.log(root, "show"))?;
        serde_json::from_str(&json).context("terraform show printed no JSON")
    }

    /// What a plan with another profile and these variables would say, as Terraform's JSON, from what a state says is
    /// there: from the root's own, or from another.
    pub fn plan_profile(
        &self,
        step: &Step<'_>,
        root: &Root,
        (profile, variables): (&str, &[String]),
        state: Option<&Path>,
    ) -> anyhow::Result<String> {
        let file = self.data(root).join(format!("{profile}.tfplan"));
        let verb = format!("plan-{profile}");
        let mut command = self.command(root);
        command.args([
            "plan",
            "-refresh=false",
            "-lock=false",
            "-input=false",
            "-no-color",
            "-compact-warnings",
        ]);
        command.arg(format!("-out={}", file.display()));
        command.args(self.settings(root, &format!("{profile}.tfvars")));
        command.args(variables.iter().map(|variable| format!("-var={variable}")));
        command.args(state.map(|state| format!("-state={}", state.display())));
        let what = format!("terraform plan of {} with {profile}.tfvars", root.dir);
        run::logged(step, &what, &mut command, &self.log(root, &verb))?;
        let mut command = self.command(root);
        command.args(["show", "-json", "-no-color"]).arg(&file);
        let json = run::captured(&what, &mut command, &self.log(root, &verb))?;
        remove_file(&file)?;
        Ok(json)
    }

    fn variables(&self, root: &Root) -> Vec<String> {
        self.settings(root, "local.tfvars")
    }

    fn settings(&self, root: &Root, profile: &str) -> Vec<String> {
        let profile = self.profile(root, profile);
        let files = profile.iter().chain(&self.settings);
        files.map(|file| format!("-var-file={}", file.display())).collect()
    }

    /// A root's file of settings, if it has one of this name.
    pub fn profile(&self, root: &Root, file: &str) -> Option<PathBuf> {
        Some(self.dir(root).join(file)).filter(|profile| profile.is_file())
    }

    fn command(&self, root: &Root) -> Command {
        let mut command = self.terraform.command(&self.dir(root), &self.data(root));
        for name in
            ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN", "AWS_CA_BUNDLE"]
        {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn dir(&self, root: &Root) -> PathBuf {
        self.terraform.layout.root.join(&*root.dir)
    }

    fn data(&self, root: &Root) -> PathBuf {
        self.paths.terraform().join(&*root.name)
    }

    /// Where the state of a root is.
    pub fn state(&self, root: &Root) -> PathBuf {
        self.data(root).join("state.tfstate")
    }

    fn log(&self, root: &Root, verb: &str) -> PathBuf {
        self.paths.logs().join(format!("terraform-{}-{verb}.log", root.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_root_comes_after_what_it_reads() {
        let order: Vec<Root> = GROUPS.concat();
        let position = |name: &str| order.iter().position(|other| other.name == name).unwrap();
        assert!(position("platform") < position("inventory"));
        assert!(position("inventory") < position("fulfilment"));
        assert!(position("platform") < position("orders"));
    }

    #[test]
    fn a_consumer_in_a_directory_of_its_own_comes_with_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().to_path_buf();
        for crate_ in ["feed-shop/handlers", "orders/no-handlers"] {
            fs::create_dir_all(top.join(CONSUMERS).join(crate_)).unwrap();
            fs::write(top.join(CONSUMERS).join(crate_).join("Cargo.toml"), "").unwrap();
        }
        let layout = Layout { target: top.join("target"), local: top.join(".local"), root: top };
        let groups = groups(&layout).unwrap();
        let last: Vec<&str> = groups.last().unwrap().iter().map(|root| &*root.name).collect();
        assert_eq!(last, ["orders", "fulfilment", "growth", "feed-shop"]);
        assert_eq!(groups.last().unwrap().last().unwrap().dir, "squad-modules/feed-shop");
    }
}
