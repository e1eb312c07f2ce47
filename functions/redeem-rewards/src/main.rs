//! The Lambda function `redeem-rewards`.

use lambda_http::{Error, run};
use redeem_rewards::RedeemRewards;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    worker::start_logs(env!("CARGO_PKG_NAME"));
    run(RedeemRewards::from_env()?.router()).await
}
