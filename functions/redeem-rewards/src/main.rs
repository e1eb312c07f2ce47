//! The Lambda function `redeem-rewards`.

use ambient::{Clock, Random};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use redeem_rewards::RedeemRewards;
use web::{Call, ClaimNames, answer, closed};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let clock = Clock::system();
    worker::start_logs(env!("CARGO_PKG_NAME"), clock.clone());
    let router = closed(RedeemRewards::from_env(clock, Random::system())?.routes(), ClaimNames::from_env());
    run(service_fn(async |call: LambdaEvent<Call>| Ok::<_, Error>(answer(router.clone(), call.payload).await))).await
}
