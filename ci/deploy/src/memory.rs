//! A cloud in memory with one function, in which time passes by waiting.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use anyhow::{bail, ensure};
use serde_json::json;

use crate::{
    package::Package,
    ports::{Alias, Cloud, Edition, Shift},
    target::Target,
};

/// What there is, and what was done.
#[derive(Default)]
pub struct State {
    /// Version and its weight beside it.
    pub alias: (u64, Option<(u64, u32)>),
    revision: u32,
    pub versions: BTreeMap<u64, Edition>,
    pub latest: Option<Edition>,
    pub objects: Vec<String>,
    /// The alarm rings from so many seconds on.
    pub rings_at: Option<u64>,
    /// So many writes of the alias succeed; the next does not.
    pub writes_left: Option<u32>,
    pub seconds: u64,
    /// Where the alias pointed after each write.
    pub moves: Vec<(u64, Option<(u64, u32)>)>,
    /// CodeDeploy's shift: from, to, looks left, and whether it succeeds.
    pub shift: Option<(u64, u64, u32, bool)>,
    pub begun: u32,
}

#[derive(Default)]
pub struct Memory(pub RefCell<State>);

/// A package with these bytes.
pub fn package(content: &str) -> Package {
    Package::of(content.as_bytes().to_vec())
}

pub fn edition(content: &str, timeout: u32) -> Edition {
    Edition { code: package(content).code, kept: json!({ "code": content, "timeout": timeout }) }
}

pub fn target() -> Target {
    Target {
        function: "l-order-query".into(),
        alias: "live".into(),
        binary: "order-query".into(),
        alarm: "l-order-query-errors".into(),
    }
}

impl Memory {
    /// With version 1, which is live.
    pub fn with(content: &str) -> Self {
        let memory = Self::default();
        {
            let mut state = memory.0.borrow_mut();
            state.versions.insert(1, edition(content, 10));
            state.latest = Some(edition(content, 10));
            state.alias = (1, None);
        }
        memory
    }

    pub fn moves(&self) -> Vec<(u64, Option<(u64, u32)>)> {
        self.0.borrow().moves.clone()
    }

    pub fn alias_now(&self) -> (u64, Option<(u64, u32)>) {
        self.0.borrow().alias
    }
}

impl Cloud for Memory {
    async fn alias(&self, _: &Target) -> anyhow::Result<Alias> {
        let state = self.0.borrow();
        Ok(Alias {
            version: state.alias.0.to_string(),
            second: state.alias.1.map(|(version, weight)| (version.to_string(), weight)),
            revision: state.revision.to_string(),
        })
    }

    async fn point(
        &self,
        target: &Target,
        seen: &Alias,
        version: &str,
        second: Option<(&str, u32)>,
    ) -> anyhow::Result<Alias> {
        {
            let mut state = self.0.borrow_mut();
            ensure!(seen.revision == state.revision.to_string(), "somebody else has moved the alias");
            if let Some(left) = &mut state.writes_left {
                match left.checked_sub(1) {
                    Some(fewer) => *left = fewer,
                    None => bail!("interrupted"),
                }
            }
            let second = second.map(|(version, weight)| Ok::<_, anyhow::Error>((version.parse()?, weight)));
            state.alias = (version.parse()?, second.transpose()?);
            state.revision += 1;
            let now = state.alias;
            state.moves.push(now);
        }
        self.alias(target).await
    }

    async fn edition(&self, _: &str, version: &str) -> anyhow::Result<Edition> {
        let state = self.0.borrow();
        let edition = match version {
            "$LATEST" => state.latest.clone(),
            version => state.versions.get(&version.parse()?).cloned(),
        };
        edition.ok_or_else(|| anyhow::anyhow!("there is no version {version}"))
    }

    async fn versions(&self, _: &str) -> anyhow::Result<Vec<u64>> {
        Ok(self.0.borrow().versions.keys().copied().collect())
    }

    async fn update(&self, _: &str, package: &Package, _: Option<(&str, &str)>) -> anyhow::Result<()> {
        let content = String::from_utf8(package.bytes.clone())?;
        self.0.borrow_mut().latest = Some(edition(&content, 10));
        Ok(())
    }

    async fn upload(&self, bucket: &str, key: &str, _: &Package) -> anyhow::Result<bool> {
        let name = format!("{bucket}/{key}");
        let mut state = self.0.borrow_mut();
        let new = !state.objects.contains(&name);
        if new {
            state.objects.push(name);
        }
        Ok(new)
    }

    async fn publish(&self, _: &str, code: &str) -> anyhow::Result<String> {
        let mut state = self.0.borrow_mut();
        let latest = state.latest.clone();
        let latest = latest.filter(|latest| latest.code == code);
        let latest = latest.ok_or_else(|| anyhow::anyhow!("other code"))?;
        let (newest, published) = state
            .versions
            .last_key_value()
            .map_or_else(|| (0, edition("", 0)), |(version, edition)| (*version, edition.clone()));
        if published == latest {
            return Ok(newest.to_string());
        }
        state.versions.insert(newest + 1, latest);
        Ok((newest + 1).to_string())
    }

    async fn rings(&self, _: &str) -> anyhow::Result<bool> {
        let state = self.0.borrow();
        Ok(state.rings_at.is_some_and(|at| state.seconds >= at))
    }

    async fn under_way(&self, _: &str, _: &Target) -> anyhow::Result<Option<String>> {
        Ok(self.0.borrow().shift.map(|_| "d-1".to_owned()))
    }

    async fn begin(&self, _: &str, _: &Target, (from, to): (&str, &str), _: bool) -> anyhow::Result<String> {
        let mut state = self.0.borrow_mut();
        let succeeds = state.rings_at.is_none();
        state.shift = Some((from.parse()?, to.parse()?, 3, succeeds));
        state.begun += 1;
        Ok("d-1".to_owned())
    }

    async fn shift(&self, _: &str) -> anyhow::Result<Shift> {
        let mut state = self.0.borrow_mut();
        match state.shift {
            Some((from, to, 0, succeeds)) => {
                state.shift = None;
                state.alias = (if succeeds { to } else { from }, None);
                Ok(if succeeds { Shift::Succeeded } else { Shift::TakenBack("the alarm rings".into()) })
            }
            Some((from, to, looks, succeeds)) => {
                state.shift = Some((from, to, looks - 1, succeeds));
                Ok(Shift::UnderWay)
            }
            None => bail!("there is no shift"),
        }
    }

    async fn stop(&self, _: &str) -> anyhow::Result<()> {
        let mut state = self.0.borrow_mut();
        state.shift = state.shift.map(|(from, to, ..)| (from, to, 1, false));
        Ok(())
    }

    async fn wait(&self, time: Duration) {
        self.0.borrow_mut().seconds += time.as_secs();
    }
}
