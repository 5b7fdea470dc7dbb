//! Dead-letter queues on SQS.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_sqs::{
    Client,
    types::{
        ChangeMessageVisibilityBatchRequestEntry, Message, MessageAttributeValue, MessageSystemAttributeName,
        MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
    },
};
use lakeside_contracts::WireTime;
use tokio::time::sleep;

use super::{
    grouping::reason,
    letter::Letter,
    moving::{Look, Post},
};
use crate::{
    clock,
    cloud::Cloud,
    environment::Queue,
    failure::{Failure, Result},
};

/// SQS hands out so many at a time.
const BATCH: i32 = 10;
/// Looks at a queue that shows none, before it counts as read: SQS may show none of a few.
const EMPTY_LOOKS: u32 = 2;
/// Looks at a queue of which others hold a part, and the pause between them.
const PATIENT_LOOKS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(500);
/// For how long what is looked at is hidden from others, unless it is shown again before.
const HIDDEN: Duration = Duration::from_mins(1);
/// For how long what is moved or dropped is hidden from others, unless it is held again.
pub const HELD: Duration = Duration::from_mins(15);

impl Cloud {
    /// Up to `limit` letters of a dead-letter queue, which are hidden from others until [`Self::show_again`].
    ///
    /// # Errors
    /// If the queue refuses.
    pub async fn letters(&self, url: &str, limit: usize, hidden: Duration) -> Result<Vec<Letter>> {
        let mut letters: BTreeMap<String, Letter> = BTreeMap::new();
        let mut empty = 0;
        while letters.len() < limit && empty < EMPTY_LOOKS {
            let left = i32::try_from(limit - letters.len()).unwrap_or(BATCH);
            let received = self
                .sqs
                .receive_message()
                .queue_url(url)
                .max_number_of_messages(left.min(BATCH))
                .visibility_timeout(i32::try_from(hidden.as_secs()).unwrap_or(i32::MAX))
                .wait_time_seconds(0)
                .message_attribute_names("All")
                .message_system_attribute_names(MessageSystemAttributeName::All)
                .send()
                .await
                .map_err(|error| Failure::call(&format!("cannot look into {url}"), &error))?;
            let before = letters.len();
            for letter in received.messages.unwrap_or_default().into_iter().filter_map(letter) {
                letters.insert(letter.id.clone(), letter);
            }
            empty = if letters.len() == before { empty + 1 } else { 0 };
        }
        let mut letters: Vec<Letter> = letters.into_values().collect();
        letters.sort_by(|a, b| (a.sent_at, &a.id).cmp(&(b.sent_at, &b.id)));
        Ok(letters)
    }

    /// Lets others see these letters again.
    ///
    /// # Errors
    /// If the queue refuses.
    pub async fn show_again(&self, url: &str, letters: &[Letter]) -> Result<()> {
        // What is gone cannot be shown, which is no fault.
        hide(&self.sqs, url, letters, Duration::ZERO).await.map(|_gone| ())
    }

    /// As [`Self::letters`], and waits for a moment for what somebody else is looking at.
    ///
    /// # Errors
    /// If the queue refuses, or others have all of it.
    pub async fn letters_of_all(&self, url: &str, limit: usize, hidden: Duration) -> Result<Vec<Letter>> {
        let mut looks = 0;
        loop {
            let depth = self.depth(url).await?;
            let letters = self.letters(url, limit, hidden).await?;
            let all = usize::try_from(depth.waiting + depth.in_flight).unwrap_or(usize::MAX);
            looks += 1;
            if letters.len() >= all.min(limit) || (looks > PATIENT_LOOKS && !letters.is_empty()) {
                return Ok(letters);
            }
            if looks > PATIENT_LOOKS {
                return Err(Failure::wrong("somebody else holds these letters: try again in a minute"));
            }
            self.show_again(url, &letters).await?;
            sleep(PAUSE).await;
        }
    }

    /// Looks at letters, and lets others see them again at once.
    ///
    /// # Errors
    /// If the queue refuses.
    pub async fn peek(&self, url: &str, limit: usize) -> Result<Vec<Letter>> {
        let letters = self.letters_of_all(url, limit, HIDDEN).await?;
        self.show_again(url, &letters).await?;
        Ok(letters)
    }

