//! The functions on a simulated table of which nothing fails: what they make it read, and what a sweep leaves.

mod bounded;
mod sweeps;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ambient::{Clock, Instant, Random};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use domain::ledger::Outcome;
use domain::redemption::Wish;
use engine::events::Arrival;
use engine::steps::Step;
use event::ids::{PartnerId, ProgramId};
use event::{Code, Event, Rejection, Whole};
use jiff::Timestamp;
use program::Programs;
use read_accounts::ReadAccounts;
use review_partners::{ReviewPartners, Trigger};
use serde_json::{Value, json};
use simulator::table::{Dynamo, Luck};
use store::aside::Aside;
use store::patience::Patience;
use store::{Store, StoreSettings};
use worker::{Clients, Queue};

const MANY: usize = 10_000;
const PROGRAM: &str = include_str!("../../../../infra/programs/hr-software.toml");
const NOW: &str = "2026-06-15T12:00:00Z";

/// Indexes follow at once, pages are full.
struct Even;

impl Luck for Even {
    fn lag(&mut self) -> Duration {
        Duration::ZERO
    }

    fn page(&mut self, most: usize) -> usize {
        most
    }
}

/// The tables, what they had to read, and what was sent to queues.
#[derive(Default)]
struct Services {
    tables: Dynamo,
    read: usize,
    sent: BTreeMap<String, Vec<String>>,
}

impl Services {
    fn answer(&mut self, operation: &str, request: &Value) -> (u16, Value) {
        let done = match operation {
            "SendMessage" | "SendMessageBatch" => return (200, self.send(request)),
            "TransactWriteItems" => match self.tables.take_up(request) {
                Ok(held) => self.tables.finish(request, &held.expect("it is new"), Instant::now(), &mut Even),
                Err(refusal) => Err(refusal),
            },
            _ => self.tables.answer(operation, request, Instant::now(), &mut Even),
        };
        match done {
            Ok((answer, _)) => {
                let keys = |of: &Value| of["Keys"].as_array().map_or(0, Vec::len);
                self.read += match operation {
                    "GetItem" => 1,
                    "BatchGetItem" => {
                        request["RequestItems"].as_object().into_iter().flatten().map(|(_, of)| keys(of)).sum()
                    }
                    _ => answer["ScannedCount"].as_u64().map_or(0, |read| usize::try_from(read).expect("few")),
                };
                (200, answer)
            }
            Err(refusal) => {
                let mut told = refusal.more;
                told["__type"] = refusal.code.into();
                (refusal.status, told)
            }
        }
    }

    fn send(&mut self, request: &Value) -> Value {
        let queue = request["QueueUrl"].as_str().and_then(|url| url.rsplit('/').next()).unwrap_or_default();
        let entries = request["Entries"].as_array().cloned().unwrap_or_else(|| vec![request.clone()]);
        let bodies = entries.iter().filter_map(|entry| entry["MessageBody"].as_str()).map(str::to_owned);
        self.sent.entry(queue.to_owned()).or_default().extend(bodies);
        let taken = entries.iter().map(|entry| json!({ "Id": entry["Id"], "MessageId": "m" }));
        json!({ "MessageId": "m", "Successful": taken.collect::<Vec<_>>(), "Failed": [] })
    }
}

#[derive(Clone)]
struct Wire(Arc<Mutex<Services>>);

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = request.headers().get("x-amz-target").and_then(|target| target.rsplit('.').next());
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).expect("JSON");
        let (status, answer) = self.services(|services| services.answer(operation.unwrap_or_default(), &body));
        HttpConnectorFuture::new(async move {
            let mut response =
                HttpResponse::new(status.try_into().expect("a status"), SdkBody::from(answer.to_string()));
            response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
            Ok::<_, ConnectorError>(response)
        })
    }
}

impl Wire {
    fn services<T>(&self, look: impl FnOnce(&mut Services) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Items read since this was asked last.
    fn read(&self) -> usize {
        self.services(|services| std::mem::take(&mut services.read))
    }

    /// What was sent to a queue since this was asked last.
    fn sent(&self, queue: &str) -> Vec<String> {
        self.services(|services| services.sent.remove(queue).unwrap_or_default())
    }

    /// Ten thousand copies of the item that says `id` and `says`, each with another id in its place.
    fn multiply(&self, table: &str, id: &str, says: &str, change: impl Fn(usize, &mut Value)) {
        self.services(|services| {
            let mut scan = json!({ "TableName": table });
            let item = loop {
                let page = services.tables.answer("Scan", &scan, Instant::now(), &mut Even).expect("items").0;
                let items = page["Items"].as_array().into_iter().flatten().map(Value::to_string);
                if let Some(item) = items.into_iter().find(|item| item.contains(id) && item.contains(says)) {
                    break item;
                }
                scan["ExclusiveStartKey"] = page["LastEvaluatedKey"].clone();
                assert!(!scan["ExclusiveStartKey"].is_null(), "no {says} of {id} in {table}");
            };
            for n in 0..MANY {
                let mut copy: Value = serde_json::from_str(&item.replace(id, &format!("{id}{n}"))).expect("JSON");
                change(n, &mut copy);
                let put = json!({ "TableName": table, "Item": copy });
                services.tables.answer("PutItem", &put, Instant::now(), &mut Even).expect("put");
            }
        });
    }
}

fn partner(id: &str) -> PartnerId {
    id.try_into().expect("a partner")
}

struct Bench {
    wire: Wire,
    store: Store,
    program: ProgramId,
    programs: Programs,
}

impl Bench {
    async fn start() -> Self {
        let wire = Wire(Arc::default());
        let clients = Clients::local_over("http://aws.simulated", SharedHttpClient::new(wire.clone()));
        let table = |name: &str| format!("laurel-{name}");
        let settings = StoreSettings {
            ledger_table: table("ledger"),
            state_table: table("state"),
            waiting_table: table("waiting"),
            program_age_max: Duration::from_secs(3_600),
        };
        let clock = Clock::standing_at(NOW.parse().expect("an instant"));
        let store = Store::new(clients.dynamodb(), settings, clock, Random::system());
        store::tables::create_tables(&store).await.expect("tables");
        let from = "2020-01-01T00:00:00Z".parse().ok();
        store::programs::publish(&store, PROGRAM, from, "test").await.expect("published");
        let program: ProgramId = "hr-software".try_into().expect("a program");
        let programs = store::programs::read(&store, &program).await.expect("read").expect("published");
        Self { wire, store, program, programs }
    }

