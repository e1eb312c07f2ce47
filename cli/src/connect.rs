//! Which tables a command works on.

use ambient::{Clock, Random};
use anyhow::{Context, bail};
use clap::Args;
use store::{Store, StoreSettings};
use worker::{Clients, Secret};

/// Where the tables are.
#[derive(Args, Clone, Debug)]
pub(crate) struct Connect {
    /// The AWS endpoint that `laurel serve` prints. Ignored with --aws.
    #[arg(long, env = "AWS_ENDPOINT_URL", default_value = "http://127.0.0.1:4566")]
    endpoint: String,
    /// Work on AWS, with region and credentials of the environment.
    #[arg(long)]
    aws: bool,
    /// Name of the append-only table.
    #[arg(long, env = "LEDGER_TABLE", default_value = local::LEDGER_TABLE)]
    ledger_table: String,
    /// Name of the table of what records add up to.
    #[arg(long, env = "STATE_TABLE", default_value = local::STATE_TABLE)]
    state_table: String,
    /// Name of the table of what waits.
    #[arg(long, env = "WAITING_TABLE", default_value = local::WAITING_TABLE)]
    waiting_table: String,
}

impl Connect {
    fn clients(&self) -> anyhow::Result<Clients> {
        if !self.aws {
            let is_address = self.endpoint.parse::<http::Uri>().is_ok_and(|uri| uri.scheme().is_some());
            if !is_address {
                bail!(
                    "`{}` is no address of an endpoint; `laurel serve` prints its own, as http://127.0.0.1:4566 (--endpoint, AWS_ENDPOINT_URL)",
                    self.endpoint
                );
            }
            return Ok(Clients::local(&self.endpoint));
        }
        Clients::from_env().context(
            "--aws needs AWS_REGION and credentials in the environment; `aws configure export-credentials --format env` prints those of a profile",
        )
    }

    /// Who works here, as far as is known: the access key on AWS, else the name of the user.
    pub(crate) fn actor(&self) -> anyhow::Result<String> {
        if self.aws {
            return Ok(format!("access key {}", self.clients()?.key_id()));
        }
        let user = std::env::var("USER").or_else(|_| std::env::var("USERNAME"));
        Ok(user.map_or_else(|_| "somebody on this machine".to_owned(), |user| format!("user {user}")))
    }

    /// The queues.
    pub(crate) fn queues(&self) -> anyhow::Result<aws_sdk_sqs::Client> {
        Ok(self.clients()?.sqs())
    }

    /// Where it works, for people.
    pub(crate) fn place(&self) -> &str {
        if self.aws { "AWS" } else { &self.endpoint }
    }

    /// What to say where nothing is found, or nothing answers.
    pub(crate) fn nothing_here(&self, what: &str) -> String {
        if self.aws {
            format!("no {what} for you on AWS; its name is an output of the stack")
        } else {
            format!("no {what} at {}; start `cargo laurel serve`, or name another --endpoint", self.endpoint)
        }
    }

    /// The secret with this name or ARN.
    pub(crate) fn secret(&self, id: &str) -> anyhow::Result<Secret> {
        Ok(Secret::new(self.clients()?.secretsmanager(), id))
    }

    /// A store that answers.
    pub(crate) async fn store(&self) -> anyhow::Result<Store> {
        let clients = self.clients()?;
        let settings = StoreSettings {
            ledger_table: self.ledger_table.clone(),
            state_table: self.state_table.clone(),
            waiting_table: self.waiting_table.clone(),
            program_age_max: std::time::Duration::ZERO,
        };
        let store = Store::new(clients.dynamodb(), settings, Clock::system(), Random::system());
        store::programs::ids(&store).await.with_context(|| {
            if self.aws {
                format!(
                    "no Laurel table {} for you on AWS; --ledger-table, --state-table and --waiting-table are outputs of the stack",
                    self.state_table
                )
            } else {
                self.nothing_here("Laurel tables")
            }
        })?;
        store::programs::check_form(&store).await?;
        Ok(store)
    }
}