    /// Deletes a letter.
    ///
    /// # Errors
    /// If the queue refuses.
    pub async fn delete_letter(&self, url: &str, letter: &Letter) -> Result<()> {
        let deleted = self.sqs.delete_message().queue_url(url).receipt_handle(&letter.receipt).send().await;
        deleted
            .map(|_| ())
            .map_err(|error| Failure::call(&format!("cannot delete {} from {url}", letter.id), &error))
    }
}

/// Keeps these letters from others for as long as when they were taken.
///
/// # Errors
/// If the queue refuses, or others have been able to see one of them since.
pub async fn hold(sqs: &Client, url: &str, letters: &[Letter]) -> Result<()> {
    match hide(sqs, url, letters, HELD).await? {
        0 => Ok(()),
        gone => Err(Failure::wrong(format!(
            "{gone} of these letters could not be held any longer, so somebody else may have {}: begin again",
            if gone == 1 { "it" } else { "them" }
        ))),
    }
}

/// Hides these letters from others for so long, and answers of how many that was too late.
async fn hide(sqs: &Client, url: &str, letters: &[Letter], hidden: Duration) -> Result<usize> {
    let seconds = i32::try_from(hidden.as_secs()).unwrap_or(i32::MAX);
    let mut late = 0;
    for letters in letters.chunks(usize::try_from(BATCH).unwrap_or_default()) {
        let entries = letters.iter().enumerate().map(|(index, letter)| {
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(&letter.receipt)
                .visibility_timeout(seconds)
                .build()
        });
        let entries = entries.collect::<std::result::Result<Vec<_>, _>>();
        let entries =
            entries.map_err(|error| Failure::wrong(format!("a dead letter cannot be named: {error}")))?;
        let change = sqs.change_message_visibility_batch().queue_url(url).set_entries(Some(entries));
        let changed = change.send().await;
        let changed = changed
            .map_err(|error| Failure::call(&format!("cannot hold or let go of letters of {url}"), &error))?;
        late += changed.failed().len();
    }
    Ok(late)
}

fn letter(message: Message) -> Option<Letter> {
    let system = message.attributes.unwrap_or_default();
    let of = |name| system.get(&name).cloned();
    let sent_at =
        of(MessageSystemAttributeName::SentTimestamp).and_then(|at| at.parse().ok()).unwrap_or_default();
    let attributes = message.message_attributes.unwrap_or_default().into_iter();
    Some(Letter {
        id: message.message_id?,
        sent_at: clock::of_millis(sent_at),
        body: message.body.unwrap_or_default(),
        attributes: attributes.filter_map(|(name, value)| Some((name, value.string_value?))).collect(),
        group: of(MessageSystemAttributeName::MessageGroupId),
        deduplication: of(MessageSystemAttributeName::MessageDeduplicationId),
        trace: of(MessageSystemAttributeName::AwsTraceHeader),
        receipt: message.receipt_handle?,
    })
}

/// A queue and its dead-letter queue.
pub struct SqsPost<'a> {
    /// Where it is.
    pub cloud: &'a Cloud,
    /// The pair.
    pub queue: &'a Queue,
    /// Where messages go back to.
    pub url: &'a str,
    /// Since when the consumer's log is read.
    pub since: WireTime,
}