    fn event(&self, kind: &str, source: &str, who: &str, id: &str, data: &Value) -> Event {
        let body = json!({ "specversion": "1.0", "id": id, "source": source, "type": kind, "subject": who, "program": self.program, "time": "2026-06-14T12:00:00Z", "data": data });
        Event::parse(&body.to_string(), self.now()).expect("an event")
    }

    fn now(&self) -> Timestamp {
        self.store.clock().now()
    }

    fn patience() -> Patience {
        Patience::until(Instant::now() + Duration::from_secs(600))
    }

    async fn judge(&self, who: &str, event: Event) -> Outcome {
        let arrival = [Arrival::from(event)];
        engine::events::judge(&self.store, &self.programs, &partner(who), &arrival, Self::patience()).await[0].outcome
    }

    /// A partner with one of each thing. Its redemption's id.
    async fn one_of_each(&self, who: &str) -> String {
        let id = |what: &str| format!("{who}-{what}-id");
        let acv = json!({ "amount": "900000", "currency": "USD" });
        let viewed = |content: &str| json!({ "content_id": content, "person_id": "ann", "seconds": 1 });
        let enrolled = self.event(
            "partner.enrolled",
            "/crm/a",
            who,
            &id("enrolled"),
            &json!({ "name": "P", "motions": ["sell"] }),
        );
        assert_eq!(self.judge(who, enrolled).await, Outcome::NoRule);
        let won = self.event(
            "deal.closed",
            "/crm/a",
            who,
            &id("won"),
            &json!({ "deal_id": id("deal"), "outcome": "won", "acv": acv }),
        );
        assert_eq!(self.judge(who, won).await, Outcome::Awarded);
        let seen = self.event("content.viewed", "/cms/a", who, &id("seen"), &viewed("c"));
        assert_eq!(self.judge(who, seen).await, Outcome::NoRule);
        let other = self.event("content.viewed", "/cms/a", who, &id("seen"), &viewed("another"));
        assert_eq!(self.judge(who, other).await, Outcome::Conflict);
        let early = self.event("deal.qualified", "/crm/a", who, &id("early"), &json!({ "deal_id": id("unknown") }));
        assert_eq!(self.judge(who, early).await, Outcome::Held);
        let foreign = self.event("content.viewed", "/crm/a", who, &id("foreign"), &viewed("c"));
        let rejection = Rejection::new(Code::SourceNotAllowed, "source", "not from there");
        let kept = Aside::rejected(&foreign, &rejection, self.now());
        store::aside::keep(&self.store, &kept).await.expect("kept");
        let pk = store::tables::keys::reward(&self.program, "starbucks-10");
        let stock = json!({ "TableName": "laurel-state", "Item": {
            "pk": { "S": pk }, "sk": { "S": "stock" },
            "free": { "N": "10" }, "reserved": { "N": "0" }, "issued": { "N": "0" }, "loaded": { "N": "10" } } });
        self.wire.services(|services| services.answer("PutItem", &stock));
        let wish =
            Wish { reward_id: "starbucks-10".try_into().expect("a reward"), quantity: Whole::new(1).expect("one") };
        let redemption = format!("{who}-redemption-id");
        let wished =
            wish.event(&self.program, &partner(who), "key", redemption.as_str().try_into().expect("an id"), self.now());
        let step = engine::steps::take(&self.store, &self.programs, &wished, Self::patience(), |_| {}).await;
        assert!(matches!(&step, Ok(Step::Recorded(record)) if record.outcome == Outcome::Applied), "{step:?}");
        redemption
    }

    /// Ten thousand of each thing that a partner has.
    fn many_of_each(&self, who: &str) {
        let id = |what: &str| format!("{who}-{what}-id");
        let place = |n: usize, copy: &mut Value| copy["n"]["N"] = (1_000 + n).to_string().into();
        self.wire.multiply("laurel-ledger", &id("seen"), "\"f\"", place);
        for (what, source, outcome) in [("seen", "/cms/a", "conflict#"), ("foreign", "/crm/a", "rejected#")] {
            self.wire.multiply("laurel-ledger", &id(what), outcome, |n, copy| {
                let key = copy["k"]["S"].as_str().expect("a key").to_owned();
                copy["k"]["S"] = format!("{key}{n}").into();
                let named = store::tables::keys::named(&self.program, who, source, &format!("{}{n}", id(what)));
                copy["named"]["S"] = named.into();
                place(n, copy);
            });
        }
        self.wire.multiply("laurel-waiting", &id("early"), "", |_, _| {});
        self.wire.multiply("laurel-state", &id("redemption"), "standing#", |_, copy| {
            copy["due_on"]["S"] = "2026-06-01T00:00:00Z".into();
        });
    }
}
