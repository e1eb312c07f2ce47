//! `demo`: the main job, on an engine in this process, through queue, functions, ledger and HTTP API.

use std::process::ExitCode;
use std::time::Duration;

use ambient::Clock;
use anyhow::{Context, bail};
use aws_lambda_events::sqs::SqsEvent;
use clap::Args;
use comfy_table::Cell;
use indicatif::{ProgressBar, ProgressStyle};
use local::{Options, Stack, queues};
use serde_json::Value;

use crate::serve::{program_files, publish_missing};
use crate::show::{points, shown, table};

/// Longest wait for an event to be judged or a card to be delivered.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// The story, in its order: sample files, each a queue envelope.
const STORY: [(&str, &str); 10] = [
    ("partner.enrolled", include_str!("../../events/partner.enrolled.json")),
    ("agreement.accepted", include_str!("../../events/agreement.accepted.json")),
    ("course.completed", include_str!("../../events/course.completed.json")),
    ("deal.registered", include_str!("../../events/deal.registered.json")),
    ("deal.qualified", include_str!("../../events/deal.qualified.json")),
    ("content.viewed", include_str!("../../events/content.viewed.json")),
    ("deal.closed", include_str!("../../events/deal.closed.json")),
    ("what earns nothing", include_str!("../../events/story.nothing-earned.json")),
    ("repeated and conflicting", include_str!("../../events/hostile.repeated.json")),
    ("unreadable", include_str!("../../events/hostile.unreadable.json")),
];
const RESELLER: &str = include_str!("../../events/story.reseller.json");

/// Play the sample events on an engine in this process.
#[derive(Args)]
pub(crate) struct Demo {
    /// Keep the stack up afterwards, until Ctrl-C.
    #[arg(long)]
    stay: bool,
    /// Show what the engine withstands instead: duplicates, kills, lost replies and more, on a simulated AWS.
    #[arg(long, conflicts_with = "stay")]
    torture: bool,
    /// What the torture is drawn from; the same seed is the same torture.
    #[arg(long, default_value_t = 1, requires = "torture")]
    seed: u64,
}

impl Demo {
    /// Whether it tortures instead of telling its story.
    pub(crate) fn is_torture(&self) -> bool {
        self.torture
    }

    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        if self.torture {
            return crate::torture::torture(self.seed);
        }
        let stack = Stack::start(Options::default()).await?;
        let started = stack.store.clock().instant();
        publish_missing(&stack, &program_files(None)?).await?;
        stack.set_ready();
        let api = Api::new(&stack, "hr-software", "partner-17")?;
        println!("Laurel runs in this process: SQS queues, seven functions, three DynamoDB tables and an HTTP API.\n");

        play(&stack, &STORY).await?;
        println!(
            "1. Northwind Partners (partner-17) in the points program `hr-software`, as GET /v1/partners/partner-17/events shows it:\n"
        );
        show_events(stack.store.clock(), &api, 11).await?;
        explain(&api, "/lms/academy", "lms-77999").await?;
        explain(&api, "/cms/portal", "cms-32").await?;
        explain(&api, "/crm/acme", "crm-9001-won").await?;
        let quarantined = store::aside::quarantined(&stack.store, 100).await?.len();
        println!(
            "   {quarantined} messages that are no events at all (broken JSON and the like) were sent along: they are in the quarantine queue, each with its reason.
"
        );

        println!("2. A gift card for points:\n");
        redeem(&stack, &api).await?;

        println!(
            "3. Merlion Referrals (partner-31) in the reseller program `perx`: five deals a year make a reseller.\n"
        );
        let perx = Api::new(&stack, "perx", "partner-31")?;
        play(&stack, &[("the reseller story", RESELLER)]).await?;
        show_events(stack.store.clock(), &perx, 7).await?;

        println!(
            "   New business is paid in money that is held for 30 days: until then it is accrued, and a reversal costs nobody anything.\n"
        );

