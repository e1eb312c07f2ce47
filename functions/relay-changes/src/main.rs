//! The Lambda function `relay-changes`.

use ambient::{Clock, Random};
use aws_lambda_events::dynamodb::Event;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use relay_changes::RelayChanges;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let clock = Clock::system();
    worker::start_logs(env!("CARGO_PKG_NAME"), clock.clone());
    let handler = RelayChanges::from_env(clock, Random::system())?;
    run(service_fn(async |call: LambdaEvent<Event>| Ok::<_, Error>(handler.handle(call.payload).await))).await
}
