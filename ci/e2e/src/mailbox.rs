//! What has reached people: the emulator keeps what was sent to phones and mail addresses, and shows it.

use anyhow::Context;
use serde_json::Value;

use crate::{cloud::Cloud, directory::Contact};

/// Every message that was ever sent to this customer, by mail and to their phone.
///
/// # Errors
/// If the emulator does not answer.
pub async fn of(cloud: &Cloud, contact: &Contact) -> anyhow::Result<Vec<String>> {
    let number = contact.phone.replace('+', "%2B");
    let messages = show(cloud, &format!("/_ministack/sns/sms-messages?phoneNumber={number}")).await?;
    let to_phone = messages.pointer(&format!("/sms_messages/{}", contact.phone)).and_then(Value::as_array);
    let mails = show(cloud, "/_ministack/ses/messages").await?;
    let mails = mails.get("messages").and_then(Value::as_object).context("the emulator keeps no mail")?;
    let text = |message: &Value, name: &str| {
        message.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let is_mine = |mail: &&Value| {
        mail.get("To").and_then(Value::as_array).is_some_and(|to| to.iter().any(|to| *to == *contact.email))
    };
    let by_mail = mails.values().filter_map(Value::as_array).flatten().filter(is_mine);
    let to_phone = to_phone.into_iter().flatten();
    Ok(to_phone.map(|m| text(m, "Message")).chain(by_mail.map(|m| text(m, "BodyText"))).collect())
}

/// What the emulator shows of itself at `path`.
///
/// # Errors
/// If it does not answer with JSON.
pub async fn show(cloud: &Cloud, path: &str) -> anyhow::Result<Value> {
    let answer = cloud.http.get(format!("{}{path}", cloud.endpoint)).send().await;
    let text = answer.context("the emulator does not answer")?.error_for_status()?.text().await?;
    serde_json::from_str(&text).with_context(|| format!("{path} is not JSON"))
}
