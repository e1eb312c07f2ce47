//! The Lambda function `award-points`.

use award_points::AwardPoints;
use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    worker::start_logs(env!("CARGO_PKG_NAME"));
    let handler = AwardPoints::from_env()?;
    run(service_fn(async |call: LambdaEvent<SqsEvent>| {
        Ok::<_, Error>(handler.handle(call.payload, worker::deadline(call.context.deadline)).await?)
    }))
    .await
}
