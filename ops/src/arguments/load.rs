//! What can be said to `lakeside load`.

use std::path::PathBuf;

use clap::Args;

use crate::load::{run::Pacing, schedule::Profile};

/// How to put load on an installation.
#[derive(Debug, Args)]
pub struct LoadOptions {
    /// What most order, of which there must be stock; may be given again
    #[arg(long = "sku", value_name = "SKU", required = true)]
    pub skus: Vec<String>,
    /// What everybody wants; may be given again
    #[arg(long = "hot", value_name = "SKU")]
    pub hot: Vec<String>,
    /// New orders that are of what everybody wants, in percent
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u8).range(..=100))]
    pub hot_percent: u8,
    /// Requests that send an earlier order again, in percent
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(..=100))]
    pub duplicate_percent: u8,
    /// Requests that are no order, in percent
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(..=100))]
    pub bad_percent: u8,
    /// Requests a second before and after the spike
    #[arg(long, default_value_t = 1.0, value_parser = rate)]
    pub base: f64,
    /// How many times the base rate the spike is
    #[arg(long, default_value_t = 44.0, value_parser = times)]
    pub spike: f64,
    /// Seconds at the base rate before the spike
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(..=3600))]
    pub before: u16,
    /// Seconds on the way up
    #[arg(long, default_value_t = 5, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(..=3600))]
    pub rise: u16,
    /// Seconds at the height of the spike
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(..=3600))]
    pub hold: u16,
    /// Seconds on the way down
    #[arg(long, default_value_t = 5, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(..=3600))]
    pub fall: u16,
    /// Seconds at the base rate after the spike
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(..=3600))]
    pub after: u16,
    /// Requests at most
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub limit: u32,
    /// Send so many at a time instead of by the schedule, `--limit` in all
    #[arg(long, value_name = "REQUESTS", value_parser = clap::value_parser!(u16).range(1..=500),
          conflicts_with_all = ["base", "spike", "before", "rise", "hold", "fall", "after"])]
    pub at_once: Option<u16>,
    /// From where chance starts: the same number sends the same mix
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How long everything may take to end, after the last answer
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    pub patience: u64,
    /// The only installation that this may go to, if it is not on this machine
    #[arg(long, value_name = "ACCOUNT/REGION/PREFIX")]
    pub installation: Option<String>,
    /// Where the sandbox's payment processor is, so that its books are reconciled too
    #[arg(long, env = "LAKESIDE_SANDBOX_URL", value_name = "URL")]
    pub processor: Option<String>,
    /// Others order the same goods meanwhile, or fill dead-letter queues
    #[arg(long)]
    pub shared: bool,
    /// The currency of the goods' prices
    #[arg(long, default_value = "USD")]
    pub currency: String,
    /// The processor's handle of the payment method
    #[arg(long, default_value = "pm_card_on_file")]
    pub payment_method: String,
    /// The directory's id of the address
    #[arg(long, default_value = "addr_home")]
    pub address: String,
    /// Customers' ID tokens, apart by commas; may be given again
    #[arg(long = "token", env = "LAKESIDE_TOKEN", hide_env_values = true, value_delimiter = ',')]
    pub tokens: Vec<String>,
    /// Where the door is, if not where the platform's contract says
    #[arg(long, env = "LAKESIDE_API_URL", value_name = "URL")]
    pub door: Option<String>,
    /// Where the report is written; a file of this name must not be there
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Say how much would be sent where, and send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

impl LoadOptions {
    /// How much is sent, and how fast.
    pub fn pacing(&self) -> Pacing {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        match self.at_once {
            Some(at_once) => Pacing::AtOnce { at_once: at_once.into(), requests: limit },
            None => Pacing::Schedule {
                profile: Profile {
                    base: self.base,
                    spike: self.spike,
                    before: self.before.into(),
                    rise: self.rise.into(),
                    hold: self.hold.into(),
                    fall: self.fall.into(),
                    after: self.after.into(),
                },
                limit,
            },
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    between(text, 0.01, 1_000.0)
}

fn times(text: &str) -> Result<f64, String> {
    between(text, 1.0, 1_000.0)
}

fn between(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    if (least..=most).contains(&number) { Ok(number) } else { Err(format!("it is from {least} to {most}")) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Said {
        #[command(flatten)]
        options: LoadOptions,
    }

    fn said(arguments: &[&str]) -> Result<LoadOptions, clap::Error> {
        let all = ["load", "--sku", "A"].iter().chain(arguments);
        Said::try_parse_from(all).map(|said| said.options)
    }

    #[test]
    fn without_more_it_is_one_a_second_and_forty_four_in_the_spike() {
        let Pacing::Schedule { profile, limit } = said(&[]).unwrap().pacing() else { panic!("no schedule") };
        assert_eq!((profile.due(limit).len(), limit), (685, 2_000));
    }

    #[test]
    fn tokens_are_one_or_several() {
        assert_eq!(said(&["--token", "a"]).unwrap().tokens, ["a"]);
        assert_eq!(said(&["--token", "a,b", "--token", "c"]).unwrap().tokens, ["a", "b", "c"]);
    }

    #[test]
    fn there_is_a_bound_to_everything() {
        for beyond in [
            ["--base", "0"],
            ["--base", "NaN"],
            ["--spike", "1001"],
            ["--hold", "3601"],
            ["--limit", "200001"],
            ["--bad-percent", "101"],
            ["--at-once", "501"],
        ] {
            assert!(said(&beyond).is_err(), "{beyond:?}");
        }
        assert!(said(&["--at-once", "10", "--base", "2"]).is_err(), "either by a schedule or not");
        assert!(matches!(said(&["--at-once", "10"]).unwrap().pacing(), Pacing::AtOnce { at_once: 10, .. }));
    }
}
