//! The Lambda function `fulfil-redemptions`.

use ambient::{Clock, Random};
use aws_lambda_events::sqs::SqsEvent;
use fulfil_redemptions::FulfilRedemptions;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (clock, random) = (Clock::system(), Random::system());
    worker::start_logs(env!("CARGO_PKG_NAME"), clock.clone());
    let handler = FulfilRedemptions::from_env(clock.clone(), random)?;
    run(service_fn(async |call: LambdaEvent<SqsEvent>| {
        Ok::<_, Error>(handler.handle(call.payload, worker::deadline(&clock, call.context.deadline)).await?)
    }))
    .await
}
