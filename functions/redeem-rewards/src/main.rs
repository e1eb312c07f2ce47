//! The Lambda function `redeem-rewards`.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use redeem_rewards::{Call, RedeemRewards, answer};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    worker::start_logs(env!("CARGO_PKG_NAME"));
    let router = RedeemRewards::from_env()?.router();
    run(service_fn(async |call: LambdaEvent<Call>| Ok::<_, Error>(answer(router.clone(), call.payload).await))).await
}
