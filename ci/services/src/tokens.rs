//! Task tokens: an execution waits for an answer, once and not forever.

use anyhow::ensure;
use lakeside_kit::task_token::{Answered, TaskTokens};
use serde_json::{Value, json};

/// Executions that wait for an answer.
pub trait Waiting {
    /// Through which they are answered.
    type Port: TaskTokens;
    /// The port.
    fn tokens(&self) -> &Self::Port;
    /// Lets an execution wait for an answer, briefly or for long, and answers its token.
    async fn wait(&self, briefly: bool) -> anyhow::Result<String>;
    /// What that execution got, once it goes on; `None` if it timed out.
    async fn heard(&self, token: &str) -> anyhow::Result<Option<Value>>;
}

async fn answer(waiting: &impl Waiting, token: &str, n: u32) -> anyhow::Result<Answered> {
    Ok(waiting.tokens().succeed(token, &json!({ "n": n })).await?)
}

pub async fn an_answer_arrives(waiting: &impl Waiting) -> anyhow::Result<()> {
    let token = waiting.wait(false).await?;
    let answered = answer(waiting, &token, 1).await?;
    ensure!(answered == Answered::Delivered, "{answered:?}");
    let heard = waiting.heard(&token).await?;
    ensure!(heard == Some(json!({"n": 1})), "{heard:?}");
    Ok(())
}

pub async fn a_second_answer_is_not_awaited(waiting: &impl Waiting) -> anyhow::Result<()> {
    let token = waiting.wait(false).await?;
    let first = answer(waiting, &token, 1).await?;
    // Until the execution goes on, the local cloud may still take another answer; nobody hears it.
    let heard = waiting.heard(&token).await?;
    ensure!(heard == Some(json!({"n": 1})), "{heard:?}");
    let answers = (first, answer(waiting, &token, 2).await?);
    ensure!(answers == (Answered::Delivered, Answered::NotAwaited), "{answers:?}");
    Ok(())
}

pub async fn an_answer_after_the_timeout_is_not_awaited(waiting: &impl Waiting) -> anyhow::Result<()> {
    let token = waiting.wait(true).await?;
    let heard = waiting.heard(&token).await?;
    ensure!(heard.is_none(), "{heard:?}");
    let answered = answer(waiting, &token, 1).await?;
    ensure!(answered == Answered::NotAwaited, "{answered:?}");
    Ok(())
}

pub async fn an_unknown_token_is_not_awaited(waiting: &impl Waiting) -> anyhow::Result<()> {
    let answered = answer(waiting, "AAAAKgAAAAIAAAAAAAAAAcG9nb3Jlbw==", 1).await?;
    ensure!(answered == Answered::NotAwaited, "{answered:?}");
    Ok(())
}
