//! What is to be told to whom, before anything is. Whoever asks goes through the same guards.

use std::time::Duration;

use lakeside_contracts::WireTime;
use serde_json::{Value, json};

use super::{
    choosing::{choose, permit},
    hearers::Hearer,
    window::{Archive, Estimate, Window},
};
use crate::{
    clock,
    cloud::Cloud,
    failure::{Failure, Result},
};

/// How long an event may take into the archive, and those who heard it to handle it, if nobody says otherwise.
pub const LAG_SECONDS: u64 = 600;
/// See [`LAG_SECONDS`].
pub const REST_SECONDS: u64 = 600;

/// What somebody wants told again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The bus, by its domain.
    pub bus: String,
    /// The beginning of the window.
    pub from: WireTime,
    /// Its end.
    pub to: WireTime,
    /// Who hears it; all who hear replays if nobody is named.
    pub rules: Vec<String>,
    /// Whether those are told too that act outside.
    pub although_effects: bool,
    /// How long after an event was said it is sure to be in the archive.
    pub lag: Duration,
    /// For how long is waited until those who heard it have handled it.
    pub rest: Duration,
}

/// What is to be told to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The bus, by its name in full.
    pub bus: String,
    /// Where it is told from.
    pub archive: Archive,
    /// Which time.
    pub window: Window,
    /// About how much that is.
    pub estimate: Estimate,
    /// Who is told.
    pub chosen: Vec<Hearer>,
    /// Who is not.
    pub others: Vec<Hearer>,
    /// Why it may not be told, if it may not.
    pub refused: Option<Failure>,
}

impl Plan {
    /// Finds out what a wish comes to.
    ///
    /// # Errors
    /// If there is no such window or nobody who could be told, or the cloud refuses.
    pub async fn of(cloud: &Cloud, wish: &Wish) -> Result<Self> {
        let bus = cloud.environment.bus(&wish.bus)?;
        let now = clock::now();
        let window = Window::new(wish.from, wish.to, now)?;
        let archive = cloud.archive(&wish.bus).await?;
        let estimate = archive.estimate(window, now)?;
        let rules = cloud.rules(&bus.name).await?.into_iter();
        let hearers: Vec<Hearer> = rules.map(|rule| Hearer::of(rule, &cloud.environment)).collect();
        let chosen = choose(&hearers, &wish.rules, &cloud.environment.platform.prefix)?;
        let refused = permit(&chosen, window, now, wish.although_effects).err();
        let is_chosen = |hearer: &&Hearer| chosen.iter().any(|chosen| chosen.rule == hearer.rule);
        let others = hearers.iter().filter(|hearer| !is_chosen(hearer)).cloned().collect();
        let chosen = chosen.into_iter().cloned().collect();
        Ok(Self { bus: bus.name.clone(), archive, window, estimate, chosen, others, refused })
    }

    /// Nothing, if it may be told.
    ///
    /// # Errors
    /// If it may not.
    pub fn permitted(&self) -> Result<()> {
        self.refused.clone().map_or(Ok(()), Err)
    }

    /// For programs.
    pub fn document(&self) -> Value {
        let Self { archive, window, estimate, chosen, others, refused, .. } = self;
        let refused = refused.as_ref().map(|failure| &failure.sentence);
        json!({
            "dryRun": true, "refused": refused, "archive": archive.name, "from": window.from, "to": window.to,
            "estimate": estimate, "tells": told(chosen), "others": told(others),
        })
    }

    /// How much, to how many.
    pub fn sentence(&self) -> String {
        let Self { window, estimate, chosen, .. } = self;
        let rules = if chosen.len() == 1 { "1 rule".to_owned() } else { format!("{} rules", chosen.len()) };
        format!(
            "about {} events, said from {} to {}, are to be told again to {rules}",
            estimate.events, window.from, window.to
        )
    }

    /// To whom, by name, and without a number that is another one a moment later.
    pub fn agreement(&self) -> String {
        let Self { bus, window, chosen, .. } = self;
        let rules: Vec<&str> = chosen.iter().map(|hearer| hearer.rule.as_str()).collect();
        format!(
            "what was said on {bus} from {} to {} is to be told again to {}",
            window.from,
            window.to,
            rules.join(", ")
        )
    }

    /// How the number of events came about.
    pub fn reckoning(&self) -> String {
        let Self { archive, estimate, .. } = self;
        format!(
            "The number is what an even spread of the {} events ({} bytes) would have there that {} holds since {}; EventBridge \
             counts them late, and each rule hears only its own of them.",
            estimate.of_events, estimate.of_bytes, archive.name, estimate.since
        )
    }
}

/// Hearers with what a second telling does in words.
fn told(hearers: &[Hearer]) -> Value {
    let told = hearers.iter().map(|hearer| {
        let mut told = json!(hearer);
        if let Some(told) = told.as_object_mut() {
            told.insert("does".into(), hearer.effect.sentence().into());
        }
        told
    });
    told.collect()
}
