//! `lakeside doctor`: check an installation, and say what to do.

use serde_json::json;

use crate::{
    arguments::doctor::DoctorOptions,
    cloud::Cloud,
    doctor::findings::{Finding, State},
    failure::{Failure, Result},
    output::{Output, Paint},
};

/// Looks at everything, and tells.
pub async fn run(cloud: &Cloud, output: Output, options: &DoctorOptions) -> Result<()> {
    let mut findings = cloud.examine().await;
    let all = findings.len();
    if options.quiet {
        findings.retain(|finding| finding.state != State::Ok);
    }
    let worst = findings.iter().map(|finding| finding.state).max().unwrap_or(State::Ok);
    output.show(&json!({ "state": worst, "checks": findings }), || {
        if findings.is_empty() {
            return output.paint(Paint::Good, format!("{all} checks, all as they should be"));
        }
        findings.iter().map(|finding| finding.draw(output)).collect::<Vec<_>>().join("\n")
    })?;
    judge(&findings)
}

/// What is wrong, by its name.
fn judge(findings: &[Finding]) -> Result<()> {
    let wrong: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.state == State::Wrong)
        .map(|finding| finding.check)
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(Failure::wrong(format!("wrong: {}", wrong.join(", ")))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_wrong_is_a_failure() {
        let warned = [Finding::ok("a", "x"), Finding::warn("b", "x", Vec::new())];
        assert_eq!(judge(&warned), Ok(()));
        let failure = judge(&[Finding::wrong("c", "x", Vec::new())]).unwrap_err();
        assert_eq!(failure.sentence, "wrong: c");
    }
}
