//! What AWS answers, read.

use anyhow::Context;
use serde_json::Value;

use crate::ports::{Alias, Shift};

/// As it may stand in a query.
pub fn encoded(text: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if kept(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex::encode_upper([byte]));
        }
        encoded
    })
}

/// A text in an answer.
pub fn text(value: &Value, pointer: &str) -> anyhow::Result<String> {
    let text = value.pointer(pointer).and_then(Value::as_str);
    text.map(str::to_owned).with_context(|| format!("an answer without {}", pointer.trim_start_matches('/')))
}

/// Reads an alias; its weights are parts of one.
pub fn alias(answer: &Value) -> anyhow::Result<Alias> {
    let weights = answer.pointer("/RoutingConfig/AdditionalVersionWeights").and_then(Value::as_object);
    let second = weights.into_iter().flatten().next().and_then(|(version, weight)| {
        // From none to a hundred.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to percents")]
        let percent = (weight.as_f64()? * 100.0).round().clamp(0.0, 100.0) as u32;
        Some((version.clone(), percent))
    });
    Ok(Alias { version: text(answer, "/FunctionVersion")?, second, revision: text(answer, "/RevisionId")? })
}

/// Reads how a deployment stands.
pub fn shift(answer: &Value) -> anyhow::Result<Shift> {
    let reason = || {
        let told =
            ["/deploymentInfo/errorInformation/message", "/deploymentInfo/rollbackInfo/rollbackMessage"];
        told.iter()
            .find_map(|pointer| text(answer, pointer).ok())
            .unwrap_or_else(|| "it does not say why".to_owned())
    };
    match text(answer, "/deploymentInfo/status")?.as_str() {
        "Succeeded" => Ok(Shift::Succeeded),
        "Failed" | "Stopped" => Ok(Shift::TakenBack(reason())),
        _ => Ok(Shift::UnderWay),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_alias_is_read_with_and_without_a_second_version() {
        let one = json!({"FunctionVersion": "3", "RevisionId": "r"});
        assert_eq!(alias(&one).unwrap(), Alias { version: "3".into(), second: None, revision: "r".into() });
        let two = json!({
            "FunctionVersion": "3", "RevisionId": "r",
            "RoutingConfig": {"AdditionalVersionWeights": {"4": 0.29}},
        });
        assert_eq!(alias(&two).unwrap().second, Some(("4".to_owned(), 29)));
    }

    #[test]
    fn a_marker_may_stand_in_a_query() {
        assert_eq!(encoded("a-1/+=$"), "a-1%2F%2B%3D%24");
    }

    #[test]
    fn a_shift_says_why_it_was_taken_back() {
        let of = |status: &str| json!({"deploymentInfo": {"status": status, "errorInformation": {"message": "an alarm"}}});
        assert_eq!(shift(&of("Stopped")).unwrap(), Shift::TakenBack("an alarm".into()));
        assert_eq!(shift(&of("Failed")).unwrap(), Shift::TakenBack("an alarm".into()));
        assert_eq!(shift(&of("Succeeded")).unwrap(), Shift::Succeeded);
        assert_eq!(shift(&of("Baking")).unwrap(), Shift::UnderWay);
        assert!(shift(&json!({})).is_err());
    }
}
