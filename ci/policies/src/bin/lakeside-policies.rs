//! Judges plans that lie in a directory as `<root>/<profile>.json`, and says what is wrong with them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Parser;
use lakeside_policies::{Suite, Summary};

#[derive(Parser)]
#[command(name = "lakeside-policies", about = "Runs the platform's policies on Terraform's plans")]
struct Arguments {
    /// Where the plans are, as `terraform show -json` says them
    plans: PathBuf,
    /// Where the policies are
    #[arg(long, default_value = "platform-terraform/policies")]
    policies: PathBuf,
    /// A root that nothing was applied of, so that its plans hide much
    #[arg(long)]
    unapplied: Vec<String>,
    /// These are not all plans there are, so that an exception need not be needed
    #[arg(long)]
    some: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let suite = Suite::load(&arguments.policies)?;
    let mut granted = suite.granted().clone();
    let (mut applied, mut unapplied) = (Summary::default(), Summary::default());
    for root in entries(&arguments.plans)? {
        let name = name(&root);
        let summary = if arguments.unapplied.contains(&name) { &mut unapplied } else { &mut applied };
        for plan in entries(&root)? {
            let profile = suite.for_profile(&self::name(&plan))?;
            granted.add(profile.granted());
            let text =
                fs::read_to_string(&plan).with_context(|| format!("cannot read {}", plan.display()))?;
            let verdict =
                profile.judge(&text).with_context(|| format!("{} cannot be judged", plan.display()))?;
            summary.add(&format!("{name} {}", self::name(&plan)), verdict);
        }
    }
    if applied.plans == 0 {
        bail!("there is no plan in {}", arguments.plans.display());
    }
    for (sentence, plans) in &unapplied.unseen {
        println!("not seen   {sentence} ({})", plans.join(", "));
    }
    let faults =
        [("DENIED    ", &applied.denied), ("DENIED    ", &unapplied.denied), ("NOT SEEN  ", &applied.unseen)];
    for (what, sentences) in faults {
        for (sentence, plans) in sentences {
            println!("{what} {sentence} ({})", plans.join(", "));
        }
    }
    let plans = applied.plans + unapplied.plans;
    let unseen = unapplied.unseen.len();
    let faulty = faults.iter().any(|(_, sentences)| !sentences.is_empty());
    applied.join(unapplied);
    let needless = if arguments.some { Vec::new() } else { applied.needless(&granted) };
    for name in &needless {
        println!("NEEDLESS   no plan needs what is granted as `{name}`: take it away");
    }
    println!(
        "{plans} plans, {} rules; {unseen} attributes of roots that were not applied are not seen",
        suite.rules()?
    );
    Ok(if faulty || !needless.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn entries(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(dir).with_context(|| format!("cannot read the directory {}", dir.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
