//! Makes a package live: code, version, alias; each step only if it is not done yet.

use std::{path::Path, time::Duration};

use anyhow::{Context, bail};

use crate::{
    package::Package,
    ports::{Alias, Cloud, Outcome, Shift},
    shift::{Watch, by_weights, take_back},
    target::Target,
};

/// `$LATEST`, which is what code is brought to.
pub const LATEST: &str = "$LATEST";
/// Between two looks at a shift by CodeDeploy.
const LOOK: Duration = Duration::from_secs(5);

/// What is deployed, and how.
pub struct Deployment<'a, C> {
    /// Where to.
    pub cloud: &'a C,
    /// CodeDeploy's application, where it shifts the aliases.
    pub application: Option<&'a str>,
    /// Whose functions these are.
    pub squad: &'a str,
    /// Where the packages lie.
    pub packages: &'a Path,
    /// What they are brought through.
    pub bucket: Option<&'a str>,
    /// How aliases move where CodeDeploy does not move them.
    pub watch: Watch,
}

impl<C: Cloud> Deployment<'_, C> {
    /// Deploys one function.
    pub async fn function(&self, name: &str, target: &Target) -> anyhow::Result<Outcome> {
        let package = Package::read(self.packages, &target.binary)?;
        self.package(name, target, &package).await.with_context(|| format!("{name} was not deployed"))
    }

    /// Makes this package live.
    pub async fn package(&self, name: &str, target: &Target, package: &Package) -> anyhow::Result<Outcome> {
        if let Some(application) = self.application
            && let Some(id) = self.cloud.under_way(application, target).await?
        {
            println!("{name}: a shift that somebody began goes on ({id}), so its end is awaited first");
            self.await_end(name, &id).await?;
        }
        let alias = self.cloud.alias(target).await?;
        if let Some((second, _)) = &alias.second
            && let Some(outcome) = self.go_on(name, target, package, &alias, second).await?
        {
            return Ok(outcome);
        }
        let alias = self.cloud.alias(target).await?;
        let live = self.cloud.edition(&target.function, &alias.version).await?;
        let latest = self.cloud.edition(&target.function, LATEST).await?;
        if latest.code == package.code && latest == live {
            println!("{name}: version {} is live already", alias.version);
            return Ok(Outcome::Done);
        }
        if latest.code != package.code {
            self.refuse_while_ringing(target).await?;
            self.bring(name, target, package).await?;
        }
        let version = self.cloud.publish(&target.function, &package.code).await?;
        if version == alias.version {
            println!("{name}: version {version} is live already");
            return Ok(Outcome::Done);
        }
        println!("{name}: version {version} is published");
        self.refuse_while_ringing(target).await?;
        match self.application {
            Some(application) => self.by_code_deploy(application, name, target, &alias, &version).await,
            None => by_weights(self.cloud, name, target, alias, &version, &self.watch).await,
        }
    }

    /// What becomes of a shift by weights that was begun and not ended: the alarm ends it; the same code goes on; other
    /// code begins anew, from the version that callers had before.
    async fn go_on(
        &self,
        name: &str,
        target: &Target,
        package: &Package,
        alias: &Alias,
        second: &str,
    ) -> anyhow::Result<Option<Outcome>> {
        println!("{name}: a shift from version {} to {second} was begun and not ended", alias.version);
        if !self.watch.despite_alarm && self.cloud.rings(&target.alarm).await? {
            return take_back(self.cloud, name, target, alias, &alias.version).await.map(Some);
        }
        if self.cloud.edition(&target.function, second).await?.code == package.code {
            let outcome = by_weights(self.cloud, name, target, alias.clone(), second, &self.watch).await?;
            return Ok(Some(outcome));
        }
        self.cloud.point(target, alias, &alias.version, None).await?;
        println!("{name}: it was to other code, so version {} is live alone again", alias.version);
        Ok(None)
    }

    /// An alarm that rings already would take back whatever is shifted, or hide what is wrong with it.
    async fn refuse_while_ringing(&self, target: &Target) -> anyhow::Result<()> {
        if !self.watch.despite_alarm && self.cloud.rings(&target.alarm).await? {
            bail!(
                "the alarm {} rings already: find out why first, or deploy with --despite-alarm what mends it",
                target.alarm
            );
        }
        Ok(())
    }

    /// Brings the package to the function, under a name that says what is in it.
    async fn bring(&self, name: &str, target: &Target, package: &Package) -> anyhow::Result<()> {
        let key = format!("{}/{}/{}.zip", self.squad, target.binary, package.hex);
        if let Some(bucket) = self.bucket {
            let new = self.cloud.upload(bucket, &key, package).await?;
            let how = if new { "is in the bucket" } else { "was in the bucket already" };
            println!("{name}: the package {key} {how}");
        }
        let at = self.bucket.map(|bucket| (bucket, key.as_str()));
        self.cloud.update(&target.function, package, at).await?;
        println!("{name}: has new code");
        Ok(())
    }

    async fn by_code_deploy(
        &self,
        application: &str,
        name: &str,
        target: &Target,
        alias: &Alias,
        version: &str,
    ) -> anyhow::Result<Outcome> {
        let versions = (alias.version.as_str(), version);
        let id = self.cloud.begin(application, target, versions, self.watch.despite_alarm).await?;
        println!("{name}: CodeDeploy shifts from version {} to {version} ({id})", alias.version);
        self.await_end(name, &id).await
    }

    async fn await_end(&self, name: &str, id: &str) -> anyhow::Result<Outcome> {
        await_end(self.cloud, name, id).await
    }
}

/// Waits until CodeDeploy has ended a shift.
pub async fn await_end(cloud: &impl Cloud, name: &str, id: &str) -> anyhow::Result<Outcome> {
    loop {
        match cloud.shift(id).await? {
            Shift::UnderWay => cloud.wait(LOOK).await,
            Shift::Succeeded => {
                println!("{name}: the shift {id} has succeeded");
                return Ok(Outcome::Done);
            }
            Shift::TakenBack(reason) => {
                println!("{name}: the shift {id} was taken back: {reason}");
                return Ok(Outcome::RolledBack);
            }
        }
    }
}

#[cfg(test)]
mod tests;
