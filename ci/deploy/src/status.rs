//! Says how a function stands.

use std::path::Path;

use crate::{deploy::LATEST, package::Package, ports::Cloud, target::Target};

/// One line about one function.
pub async fn of(
    cloud: &impl Cloud,
    name: &str,
    target: &Target,
    packages: Option<&Path>,
) -> anyhow::Result<String> {
    let alias = cloud.alias(target).await?;
    let live = cloud.edition(&target.function, &alias.version).await?;
    let latest = cloud.edition(&target.function, LATEST).await?;
    let mut said = vec![format!("{name}: version {} is live", alias.version)];
    if let Some((second, weight)) = &alias.second {
        said.push(format!("{weight} percent of the invocations get version {second}"));
    }
    if latest != live {
        said.push("what was brought last is not live".to_owned());
    }
    if let Some(packages) = packages
        && Package::read(packages, &target.binary)?.code != live.code
    {
        said.push("the package is another".to_owned());
    }
    if cloud.rings(&target.alarm).await? {
        said.push(format!("the alarm {} rings", target.alarm));
    }
    Ok(said.join(", "))
}
