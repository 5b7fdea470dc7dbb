//! Queues: visibility, receive counts, dead letters, sizes; of FIFO queues order, groups and deduplication.

use anyhow::{Context, ensure};

/// How a queue of a case is made. What is received is hidden for a short time: long enough for a few calls.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// Whether it is a FIFO queue, without deduplication by content.
    pub fifo: bool,
    /// Deliveries before a message goes to the dead-letter queue.
    pub max_receives: u32,
    /// Longer messages are refused.
    pub max_bytes: usize,
}

const STANDARD: Setup = Setup { fifo: false, max_receives: 5, max_bytes: 1024 };
const FIFO: Setup = Setup { fifo: true, ..STANDARD };

/// A message to send.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outgoing<'a> {
    /// The text.
    pub body: &'a str,
    /// On a FIFO queue.
    pub group: Option<&'a str>,
    /// On a FIFO queue.
    pub deduplication: Option<&'a str>,
}

/// A message as it was received.
#[derive(Debug, Clone)]
pub struct Received {
    /// The text.
    pub body: String,
    /// This delivery included.
    pub receive_count: u32,
    /// What deletes it.
    pub receipt: String,
}

/// A queue with a dead-letter queue.
pub trait Queue {
    /// Answers whether the queue has taken the message.
    async fn send(&self, message: Outgoing<'_>) -> anyhow::Result<bool>;
    /// What is there now, at most `max` messages.
    async fn receive(&self, max: i32) -> anyhow::Result<Vec<Received>>;
    /// Receives until something is there; an error if that takes much longer than messages are hidden.
    async fn arrival(&self, max: i32) -> anyhow::Result<Vec<Received>>;
    /// Receives until something is among the dead letters; an error as with `arrival`.
    async fn dead_letter(&self) -> anyhow::Result<String>;
    /// Deletes, or does not if the receipt is too old.
    async fn delete(&self, receipt: &str) -> anyhow::Result<()>;
    /// Messages that wait or are hidden.
    async fn depth(&self) -> anyhow::Result<u64>;
}

/// Makes queues.
pub trait Queues {
    /// What it makes.
    type Queue: Queue;
    /// A new queue, which is removed by its maker.
    async fn queue(&self, setup: Setup) -> anyhow::Result<Self::Queue>;
}

async fn text(queue: &impl Queue, body: &str) -> anyhow::Result<bool> {
    queue.send(Outgoing { body, ..Outgoing::default() }).await
}

/// The message's text is its deduplication id too.
async fn grouped(queue: &impl Queue, group: &str, bodies: &[&str]) -> anyhow::Result<()> {
    for body in bodies {
        let taken = queue.send(Outgoing { body, group: Some(group), deduplication: Some(body) }).await?;
        ensure!(taken, "`{body}` was refused");
    }
    Ok(())
}

async fn one(queue: &impl Queue) -> anyhow::Result<Received> {
    queue.arrival(1).await?.pop().context("nothing arrived")
}

fn bodies(received: &[Received]) -> Vec<&str> {
    received.iter().map(|message| message.body.as_str()).collect()
}

pub async fn a_received_message_is_hidden_and_comes_again_with_its_count(
    queues: &impl Queues,
) -> anyhow::Result<()> {
    let queue = queues.queue(STANDARD).await?;
    text(&queue, "a").await?;
    let first = one(&queue).await?;
    ensure!(first.receive_count == 1, "{first:?}");
    let hidden = queue.receive(10).await?;
    ensure!(hidden.is_empty(), "{hidden:?} is not hidden");
    let second = one(&queue).await?;
    ensure!((second.body.as_str(), second.receive_count) == ("a", 2), "{second:?}");
    queue.delete(&second.receipt).await
}

pub async fn a_deleted_message_is_gone(queues: &impl Queues) -> anyhow::Result<()> {
    let queue = queues.queue(STANDARD).await?;
    text(&queue, "a").await?;
    queue.delete(&one(&queue).await?.receipt).await?;
    let depth = queue.depth().await?;
    ensure!(depth == 0, "{depth} messages are left");
    Ok(())
}

pub async fn a_message_received_too_often_is_a_dead_letter(queues: &impl Queues) -> anyhow::Result<()> {
    let queue = queues.queue(Setup { max_receives: 2, ..STANDARD }).await?;
    text(&queue, "a").await?;
    for count in 1..=2 {
        let received = one(&queue).await?;
        ensure!(received.receive_count == count, "{received:?} instead of {count}");
    }
    let dead = queue.dead_letter().await?;
    ensure!(dead == "a", "{dead}");
    let depth = queue.depth().await?;
    ensure!(depth == 0, "{depth} messages are left beside the dead letter");
    Ok(())
}

pub async fn a_message_that_is_too_long_is_refused(queues: &impl Queues) -> anyhow::Result<()> {
    let queue = queues.queue(STANDARD).await?;
    ensure!(text(&queue, &"x".repeat(STANDARD.max_bytes)).await?, "a message as long as allowed is refused");
    ensure!(!text(&queue, &"x".repeat(STANDARD.max_bytes + 1)).await?, "a longer message is taken");
    Ok(())
}

pub async fn a_fifo_queue_keeps_the_order_of_each_group(queues: &impl Queues) -> anyhow::Result<()> {
    let queue = queues.queue(FIFO).await?;
    grouped(&queue, "a", &["a1", "a2"]).await?;
    grouped(&queue, "b", &["b1"]).await?;
    grouped(&queue, "a", &["a3"]).await?;
    let mut heard = Vec::new();
    while heard.len() < 4 {
        for received in queue.arrival(10).await? {
            queue.delete(&received.receipt).await?;
            heard.push(received.body);
        }
    }
    heard.retain(|body| body.starts_with('a'));
    ensure!(heard == ["a1", "a2", "a3"], "{heard:?}");
    Ok(())
}

pub async fn a_group_waits_for_its_message_in_flight_and_others_do_not(
    queues: &impl Queues,
) -> anyhow::Result<()> {
    let queue = queues.queue(FIFO).await?;
    grouped(&queue, "a", &["a1", "a2"]).await?;
    let first = one(&queue).await?;
    ensure!(first.body == "a1", "{first:?}");
    grouped(&queue, "b", &["b1"]).await?;
    let beside = queue.arrival(10).await?;
    ensure!(bodies(&beside) == ["b1"], "{beside:?}");
    queue.delete(&first.receipt).await?;
    let next = queue.arrival(10).await?;
    ensure!(bodies(&next) == ["a2"], "{next:?}");
    Ok(())
}

pub async fn a_failed_message_holds_its_group_until_it_is_a_dead_letter(
    queues: &impl Queues,
) -> anyhow::Result<()> {
    let queue = queues.queue(Setup { max_receives: 2, ..FIFO }).await?;
    grouped(&queue, "a", &["a1", "a2"]).await?;
    for count in 1..=2 {
        let received = one(&queue).await?;
        ensure!((received.body.as_str(), received.receive_count) == ("a1", count), "{received:?}");
        let behind = queue.receive(10).await?;
        ensure!(behind.is_empty(), "{behind:?} came before the end of what is in front of it");
    }
    let next = one(&queue).await?;
    ensure!(next.body == "a2", "{next:?}");
    let dead = queue.dead_letter().await?;
    ensure!(dead == "a1", "{dead}");
    Ok(())
}

pub async fn a_deduplication_id_is_taken_once(queues: &impl Queues) -> anyhow::Result<()> {
    let queue = queues.queue(FIFO).await?;
    let message = |body| Outgoing { body, group: Some("a"), deduplication: Some("same") };
    ensure!(queue.send(message("first")).await?, "the first is refused");
    ensure!(queue.send(message("second")).await?, "a repetition is refused instead of absorbed");
    let received = one(&queue).await?;
    ensure!(received.body == "first", "{received:?}");
    queue.delete(&received.receipt).await?;
    // Its id is remembered although the message is gone.
    ensure!(queue.send(message("third")).await?, "a repetition is refused instead of absorbed");
    let depth = queue.depth().await?;
    ensure!(depth == 0, "{depth} repetitions were taken");
    Ok(())
}

pub async fn a_fifo_queue_wants_a_group(queues: &impl Queues) -> anyhow::Result<()> {
    let queue = queues.queue(FIFO).await?;
    let sent = queue.send(Outgoing { body: "a", group: None, deduplication: Some("a") }).await?;
    ensure!(!sent, "a message without a group is taken");
    Ok(())
}

pub async fn an_old_receipt_deletes_nothing_from_a_fifo_queue(queues: &impl Queues) -> anyhow::Result<()> {
    let queue = queues.queue(FIFO).await?;
    grouped(&queue, "a", &["a1"]).await?;
    let (first, _second) = (one(&queue).await?, one(&queue).await?);
    queue.delete(&first.receipt).await?;
    let third = one(&queue).await.context("the receipt of an earlier delivery has deleted the message")?;
    ensure!(third.receive_count == 3, "{third:?}");
    queue.delete(&third.receipt).await
}