impl Post for SqsPost<'_> {
    async fn send_back(&self, letter: &Letter) -> Result<String> {
        let mut send = self
            .cloud
            .sqs
            .send_message()
            .queue_url(self.url)
            .message_body(&letter.body)
            .set_message_group_id(letter.group.clone())
            .set_message_deduplication_id(letter.deduplication.clone());
        for (name, value) in &letter.attributes {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            let value =
                value.map_err(|error| Failure::wrong(format!("an attribute cannot be sent: {error}")))?;
            send = send.message_attributes(name, value);
        }
        if let Some(trace) = &letter.trace {
            let value =
                MessageSystemAttributeValue::builder().data_type("String").string_value(trace).build();
            let value = value.map_err(|error| Failure::wrong(format!("a trace cannot be sent: {error}")))?;
            send = send.message_system_attributes(MessageSystemAttributeNameForSends::AwsTraceHeader, value);
        }
        let sent = send.send().await;
        let sent = sent.map_err(|error| {
            Failure::call(&format!("cannot send {} back to {}", letter.id, self.url), &error)
        })?;
        Ok(sent.message_id.unwrap_or_default())
    }

    async fn delete(&self, letter: &Letter) -> Result<()> {
        self.cloud.delete_letter(&self.queue.dead_letter_url, letter).await
    }

    async fn hold(&self, letters: &[Letter]) -> Result<()> {
        hold(&self.cloud.sqs, &self.queue.dead_letter_url, letters).await
    }

    /// Whoever consumes says nothing of what it has handled, and one line of what it has not.
    async fn look(&self, sent: &[String]) -> Result<Look> {
        let function = self.queue.function.as_deref().unwrap_or_default();
        let depth = self.cloud.depth(self.url).await?;
        for id in sent {
            let lines = self.cloud.log_lines(id, Some(&[function]), self.since).await?;
            if let Some(line) = lines.iter().rev().find(|line| line.message_id.as_deref() == Some(id)) {
                return Ok(Look::Failed(line.error.clone().unwrap_or_else(|| line.message.clone())));
            }
        }
        Ok(if depth.waiting == 0 && depth.in_flight == 0 { Look::Handled } else { Look::Pending })
    }
}

/// The consumer's lines about these letters, which say why they were given up.
///
/// # Errors
/// If the log cannot be read.
pub async fn complaints(
    cloud: &Cloud,
    queue: &Queue,
    letters: &[Letter],
) -> Result<Vec<crate::logs::LogLine>> {
    let (Some(function), Some(oldest)) =
        (queue.function.as_deref(), letters.iter().map(|letter| letter.sent_at).min())
    else {
        return Ok(Vec::new());
    };
    let mut lines = Vec::new();
    for text in ["goes to the dead-letter queue", "will be delivered again"] {
        lines.extend(cloud.log_lines(text, Some(&[function]), oldest).await?);
    }
    // What was said last is what it was given up for.
    lines.sort_by_key(|line| line.at);
    Ok(lines)
}

/// The letters that `wanted` names: by id, by order, or by a word of their reason.
pub fn select(
    letters: Vec<Letter>,
    log: &[crate::logs::LogLine],
    wanted: &Wanted,
) -> (Vec<Letter>, Vec<Letter>) {
    letters.into_iter().partition(|letter| {
        let of_order = |order: &String| letter.about().order_id.is_some_and(|id| id.to_string() == *order);
        (wanted.messages.is_empty() || wanted.messages.contains(&letter.id))
            && wanted.order.as_ref().is_none_or(of_order)
            && wanted.reason.as_ref().is_none_or(|word| {
                let (word, reason) = (word.to_lowercase(), reason(letter, log).to_lowercase());
                reason.contains(&word) || letter.about().what.to_lowercase().contains(&word)
            })
    })
}

/// Which letters are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// These, by their ids; any if there are none.
    pub messages: Vec<String>,
    /// Those about this order.
    pub order: Option<String>,
    /// Those whose kind or reason has this text in it.
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::letter::tests::{ORDER, letter},
        *,
    };

    #[test]
    fn letters_are_chosen_by_id_by_order_or_by_what_they_have_in_common() {
        let of_order = json!({ "command": "CapturePayment", "orderId": ORDER });
        let chosen = |wanted: Wanted| {
            let letters = vec![letter("a", &of_order), letter("b", &json!({ "command": "RefundPayment" }))];
            let (chosen, left) = select(letters, &[], &wanted);
            assert_eq!(chosen.len() + left.len(), 2);
            chosen.into_iter().map(|letter| letter.id).collect::<Vec<_>>()
        };
        assert_eq!(chosen(Wanted::default()), ["a", "b"]);
        assert_eq!(chosen(Wanted { messages: vec!["b".into()], ..Wanted::default() }), ["b"]);
        assert_eq!(chosen(Wanted { order: Some(ORDER.into()), ..Wanted::default() }), ["a"]);
        assert_eq!(chosen(Wanted { reason: Some("refund".into()), ..Wanted::default() }), ["b"]);
        assert_eq!(
            chosen(Wanted { reason: Some("no line".into()), messages: vec!["a".into()], order: None }),
            ["a"]
        );
    }
}
