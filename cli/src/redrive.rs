//! `redrive`: what was put aside goes back to its queue.

use std::process::ExitCode;

use anyhow::{Context, bail};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, QueueAttributeName};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use local::queues;

use crate::connect::Connect;

/// Send what a queue put aside to be delivered again.
#[derive(Args)]
pub(crate) struct Redrive {
    /// The queue that put it aside, not the one it was put into: a name or an address, as the stack's outputs have them.
    #[arg(default_value = queues::PARTNER_EVENTS)]
    queue: String,
    /// Only say how many there are.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    connect: Connect,
}

impl Redrive {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let sqs = self.connect.queues()?;
        let queue = self.address(&sqs, &self.queue).await?;
        let aside = self.put_aside_in(&sqs, &queue).await?;
        let there = attribute(&sqs, &aside, QueueAttributeName::ApproximateNumberOfMessages).await?;
        let there: u64 = there.and_then(|count| count.parse().ok()).unwrap_or(0);
        if self.dry_run {
            println!("{there} messages wait in {aside}");
            return Ok(ExitCode::SUCCESS);
        }
        let style = ProgressStyle::with_template("{pos}/{len} sent again {wide_bar} {eta}")?;
        let bar = ProgressBar::new(there).with_style(style);
        let mut sent = 0;
        // What fails again comes back while this runs: no more is sent than there was.
        while sent < there {
            let messages = receive(&sqs, &aside).await?;
            if messages.is_empty() {
                break;
            }
            for message in messages {
                send_again(&sqs, &queue, &aside, &message).await?;
                sent += 1;
                bar.inc(1);
            }
        }
        bar.finish_and_clear();
        println!("{sent} messages were sent again to {queue}");
        Ok(ExitCode::SUCCESS)
    }

    async fn address(&self, sqs: &Client, name: &str) -> anyhow::Result<String> {
        if name.contains("://") {
            return Ok(name.to_owned());
        }
        let found = sqs.get_queue_url().queue_name(name).send().await;
        let found = match found.map_err(aws_sdk_sqs::Error::from) {
            Err(aws_sdk_sqs::Error::QueueDoesNotExist(_)) => {
                bail!(
                    "there is no queue `{name}` at {}; name one that functions read, as {}",
                    self.connect.place(),
                    queues::PARTNER_EVENTS
                )
            }
            found => found.with_context(|| self.connect.nothing_here("queues"))?,
        };
        found.queue_url.with_context(|| format!("the queue `{name}` has no address"))
    }

    /// The queue into which it puts aside what is delivered too often.
    async fn put_aside_in(&self, sqs: &Client, queue: &str) -> anyhow::Result<String> {
        let policy = attribute(sqs, queue, QueueAttributeName::RedrivePolicy).await?;
        let policy: serde_json::Value = serde_json::from_str(policy.as_deref().unwrap_or("{}"))?;
        let Some(aside) = policy["deadLetterTargetArn"].as_str().and_then(|arn| arn.rsplit(':').next()) else {
            bail!(
                "{queue} puts nothing aside: it is not one that functions read, or one into which messages are put aside"
            );
        };
        self.address(sqs, aside).await
    }
}

async fn attribute(sqs: &Client, queue: &str, name: QueueAttributeName) -> anyhow::Result<Option<String>> {
    let asked = sqs.get_queue_attributes().queue_url(queue).attribute_names(name.clone()).send().await;
    let told = asked.with_context(|| format!("the queue {queue} does not answer"))?.attributes;
    Ok(told.and_then(|mut all| all.remove(&name)))
}

async fn receive(sqs: &Client, queue: &str) -> anyhow::Result<Vec<Message>> {
    let receive = sqs.receive_message().queue_url(queue).max_number_of_messages(10).wait_time_seconds(1);
    Ok(receive.message_attribute_names("All").send().await?.messages.unwrap_or_default())
}

/// Sent first, deleted then: a message that is there twice is a duplicate, one that is gone is lost.
async fn send_again(sqs: &Client, queue: &str, aside: &str, message: &Message) -> anyhow::Result<()> {
    let send = sqs.send_message().queue_url(queue).message_body(message.body.clone().unwrap_or_default());
    send.set_message_attributes(message.message_attributes.clone()).send().await?;
    let handle = message.receipt_handle.clone().unwrap_or_default();
    sqs.delete_message().queue_url(aside).receipt_handle(handle).send().await?;
    Ok(())
}
