//! The report: one page that needs nothing but itself.

use std::collections::BTreeMap;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    figures::Percentiles,
    outcome::Figures,
    plots::{LINES, Line, Plot, number, palette},
    run::Pacing,
};

const STYLE: &str = include_str!("report/style.css");

/// The page.
pub fn page(figures: &Figures) -> String {
    let rule = |(drawn, part): (String, String)| {
        format!(
            "svg [fill=\"{drawn}\"]{{fill:var(--{part})}}svg [stroke=\"{drawn}\"]{{stroke:var(--{part})}}"
        )
    };
    let colours: Vec<String> = palette().into_iter().map(rule).collect();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Load on " (figures.installation) }
                style { (PreEscaped(STYLE)) (PreEscaped(colours.concat())) }
            }
            body {
                main {
                    header {
                        h1 { "Load on " (figures.installation) }
                        p { (figures.began) ", " (pace(figures)) }
                    }
                    (verdict(figures))
                    (tiles(figures))
                    (section("Acceptance", "From the moment an order was due to its 202, by when it was due. The scale goes by powers of ten; the spike is shaded.", &acceptance(figures)))
                    (phases(figures))
                    (section("Queues", "Messages waiting or being handled.", &queues(figures)))
                    (section("Orders that ended", "By how they ended, beside what was accepted.", &endings(figures)))
                    (reconciliation(figures))
                    (arguments(figures))
                }
            }
        }
    }
    .into_string()
}

/// How it was sent, in a few words.
fn pace(figures: &Figures) -> String {
    match figures.setting.pacing {
        Pacing::Schedule { profile, .. } => format!(
            "open loop, {} a second and {} times that in the spike",
            number(profile.base),
            number(profile.spike)
        ),
        Pacing::AtOnce { at_once, requests } => format!("{requests} requests, {at_once} at a time"),
    }
}

fn verdict(figures: &Figures) -> Markup {
    let faults = figures.faults();
    let late = figures.drain_seconds.is_none();
    html! {
        @if faults == 0 && !late {
            p.verdict.good { "Everything that was accepted has ended once, and the books agree." }
        } @else {
            p.verdict.bad {
                @if late { "Not everything ended in time. " }
                @if faults > 0 { (faults) " faults: see the reconciliation." }
            }
        }
    }
}

fn tiles(figures: &Figures) -> Markup {
    let requests = &figures.requests;
    let total = requests.new + requests.again + requests.bad;
    let drain = figures.drain_seconds.map_or_else(|| "not ended".into(), |seconds| format!("{seconds:.0} s"));
    let tile = |name: &str, value: String, detail: String| {
        html! { div.tile { span.name { (name) } strong { (value) } span.detail { (detail) } } }
    };
    html! {
        div.tiles {
            (tile("requests", total.to_string(), format!("{} new, {} again, {} bad", requests.new, requests.again, requests.bad)))
            (tile("accepted in, median", millis(figures.acceptance.p50), format!("{} accepted", figures.acceptance.count)))
            (tile("accepted in, p99", millis(figures.acceptance.p99), format!("at most {}", millis(figures.acceptance.max))))
            (tile("drained in", drain, "after the last answer".into()))
            (tile("due to end, median", format!("{:.1} s", figures.to_end.p50 / 1000.0), format!("p99 {:.1} s", figures.to_end.p99 / 1000.0)))
        }
    }
}

/// Milliseconds as people read them.
fn millis(value: f64) -> String {
    format!("{} ms", number(value))
}

fn section(title: &str, about: &str, plot: &Plot) -> Markup {
    html! {
        section {
            h2 { (title) }
            p { (about) }
            @match plot.svg() {
                Some(svg) => {
                    ul.legend {
                        @for (number, line) in plot.lines.iter().take(LINES).enumerate() {
                            li { i style=(format!("background:var(--line-{number})")) {} (line.name) }
                        }
                    }
                    figure { (PreEscaped(svg)) }
                }
                None => p.empty { "There is nothing to show." }
            }
        }
    }
}

fn acceptance(figures: &Figures) -> Plot {
    let line = |name: &str, of: fn(&Percentiles) -> f64| Line {
        name: name.into(),
        points: figures
            .latency
            .iter()
            .map(|window| (f64::from(u32::try_from(window.second).unwrap_or(u32::MAX)), of(&window.latency)))
            .collect(),
    };
    Plot {
        unit: "milliseconds",
        powers: true,
        shaded: figures.spike(),
        lines: vec![
            line("median", |latency| latency.p50),
            line("p90", |latency| latency.p90),
            line("p99", |latency| latency.p99),
        ],
    }
}

