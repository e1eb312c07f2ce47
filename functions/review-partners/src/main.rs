//! The Lambda function `review-partners`.

use ambient::{Clock, Random};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use review_partners::{ReviewPartners, Trigger};
use worker::{Apart, apart};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let clock = Clock::system();
    worker::start_logs(env!("CARGO_PKG_NAME"), clock.clone());
    let calls = Apart::start(
        || ReviewPartners::from_env(Clock::system(), Random::system()),
        async |handler, (trigger, deadline)| handler.handle(trigger, deadline).await,
    )?;
    let answers = run(service_fn(async |call: LambdaEvent<Trigger>| {
        let deadline = worker::deadline(&clock, call.context.deadline);
        let reply = match call.payload {
            Trigger::Batch(batch) => {
                apart(batch, (&clock, deadline), |batch| calls.call((Trigger::Batch(batch), deadline))).await?
            }
            schedule @ Trigger::Schedule(_) => calls.call((schedule, deadline)).await??,
        };
        Ok::<_, Error>(reply)
    }));
    tokio::select! {
        ended = answers => ended,
        error = calls.fails() => Err(error.into()),
    }
}
