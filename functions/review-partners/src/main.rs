//! The Lambda function `review-partners`.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use review_partners::{ReviewPartners, Trigger};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    worker::start_logs(env!("CARGO_PKG_NAME"));
    let handler = ReviewPartners::from_env()?;
    run(service_fn(async |call: LambdaEvent<Trigger>| {
        Ok::<_, Error>(handler.handle(call.payload, worker::deadline(call.context.deadline)).await?)
    }))
    .await
}
