use super::{
    super::{
        figures::{Ended, OfPhase, Window},
        machine::Machine,
        mix::tests::mix,
        outcome::{Counts, Depth},
        reconciliation::Check,
        run::Setting,
        schedule::{Phase, Profile},
    },
    *,
};
use crate::clock;

fn figures() -> Figures {
    let latency = Percentiles { count: 7, p50: 4.0, p90: 8.0, p99: 45.2, max: 60.0 };
    let profile =
        Profile { base: 1.0, spike: 44.0, before: 2.0, rise: 1.0, hold: 2.0, fall: 1.0, after: 2.0 };
    Figures {
        installation: "000000000000/eu-central-1/lakeside".into(),
        began: clock::of_millis(1_795_769_260_000),
        machine: Machine { processor: None, cores: 2, memory_mb: None, system: "linux".into() },
        setting: Setting {
            pacing: Pacing::Schedule { profile, limit: 10 },
            mix: mix(),
            tokens: vec!["the.secret.token".into()],
            door: "http://127.0.0.1:1/<script>alert(1)</script>".into(),
            processor: None,
            shared: false,
            patience: std::time::Duration::from_secs(9),
        },
        requests: Counts { new: 8, again: 1, bad: 1, answers: [("202".into(), 9)].into() },
        acceptance: latency,
        phases: vec![OfPhase { phase: Phase::Spike, latency }],
        latency: [0, 1, 2].map(|second| Window { second, latency }).to_vec(),
        depths: [0.5, 1.5]
            .map(|seconds| Depth {
                seconds,
                queues: (0..8_u32).map(|n| (format!("queue-{n}"), u64::from(n))).collect(),
            })
            .to_vec(),
        endings: vec![Ended { second: 0, per_second: [("FULFILLED".into(), 2.0)].into() }],
        to_end: latency,
        sending_seconds: 8.0,
        drain_seconds: Some(3.0),
        checks: vec![Check { name: "stock", counted: "2 units".into(), faults: Vec::new() }],
    }
}

#[test]
fn the_page_needs_no_network_and_runs_no_script() {
    let page = page(&figures());
    let links = page.replace("http://www.w3.org/2000/svg", "");
    for reach in ["src=", "href=", "url(", "@import", "<script", "<link"] {
        assert!(!links.contains(reach), "{reach}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)"), "what comes from outside is text");
    assert!(!page.contains("the.secret.token"), "tokens stay where they are");
}

#[test]
fn every_plot_is_drawn_in_the_colours_of_the_page() {
    let page = page(&figures());
    assert_eq!(page.matches("<svg").count(), 3);
    let drawn: Vec<&str> = page.split("stroke=\"#").skip(1).filter_map(|rest| rest.get(..6)).collect();
    let known: Vec<String> =
        palette().into_iter().map(|(drawn, _)| drawn.trim_start_matches('#').to_owned()).collect();
    assert!(drawn.len() > 10);
    for colour in drawn {
        assert!(known.iter().any(|known| known == colour), "{colour} is no colour of the page");
    }
}

#[test]
fn the_deepest_queues_are_shown_and_the_others_as_one() {
    let plot = queues(&figures());
    let names: Vec<&str> = plot.lines.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["queue-7", "queue-6", "queue-5", "queue-4", "queue-3", "3 others"]);
    assert_eq!(plot.lines[5].points, [(0.5, 3.0), (1.5, 3.0)]);
}

#[test]
fn the_verdict_says_whether_everything_ended_and_agrees() {
    let sound = page(&figures());
    assert!(sound.contains("class=\"verdict good\""));
    let fault = Check { name: "stock", counted: String::new(), faults: vec!["oversold".into()] };
    let wrong = page(&Figures { checks: vec![fault], ..figures() });
    assert!(wrong.contains("class=\"verdict bad\"") && wrong.contains("<li>oversold</li>"));
    let late = page(&Figures { drain_seconds: None, ..figures() });
    assert!(late.contains("Not everything ended in time"));
}

#[test]
fn a_run_in_which_nothing_happened_has_a_page_too() {
    let empty = Figures { latency: Vec::new(), depths: Vec::new(), endings: Vec::new(), ..figures() };
    assert_eq!(page(&empty).matches("There is nothing to show.").count(), 3);
}
