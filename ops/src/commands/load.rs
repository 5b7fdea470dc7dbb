//! `lakeside load`: orders by a schedule, and whether everything that was accepted came to its end.

use std::{
    fs::OpenOptions,
    io::{IsTerminal as _, Write as _, stderr},
    path::{Path, PathBuf},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::order::price;
use crate::{
    arguments::load::LoadOptions,
    clock,
    cloud::Cloud,
    failure::{Failure, Result},
    load::{
        driving::Sent,
        figures::Percentiles,
        guard,
        mix::{Goods, Mix},
        outcome::Figures,
        plots::number,
        report,
        run::{Pacing, Setting, Watcher, run as drive},
    },
    output::{Output, Paint, table},
};

/// Does what is asked.
pub async fn run(cloud: &Cloud, output: Output, options: LoadOptions) -> Result<()> {
    let door = options.door.clone().unwrap_or_else(|| cloud.environment.platform.api.url.clone());
    let prefix = &cloud.environment.platform.prefix;
    let here = guard::installation(cloud.environment.saga()?, prefix)
        .ok_or_else(|| Failure::wrong("the saga's ARN says no account"))?;
    guard::admit(&door, cloud.endpoint.as_deref(), &here, options.installation.as_deref())?;
    let setting = setting(cloud, &options, door).await?;
    let (count, seconds) = extent(&setting.pacing);
    let would = format!("{count} requests would be sent to {here} at {}{seconds}", setting.door);
    if options.dry_run {
        return output.show(&json!({ "dryRun": true, "installation": here, "requests": count }), || would);
    }
    if !guard::is_loopback(&setting.door) {
        output.confirm(options.yes, &would)?;
    }
    let path = options
        .report
        .unwrap_or_else(|| PathBuf::from(format!("load-{prefix}-{}.html", clock::stamp(clock::now()))));
    reserve(&path)?;

    let outcome = drive(cloud, &setting, &Progress::new(output)).await?;
    let figures = Figures::of(here, &setting, &outcome);
    write(&path, &report::page(&figures))?;
    let shown = path.display().to_string();
    let document = {
        let mut document = json!(figures);
        if let Some(document) = document.as_object_mut() {
            document.insert("report".into(), json!(shown));
        }
        document
    };
    output.show(&document, || summary(output, &figures, &shown))?;
    match (figures.faults(), figures.drain_seconds) {
        (0, Some(_)) => Ok(()),
        (0, None) => Err(Failure::wrong(format!(
            "not everything had ended after {} s: `lakeside saga list --status running` and `lakeside dlq list` say what is left",
            setting.patience.as_secs()
        ))),
        (faults, _) => Err(Failure::wrong(format!(
            "{faults} things do not agree: `lakeside trace` tells what became of an order"
        ))),
    }
}

/// Requests, and how long they take to be sent if that is known.
fn extent(pacing: &Pacing) -> (usize, String) {
    match pacing {
        Pacing::Schedule { profile, limit } => {
            (profile.due(*limit).len(), format!(" within {} s", number(profile.seconds())))
        }
        Pacing::AtOnce { at_once, requests } => (*requests, format!(", {at_once} at a time")),
    }
}

async fn setting(cloud: &Cloud, options: &LoadOptions, door: String) -> Result<Setting> {
    // A variable that is set to nothing says nothing.
    let tokens: Vec<String> = options.tokens.iter().filter(|token| !token.is_empty()).cloned().collect();
    if tokens.is_empty() {
        return Err(Failure::usage(
            "the door wants to know who orders: give customers' ID tokens by --token or LAKESIDE_TOKEN",
        ));
    }
    if u16::from(options.duplicate_percent) + u16::from(options.bad_percent) > 100 {
        return Err(Failure::usage("duplicates and bad input are more than everything"));
    }
    Ok(Setting {
        pacing: options.pacing(),
        mix: Mix {
            goods: goods(cloud, &options.skus, &options.currency).await?,
            hot: goods(cloud, &options.hot, &options.currency).await?,
            hot_percent: options.hot_percent,
            duplicate_percent: options.duplicate_percent,
            bad_percent: options.bad_percent,
            payment_method: options.payment_method.clone(),
            address: options.address.clone(),
            seed: options.seed,
        },
        tokens,
        door,
        processor: options.processor.clone().filter(|url| !url.is_empty()),
        shared: options.shared,
        patience: Duration::from_secs(options.patience),
    })
}

async fn goods(cloud: &Cloud, skus: &[String], currency: &str) -> Result<Vec<Goods>> {
    let mut goods = Vec::with_capacity(skus.len());
    for sku in skus {
        let price_minor = price(cloud, sku, currency).await?;
        goods.push(Goods { sku: sku.clone(), price_minor, currency: currency.to_owned() });
    }
    Ok(goods)
}

/// Makes sure of the file before anything is sent, and that it is nobody's.
fn reserve(path: &Path) -> Result<()> {
    OpenOptions::new().write(true).create_new(true).open(path).map(drop).map_err(|error| {
        Failure::usage(format!(
            "cannot write the report {}, so nothing is sent: {error}; name another file by --report",
            path.display()
        ))
    })
}

fn write(path: &Path, page: &str) -> Result<()> {
    let written = OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(path)
        .and_then(|mut file| file.write_all(page.as_bytes()));
    written.map_err(|error| Failure::wrong(format!("cannot write the report {}: {error}", path.display())))
}

fn summary(output: Output, figures: &Figures, report: &str) -> String {
    let millis = |value: f64| format!("{} ms", number(value));
    let row = |name: &str, latency: &Percentiles| {
        let Percentiles { count, p50, p90, p99, max } = *latency;
        [name.to_owned(), count.to_string(), millis(p50), millis(p90), millis(p99), millis(max)]
    };
    let phases = figures.phases.iter().map(|of| row(of.phase.name(), &of.latency));
    let accepted = table(
        ["accepted", "orders", "median", "p90", "p99", "slowest"],
        phases.chain([row("all", &figures.acceptance)]),
    );
    let checks = figures.checks.iter().map(|check| {
        let verdict = if check.faults.is_empty() {
            output.paint(Paint::Good, "agrees")
        } else {
            output.paint(Paint::Bad, check.faults.join("; "))
        };
        [check.name.to_owned(), check.counted.clone(), verdict]
    });
    let drained = figures.drain_seconds.map_or_else(
        || output.paint(Paint::Bad, "not everything has ended"),
        |seconds| {
            format!(
                "sent within {:.1} s, all ended {seconds:.1} s after the last answer; due to end: median {:.1} s, p99 {:.1} s",
                figures.sending_seconds,
                figures.to_end.p50 / 1000.0,
                figures.to_end.p99 / 1000.0
            )
        },
    );
    let checks = table(["reconciliation", "", ""], checks);
    format!("{accepted}\n\n{drained}\n\n{checks}\n\nthe report is {report}")
}

/// Two bars, one after the other; none without a terminal.
struct Progress {
    bar: ProgressBar,
}

impl Progress {
    fn new(output: Output) -> Self {
        let shown = !output.json && stderr().is_terminal();
        Self { bar: if shown { ProgressBar::new(0) } else { ProgressBar::hidden() } }
    }

    fn style(&self, template: &str) {
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
    }
}

impl Watcher for Progress {
    fn begins(&self, requests: usize) {
        self.style("{bar:40} {pos}/{len} answered");
        self.bar.set_length(u64::try_from(requests).unwrap_or(u64::MAX));
    }

    fn answered(&self, _: &Sent) {
        self.bar.inc(1);
    }

    fn waits(&self, accepted: usize, ended: usize) {
        self.style("{bar:40} {pos}/{len} orders have ended");
        self.bar.set_length(u64::try_from(accepted).unwrap_or(u64::MAX));
        self.bar.set_position(u64::try_from(ended).unwrap_or(u64::MAX));
        if accepted == ended {
            self.bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::failure::Kind;

    #[test]
    fn a_report_is_written_over_no_file() {
        let path = std::env::temp_dir().join(format!("lakeside-load-{}.html", uuid::Uuid::new_v4()));
        reserve(&path).unwrap();
        write(&path, "<p>a report</p>").unwrap();
        assert_eq!(reserve(&path).unwrap_err().kind, Kind::Usage);
        assert_eq!(fs::read_to_string(&path).unwrap(), "<p>a report</p>");
        fs::remove_file(&path).unwrap();
    }
}