        println!("4. The balances, read back through the API:\n");
        show_balances(&[&api, &perx]).await?;
        println!(
            "Done in {:.1} s. Every line above came from the ledger; `cargo laurel serve` keeps one on disk.",
            (stack.store.clock().instant() - started).as_secs_f32()
        );
        if self.stay {
            println!(
                "\nThe stack stays up: HTTP API {}, AWS endpoint {}. Ctrl-C stops it.",
                stack.http_url(),
                stack.aws.endpoint()
            );
            println!("A token for partner-17: {}", api.token);
            tokio::signal::ctrl_c().await?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The API, as one partner.
struct Api {
    http: reqwest::Client,
    base: String,
    partner: String,
    token: String,
}

impl Api {
    fn new(stack: &Stack, program: &str, partner: &str) -> anyhow::Result<Self> {
        let token = stack.tokens.sign(Some(partner), program, &["read".to_owned(), "redeem".to_owned()])?;
        Ok(Self { http: reqwest::Client::new(), base: stack.http_url(), partner: partner.to_owned(), token })
    }

    fn own(&self, rest: &str) -> String {
        format!("{}/v1/partners/{}{rest}", self.base, self.partner)
    }

    async fn get(&self, url: &str) -> anyhow::Result<Value> {
        let reply = self.http.get(url).bearer_auth(&self.token).send().await?;
        let status = reply.status();
        let body: Value = reply.json().await?;
        if !status.is_success() {
            bail!("GET {url}: {status} {body}");
        }
        Ok(body)
    }

    async fn post(&self, url: &str, key: &str, body: Option<Value>) -> anyhow::Result<(u16, Value)> {
        let post = self.http.post(url).bearer_auth(&self.token).header("idempotency-key", key);
        let post = match body {
            Some(body) => post.json(&body),
            None => post,
        };
        let reply = post.send().await?;
        Ok((reply.status().as_u16(), reply.json().await?))
    }
}

/// Sends the bodies of each file to the queue, and waits until the queue has been worked off.
async fn play(stack: &Stack, files: &[(&str, &str)]) -> anyhow::Result<()> {
    let bar = ProgressBar::new(files.len() as u64).with_style(ProgressStyle::with_template("   {bar:30} {msg}")?);
    let queue = worker::Queue::new(stack.clients.sqs(), &stack.aws.queue_url(queues::PARTNER_EVENTS));
    for (name, file) in files {
        bar.set_message((*name).to_owned());
        let envelope: SqsEvent = serde_json::from_str(file).with_context(|| format!("the sample `{name}`"))?;
        for record in envelope.records {
            // SQS takes no empty body, so that sample is sent as a blank.
            let body = record.body.filter(|b| !b.is_empty()).unwrap_or_else(|| " ".to_owned());
            queue.send(body).await?;
            worked_off(stack).await?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Waits until no message is in the queue or with a worker.
async fn worked_off(stack: &Stack) -> anyhow::Result<()> {
    use aws_sdk_sqs::types::QueueAttributeName::{ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible};
    let clock = stack.store.clock();
    let end = clock.instant() + WAIT_MAX;
    while clock.instant() < end {
        let ask = stack.clients.sqs().get_queue_attributes().queue_url(stack.aws.queue_url(queues::PARTNER_EVENTS));
        let reply = ask
            .attribute_names(ApproximateNumberOfMessages)
            .attribute_names(ApproximateNumberOfMessagesNotVisible)
            .send()
            .await?;
        if reply.attributes.unwrap_or_default().values().all(|n| n == "0") {
            return Ok(());
        }
        clock.sleep(Duration::from_millis(5)).await;
    }
    bail!("the queue was not worked off within {} s", WAIT_MAX.as_secs())
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// The partner's events, oldest first, once there are `expected` of them.
async fn show_events(clock: &Clock, api: &Api, expected: usize) -> anyhow::Result<()> {
    let end = clock.instant() + WAIT_MAX;
    let items = loop {
        let list = api.get(&api.own("/events")).await?;
        let items = list["items"].as_array().cloned().unwrap_or_default();
        if items.len() >= expected {
            break items;
        }
        if clock.instant() > end {
            bail!("{} of {expected} events were judged within {} s", items.len(), WAIT_MAX.as_secs());
        }
        clock.sleep(Duration::from_millis(20)).await;
    };
    let mut rows = table(&["event", "id", "outcome", "points", "why", "tier"]);
    for item in items.iter().rev() {
        let explained = api
            .get(&format!("{}?source={}&id={}", api.own("/explanation"), text(item, "source"), text(item, "id")))
            .await?;
        let judged = explained["outcome"] == item["outcome"];
        let tier = explained["tier_changes"]
            .as_array()
            .filter(|_| judged)
            .and_then(|t| t.first())
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let kind = if text(item, "type").is_empty() { "(kept beside)" } else { text(item, "type") };
        rows.add_row(vec![
            Cell::new(kind),
            Cell::new(text(item, "id")),
            Cell::new(text(item, "outcome")),
            points(item["points"].as_i64().unwrap_or_default()),
            Cell::new(text(item, "sentence")),
            Cell::new(tier),
        ]);
    }
    println!("{}\n", shown(&rows));
    Ok(())
}

async fn explain(api: &Api, source: &str, id: &str) -> anyhow::Result<()> {
    let explained = api.get(&format!("{}?source={source}&id={id}", api.own("/explanation"))).await?;
    for rule in explained["rules"].as_array().into_iter().flatten() {
        println!(
            "   Why did {id} earn {}? Rule `{}`: {}. Matched and uncapped it would give {}.",
            explained["points"],
            text(rule, "rule"),
            text(rule, "sentence"),
            rule["would_have_earned"]
        );
    }
    Ok(())
}

async fn redeem(stack: &Stack, api: &Api) -> anyhow::Result<()> {
    let codes: Vec<String> = (1..=3).map(|n| format!("DEMO-STAR-{n:04}")).collect();
    let program = "hr-software".try_into()?;
    store::cards::load(&stack.store, &program, "starbucks-10", &codes, &stack.sealer, |_| ()).await?;
    let order = serde_json::json!({ "reward_id": "starbucks-10", "quantity": 1 });
    let (status, made) = api.post(&api.own("/redemptions"), "demo-1", Some(order.clone())).await?;
    if status != 201 {
        bail!("the redemption was not taken: {status} {made}");
    }
    let id = text(&made, "id").to_owned();
    let (_, again) = api.post(&api.own("/redemptions"), "demo-1", Some(order.clone())).await?;
    let mut states = vec![text(&made, "status").to_owned()];
    let clock = stack.store.clock();
    let end = clock.instant() + WAIT_MAX;
    while states.last().is_some_and(|s| s != "fulfilled") {
        let seen = api.get(&api.own(&format!("/redemptions/{id}"))).await?;
        let state = text(&seen, "status").to_owned();
        if states.last() != Some(&state) {
            states.push(state);
        }
        if clock.instant() > end {
            bail!("the card was not delivered within {} s", WAIT_MAX.as_secs());
        }
        clock.sleep(Duration::from_millis(2)).await;
    }
    let (_, card) = api.post(&api.own(&format!("/redemptions/{id}/reveal")), "demo-reveal", None).await?;
    let (refused, reason) = api.post(&api.own("/redemptions"), "demo-2", Some(order)).await?;
    let mut rows = table(&["request", "answer"]);
    rows.add_row([
        "POST redemptions: one starbucks-10, key demo-1",
        &format!("201, {} points, {}", made["points"], states.join(" -> ")),
    ]);
    rows.add_row([
        "the same key again",
        if again == made { "the saved answer, nothing moves" } else { "another answer" },
    ]);
    rows.add_row(["POST reveal", &format!("the card's code: {}", text(&card, "code"))]);
    rows.add_row([
        "another one, key demo-2",
        &format!("{refused} {}: {}", text(&reason, "code"), text(&reason, "detail")),
    ]);
    println!("{}\n", shown(&rows));
    Ok(())
}

async fn show_balances(apis: &[&Api]) -> anyhow::Result<()> {
    let mut rows =
        table(&["partner", "program", "available", "pending", "reserved", "owed", "tier", "next", "to next"]);
    for api in apis {
        let seen = api.get(&api.own("")).await?;
        let balance = |name: &str| points(seen["balance"][name].as_i64().unwrap_or_default());
        let sell = &seen["tiers"]["sell"];
        let step = |p: &Value| {
            if p["fact"].is_string() {
                return format!("{} {}", text(p, "fact"), text(p, "asked"));
            }
            format!("{} {}/{} within {}", text(p, "measure"), text(p, "seen"), text(p, "least"), text(p, "within"))
        };
        let steps: Vec<String> = sell["to_next"].as_array().into_iter().flatten().map(step).collect();
        rows.add_row(vec![
            Cell::new(&api.partner),
            Cell::new(text(&seen, "program")),
            balance("available"),
            balance("pending"),
            balance("reserved"),
            balance("owed"),
            Cell::new(text(sell, "tier")),
            Cell::new(text(sell, "next")),
            Cell::new(steps.join("\n")),
        ]);
    }
    println!("{}\n", shown(&rows));
    Ok(())
}
