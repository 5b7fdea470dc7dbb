//! Goes back on request: takes a shift back that is under way, else returns to a version from before.

use anyhow::{Context, bail};

use crate::{
    deploy::await_end,
    ports::{Cloud, Outcome},
    target::Target,
};

/// Takes one function back.
pub async fn function(
    cloud: &impl Cloud,
    application: Option<&str>,
    name: &str,
    target: &Target,
    to: Option<u64>,
) -> anyhow::Result<Outcome> {
    go_back(cloud, application, name, target, to).await.with_context(|| format!("{name} was not taken back"))
}

async fn go_back(
    cloud: &impl Cloud,
    application: Option<&str>,
    name: &str,
    target: &Target,
    to: Option<u64>,
) -> anyhow::Result<Outcome> {
    if let Some(application) = application
        && let Some(id) = cloud.under_way(application, target).await?
    {
        cloud.stop(&id).await?;
        await_end(cloud, name, &id).await?;
        if to.is_none() {
            return Ok(Outcome::Done);
        }
    }
    let alias = cloud.alias(target).await?;
    if let (Some((second, _)), None) = (&alias.second, to) {
        cloud.point(target, &alias, &alias.version, None).await?;
        println!("{name}: the shift to version {second} is taken back, version {} is live", alias.version);
        return Ok(Outcome::Done);
    }
    let versions = cloud.versions(&target.function).await?;
    let live: u64 = alias.version.parse().context("the alias points at no published version")?;
    let version = match to {
        Some(version) if versions.contains(&version) => version,
        Some(version) => bail!("version {version} is not there, only {}", list(&versions)),
        None => versions
            .iter()
            .copied()
            .filter(|version| *version < live)
            .max()
            .with_context(|| format!("there is no version before {live}"))?,
    };
    if version == live && alias.second.is_none() {
        println!("{name}: version {version} is live already");
        return Ok(Outcome::Done);
    }
    cloud.point(target, &alias, &version.to_string(), None).await?;
    println!("{name}: version {version} is live again, version {live} was");
    Ok(Outcome::Done)
}

fn list(versions: &[u64]) -> String {
    versions.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}