/// The deepest queues, and all others as one line.
fn queues(figures: &Figures) -> Plot {
    let mut deepest: BTreeMap<&String, u64> = BTreeMap::new();
    for (queue, depth) in figures.depths.iter().flat_map(|depth| &depth.queues) {
        let most = deepest.entry(queue).or_default();
        *most = (*most).max(*depth);
    }
    let mut names: Vec<(&String, u64)> = deepest.into_iter().collect();
    names.sort_by_key(|(_, most)| std::cmp::Reverse(*most));
    let (shown, others) = names.split_at(names.len().min(LINES - 1));
    let depth = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let over_time = |name: String, of: &dyn Fn(&BTreeMap<String, u64>) -> u64| Line {
        name,
        points: figures.depths.iter().map(|sample| (sample.seconds, depth(of(&sample.queues)))).collect(),
    };
    let mut lines: Vec<Line> = shown
        .iter()
        .map(|(queue, _)| {
            over_time((*queue).clone(), &|depths| depths.get(*queue).copied().unwrap_or_default())
        })
        .collect();
    if !others.is_empty() {
        lines.push(over_time(format!("{} others", others.len()), &|depths| {
            others.iter().filter_map(|(queue, _)| depths.get(*queue)).sum()
        }));
    }
    Plot { unit: "messages", powers: false, shaded: figures.spike(), lines }
}

fn endings(figures: &Figures) -> Plot {
    let second = |second: u64| f64::from(u32::try_from(second).unwrap_or(u32::MAX));
    let states = ["FULFILLED", "CANCELLED", "REJECTED"];
    let seen = |state: &&str| figures.endings.iter().any(|ended| ended.per_second.contains_key(*state));
    let mut lines: Vec<Line> = states
        .into_iter()
        .filter(seen)
        .map(|state| Line {
            name: state.to_lowercase(),
            points: figures
                .endings
                .iter()
                .map(|ended| {
                    let rate = ended.per_second.get(state).copied().unwrap_or_default();
                    (second(ended.second), rate)
                })
                .collect(),
        })
        .collect();
    let wide = figures.latency.iter().zip(figures.latency.iter().skip(1));
    let wide = wide.map(|(one, next)| next.second - one.second).min().unwrap_or(1).max(1);
    let rate = |count: u64| second(count) / second(wide);
    let accepted = figures.latency.iter().map(|window| (second(window.second), rate(window.latency.count)));
    lines.push(Line { name: "accepted".into(), points: accepted.collect() });
    Plot { unit: "orders a second", powers: false, shaded: figures.spike(), lines }
}

fn phases(figures: &Figures) -> Markup {
    let row = |name: &str, latency: &Percentiles| {
        html! {
            tr {
                th scope="row" { (name) }
                td { (latency.count) }
                @for value in [latency.p50, latency.p90, latency.p99, latency.max] { td { (millis(value)) } }
            }
        }
    };
    html! {
        table.numbers {
            thead { tr { @for name in ["", "accepted", "median", "p90", "p99", "slowest"] { th scope="col" { (name) } } } }
            tbody {
                @for of in &figures.phases { (row(of.phase.name(), &of.latency)) }
                (row("all", &figures.acceptance))
            }
        }
    }
}

fn reconciliation(figures: &Figures) -> Markup {
    html! {
        section {
            h2 { "Reconciliation" }
            table {
                tbody {
                    @for check in &figures.checks {
                        tr {
                            th scope="row" { (check.name) }
                            td { (check.counted) }
                            td {
                                @if check.faults.is_empty() { span.good { "✓ agrees" } }
                                @else { ul.bad { @for fault in &check.faults { li { (fault) } } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn arguments(figures: &Figures) -> Markup {
    let mix = &figures.setting.mix;
    let names = |goods: &[super::mix::Goods]| {
        goods.iter().map(|goods| goods.sku.as_str()).collect::<Vec<_>>().join(", ")
    };
    let profile = match figures.setting.pacing {
        Pacing::Schedule { profile, limit } => format!(
            "{} s before, {} s up, {} s at the height, {} s down, {} s after; at most {limit} requests",
            number(profile.before),
            number(profile.rise),
            number(profile.hold),
            number(profile.fall),
            number(profile.after)
        ),
        Pacing::AtOnce { .. } => "the next as soon as one is answered".into(),
    };
    let answers: Vec<String> =
        figures.requests.answers.iter().map(|(status, count)| format!("{status}: {count}")).collect();
    let rows = [
        ("door", figures.setting.door.clone()),
        ("pace", pace(figures)),
        ("profile", profile),
        ("goods", names(&mix.goods)),
        ("hot goods", format!("{} in {} % of new orders", names(&mix.hot), mix.hot_percent)),
        ("mixed in", format!("{} % sent again, {} % bad", mix.duplicate_percent, mix.bad_percent)),
        ("seed", mix.seed.to_string()),
        ("answers", answers.join(", ")),
        ("measured on", figures.machine.line()),
    ];
    html! {
        section {
            h2 { "What was asked for" }
            table {
                tbody {
                    @for (name, value) in &rows { tr { th scope="row" { (name) } td { (value) } } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
