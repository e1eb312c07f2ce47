//! `laurel` as a process: run, killed and started again.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use ambient::Clock;
use serde_json::{Value, json};
use worker::{Clients, Queue};

pub(crate) const LAUREL: &str = env!("CARGO_BIN_EXE_laurel");
pub(crate) const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

pub(crate) fn laurel(args: &[&str]) -> Output {
    Command::new(LAUREL)
        .args(args)
        .current_dir(REPOSITORY)
        .env_remove("AWS_ENDPOINT_URL")
        .output()
        .expect("laurel runs")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A `serve` that is killed when the test ends, however it ends.
pub(crate) struct Serve {
    pub(crate) child: Child,
    pub(crate) http: String,
    pub(crate) aws: String,
}

impl Drop for Serve {
    fn drop(&mut self) {
        // One that has ended already cannot be killed.
        let _ = self.child.kill();
        self.child.wait().expect("ended");
    }
}

impl Serve {
    /// Started at ports that the system chooses, as any number of tests at once need it.
    pub(crate) async fn start(data: &Path) -> Self {
        Self::start_as(Command::new(LAUREL), data, (0, 0)).await
    }

    /// Started by `laurel` at the ports `(http, aws)`; 0 is any that is free.
    pub(crate) async fn start_as(mut laurel: Command, data: &Path, (http, aws): (u16, u16)) -> Self {
        let (http, aws) = (http.to_string(), aws.to_string());
        let mut child = laurel
            .args(["serve", "--port", &http, "--aws-port", &aws, "--visibility-seconds", "2", "--data"])
            .arg(data)
            .current_dir(REPOSITORY)
            .stdout(Stdio::piped())
            .spawn()
            .expect("serve starts");
        let stdout = child.stdout.take().expect("piped");
        // From here on it ends with the test, also where it never comes up.
        let mut serve = Self { child, http: String::new(), aws: String::new() };
        let (told, mut lines) = tokio::sync::mpsc::unbounded_channel();
        // Read to its end: who prints to nobody would fail.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // What it says once it is up, nobody waits for.
                let _ = told.send(line);
            }
        });
        let up = async {
            while let Some(line) = lines.recv().await {
                let mut words = line.split_whitespace();
                match (words.next(), words.next(), words.next()) {
                    (Some("HTTP"), Some("API"), Some(url)) => url.clone_into(&mut serve.http),
                    (Some("AWS"), Some("endpoint"), Some(url)) => {
                        url.clone_into(&mut serve.aws);
                        return;
                    }
                    _ => {}
                }
            }
            panic!("serve ended before it was up");
        };
        tokio::time::timeout(Duration::from_secs(60), up).await.expect("serve comes up within a minute");
        serve
    }

    pub(crate) fn queue(&self) -> Queue {
        Queue::new(Clients::local(&self.aws).sqs(), &self.queue_url())
    }

    pub(crate) fn queue_url(&self) -> String {
        format!("{}/000000000000/partner-events", self.aws)
    }

    pub(crate) async fn worked_off(&self) {
        self.worked_off_within(Duration::from_secs(120)).await;
    }

    pub(crate) async fn worked_off_within(&self, most: Duration) {
        use aws_sdk_sqs::types::QueueAttributeName::All;
        let end = Clock::system().instant() + most;
        loop {
            let asked = Clients::local(&self.aws)
                .sqs()
                .get_queue_attributes()
                .queue_url(self.queue_url())
                .attribute_names(All)
                .send()
                .await;
            let counts = asked.expect("attributes").attributes.unwrap_or_default();
            let waiting: u64 = counts
                .iter()
                .filter(|(name, _)| name.as_str().starts_with("ApproximateNumber"))
                .filter_map(|(_, n)| n.parse::<u64>().ok())
                .sum();
            if waiting == 0 {
                return;
            }
            assert!(Clock::system().instant() < end, "{waiting} messages were not worked off");
            Clock::system().sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn available(&self, token: &str, partner: &str) -> Option<i64> {
        let reply = reqwest::Client::new()
            .get(format!("{}/v1/partners/{partner}", self.http))
            .bearer_auth(token)
            .send()
            .await
            .ok()?;
        reply.json::<Value>().await.ok()?["balance"]["available"].as_i64()
    }
}

pub(crate) fn event(kind: &str, partner: &str, id: &str, data: &Value) -> String {
    json!({ "specversion": "1.0", "id": id, "source": "/crm/test", "type": kind, "subject": partner, "program": "hr-software", "time": "2026-03-14T09:30:00Z", "data": data }).to_string()
}
