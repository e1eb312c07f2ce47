//! The Lambda function `fulfil-redemptions`.

use ambient::{Clock, Random};
use aws_lambda_events::sqs::SqsEvent;
use fulfil_redemptions::FulfilRedemptions;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use worker::{Apart, apart};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let clock = Clock::system();
    worker::start_logs(env!("CARGO_PKG_NAME"), clock.clone());
    let calls = Apart::start(
        || FulfilRedemptions::from_env(Clock::system(), Random::system()),
        async |handler, (batch, deadline)| handler.handle(batch, deadline).await,
    )?;
    let answers = run(service_fn(async |call: LambdaEvent<SqsEvent>| {
        let deadline = worker::deadline(&clock, call.context.deadline);
        Ok::<_, Error>(apart(call.payload, (&clock, deadline), |batch| calls.call((batch, deadline))).await?)
    }));
    tokio::select! {
        ended = answers => ended,
        error = calls.fails() => Err(error.into()),
    }
}
