//! The Lambda function `review-partners`.

use ambient::{Clock, Random};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use review_partners::{ReviewPartners, Trigger};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (clock, random) = (Clock::system(), Random::system());
    worker::start_logs(env!("CARGO_PKG_NAME"), clock.clone());
    let handler = ReviewPartners::from_env(clock.clone(), random)?;
    run(service_fn(async |call: LambdaEvent<Trigger>| {
        Ok::<_, Error>(handler.handle(call.payload, worker::deadline(&clock, call.context.deadline)).await?)
    }))
    .await
}
