//! Payout runs over stored accounts: who is paid what, once, whatever is cut short (M10).

use std::time::Duration;

use ambient::Clock;
use domain::ledger::Asset;
use engine::payouts::{OfRun, Payable, cancel, look, of_run, open, run};
use event::ids::{PartnerId, ProgramId};
use event::payout::{PayoutId, PayoutRun};
use jiff::{SignedDuration, Timestamp};
use laurel_tests::{TestStack, body};
use program::Programs;
use serde_json::{Value, json};
use store::Store;
use store::patience::Patience;

struct Stage {
    test: TestStack,
    programs: Programs,
    perx: ProgramId,
    /// A clock of its own, a while after what was sent.
    later: Clock,
    store: Store,
}

fn partner(id: &str) -> PartnerId {
    id.try_into().expect("a partner")
}

fn payout(text: &str) -> PayoutId {
    text.parse().expect("a payout")
}

impl Stage {
    async fn set() -> Self {
        let test = TestStack::start().await;
        let perx: ProgramId = "perx".try_into().expect("a program");
        let programs = store::programs::read(&test.stack.store, &perx).await.expect("read").expect("published");
        let later = Clock::standing_at(Timestamp::now() + SignedDuration::from_hours(24 * 31));
        let store = test.stack.store.under(later.clone());
        Self { test, programs, perx, later, store }
    }

    async fn send(&self, kind: &str, who: &str, id: &str, data: Value) {
        let body = body(kind, who, "perx", if kind.starts_with("payout") { "/finance/t" } else { "/crm/t" }, id, &data);
        let event = event::Event::parse(&body, self.later.now()).expect("an event");
        let arrival = engine::events::Arrival::from(event);
        engine::events::judge(&self.store, &self.programs, &partner(who), &[arrival], self.patience()).await;
    }

    async fn deal(&self, who: &str, deal: &str, acv: &str) {
        let acv = json!({ "amount": acv, "currency": "USD" });
        self.send("deal.closed", who, &format!("{deal}-won"), json!({ "deal_id": deal, "outcome": "won", "acv": acv }))
            .await;
    }

    fn patience(&self) -> Patience {
        Patience::until(self.store.clock().instant() + Duration::from_secs(60))
    }

    fn until(&self, days: i64) -> PayoutRun {
        let day = self.programs.all()[0].program.calendar.day(self.later.now() - SignedDuration::from_hours(24 * days));
        PayoutRun { until: day, number: 1 }
    }

    async fn run(&self, who: &str, of: PayoutRun) -> Vec<Payable> {
        let found = run(&self.store, &self.programs, &partner(who), of, self.patience()).await.expect("a run");
        found.into_iter().map(|(_, payable)| payable).collect()
    }

    async fn usd(&self, who: &str) -> [i64; 4] {
        let account = store::state::whole(&self.store, &self.perx, &partner(who)).await.expect("an account").0;
        let funds = account.head.funds(Asset::Money("USD"));
        let balance = funds.balance();
        [balance.available, balance.pending, balance.reserved, funds.paid]
    }
}

/// What is held is paid once it is payable; who has little is carried forward; a run that is made again changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_pays_each_partner_once() {
    let stage = Stage::set().await;
    for (who, acv) in [("big", "100000"), ("small", "1000")] {
        stage.send("partner.enrolled", who, &format!("{who}-e"), json!({ "name": who, "motions": ["sell"] })).await;
        stage.deal(who, &format!("{who}-d"), acv).await;
    }
    assert_eq!(stage.usd("big").await, [0, 700_000, 0, 0]);
    let today = stage.until(0);
    assert_eq!(stage.run("big", today).await, [Payable::Nothing], "it is held still");
    stage.later.set(stage.later.now() + SignedDuration::from_hours(24 * 30));
    let before = stage.until(1);
    let today = stage.until(0);
    // It became payable today: a run until yesterday does not pay it.
    assert_eq!(stage.run("big", before).await, [Payable::Nothing]);
    let seen = look(&stage.store, &stage.programs, &partner("big"), today).await.expect("a look");
    assert_eq!(seen, [(payout(&format!("{today}-USD")), Payable::Pays(700_000))]);
    assert_eq!(stage.usd("big").await, [700_000, 0, 0, 0], "looking pays nothing");
    // Four at once, as when somebody grows impatient.
    let runs = futures::future::join_all((0..4).map(|_| stage.run("big", today))).await;
    assert!(runs.iter().all(|run| run == &[Payable::Pays(700_000)] || run == &[Payable::Stands(700_000)]), "{runs:?}");
    assert_eq!(stage.run("big", today).await, [Payable::Stands(700_000)]);
    assert_eq!(stage.usd("big").await, [0, 0, 700_000, 0]);
    assert_eq!(stage.run("small", today).await, [Payable::BelowMinimum(3_000)]);
    assert_eq!(stage.usd("small").await, [3_000, 0, 0, 0]);

    let opened = open(&stage.store, &stage.programs, &partner("big")).await.expect("payouts");
    assert_eq!(opened, [(payout(&format!("{today}-USD")), 700_000)]);
    stage
        .send("payout.settled", "big", "fin-1", json!({ "payout_id": format!("{today}-USD"), "reference": "SEPA 1" }))
        .await;
    assert_eq!(stage.usd("big").await, [0, 0, 0, 700_000]);
    assert_eq!(stage.run("big", today).await, [Payable::Ended(700_000)], "what was paid is not paid again");
    let of = of_run(&stage.store, &stage.programs, &partner("big"), today).await.expect("payouts");
    let paid = (payout(&format!("{today}-USD")), Payable::Ended(700_000));
    assert_eq!(of.into_iter().map(|one| (one.id, one.became)).collect::<Vec<_>>(), [paid]);

    let api = stage.test.api(Some("big"), "perx", &["read"]);
    let (_, page) = api.get("/v1/partners/big/payouts").await;
    let kinds: Vec<&str> =
        page["items"].as_array().into_iter().flatten().filter_map(|line| line["kind"].as_str()).collect();
    assert_eq!((page["open"].clone(), kinds), (json!([]), vec!["payout", "reservation"]));
    let words = format!("7000.00 USD on its way to you, in the run of {today}");
    assert_eq!(page["items"][1]["words"], words);
    assert_eq!(api.get("/v1/partners/big/commissions").await.1["balances"]["USD"]["paid"], "7000.00");
    let records =
        engine::audit::partner(&stage.store, &stage.perx, &partner("big"), stage.later.now()).await.expect("an audit");
    assert_eq!(domain::audit::check_records(&records.records, &stage.programs), Vec::<String>::new());
}

/// A run that is given up before it is sent is paid by another; what was given up is not set aside again under the same name.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_is_paid_by_another_run() {
    let stage = Stage::set().await;
    stage.send("partner.enrolled", "p", "e", json!({ "name": "p", "motions": ["sell"] })).await;
    stage.deal("p", "d", "100000").await;
    stage.later.set(stage.later.now() + SignedDuration::from_hours(24 * 30));
    let first = stage.until(0);
    let second = PayoutRun { number: 2, ..first };
    assert_eq!(stage.run("p", first).await, [Payable::Pays(700_000)]);
    let p = partner("p");
    assert_eq!(cancel(&stage.store, &stage.programs, &p, second, stage.patience()).await.expect("nothing"), []);
    let given_up = cancel(&stage.store, &stage.programs, &p, first, stage.patience()).await.expect("given up");
    assert_eq!(given_up, [(payout(&format!("{first}-USD")), 700_000)]);
    assert_eq!(stage.run("p", first).await, [Payable::GivenUp(700_000)]);
    assert_eq!(stage.run("p", second).await, [Payable::Pays(700_000)]);
    let status = |found: Vec<OfRun>| found.into_iter().map(|one| one.became).collect::<Vec<_>>();
    let of = async |run| status(of_run(&stage.store, &stage.programs, &p, run).await.expect("payouts"));
    assert_eq!((of(first).await, of(second).await), (vec![Payable::GivenUp(700_000)], vec![Payable::Stands(700_000)]));
    assert_eq!(stage.usd("p").await, [0, 0, 700_000, 0]);
    // Nothing of the currency is left with the partner, and the run's file still has what it gave up.
    cancel(&stage.store, &stage.programs, &p, second, stage.patience()).await.expect("given up");
    stage.send("deal.reversed", "p", "void", json!({ "deal_id": "d", "reason": "x" })).await;
    assert_eq!(stage.usd("p").await, [0, 0, 0, 0]);
    assert_eq!((of(first).await, of(second).await), (vec![Payable::GivenUp(700_000)], vec![Payable::GivenUp(700_000)]));
}

/// A run until a day pays what was payable by its end: what came later is not paid, whatever left meanwhile; what was due by then is,
/// whenever that was written; and a look says what the run does.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_until_a_day_pays_what_was_payable_by_its_end() {
    let stage = Stage::set().await;
    stage.send("partner.enrolled", "p", "e", json!({ "name": "p", "motions": ["sell"] })).await;
    stage.deal("p", "first", "100000").await;
    let days = |days: i64| stage.later.set(stage.later.now() + SignedDuration::from_hours(24 * days));
    days(1);
    stage.deal("p", "second", "50000").await;
    // Nobody looked for a month: the first was due two days ago, the second yesterday.
    days(31);
    let looked = async |of| {
        let seen = look(&stage.store, &stage.programs, &partner("p"), of).await.expect("a look");
        seen.into_iter().map(|(_, payable)| payable).collect::<Vec<_>>()
    };
    let (before, first, second) = (stage.until(3), stage.until(2), stage.until(1));
    for (run, pays) in [(before, Payable::Nothing), (first, Payable::Pays(700_000))] {
        assert_eq!(looked(run).await, std::slice::from_ref(&pays), "{run}");
        assert_eq!(stage.run("p", run).await, [pays], "{run}");
    }
    assert_eq!(stage.usd("p").await, [250_000, 0, 700_000, 0]);
    // What left since for the first run hides nothing of what came after it.
    let again = PayoutRun { number: 2, ..first };
    assert_eq!(stage.run("p", again).await, [Payable::Nothing]);
    // What was given up had been payable then, and is again.
    cancel(&stage.store, &stage.programs, &partner("p"), first, stage.patience()).await.expect("given up");
    assert_eq!(looked(again).await, [Payable::Pays(700_000)]);
    assert_eq!(stage.run("p", second).await, [Payable::Pays(950_000)]);
}

/// M47: a program may ask whom finance pays, and what is withheld: who has said neither is carried forward, and what was stated goes into
/// the run's file, whatever is stated later.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_pays_as_was_stated() {
    const PROGRAM: &str = r#"
[program]
id = "taxed"
name = "Taxed"
currency = "USD"
[sources]
"/crm/*" = ["*"]
"/finance/*" = ["*"]
[facts]
vendor = "text"
tax = "percent"
[commission.c]
rate = "10%"
[payouts]
payee = "partner.vendor"
withholding = "partner.tax"
"#;
    let test = TestStack::start().await;
    test.publish(PROGRAM).await;
    let taxed: ProgramId = "taxed".try_into().expect("a program");
    let programs = store::programs::read(&test.stack.store, &taxed).await.expect("read").expect("published");
    let (p, store) = (partner("p"), &test.stack.store);
    // Each an hour after the one before, by its own time.
    let hour = std::cell::Cell::new(9);
    let send = async |kind: &str, id: &str, data: Value| {
        hour.set(hour.get() + 1);
        let time = format!("T{:02}:30", hour.get());
        test.send(&[body(kind, "p", "taxed", "/crm/t", id, &data).replace("T09:30", &time)]).await;
    };
    let enrolled = |facts: Value| json!({ "name": "P", "motions": ["sell"], "facts": facts });
    send("partner.enrolled", "e1", enrolled(json!({}))).await;
    let acv = json!({ "amount": "1000", "currency": "USD" });
    send("deal.closed", "won", json!({ "deal_id": "d", "outcome": "won", "acv": acv })).await;
    let today = PayoutRun { until: programs.all()[0].program.calendar.day(store.clock().now()), number: 1 };
    let patience = || Patience::until(store.clock().instant() + Duration::from_secs(60));
    let id = payout(&format!("{today}-USD"));
    let ran = async || run(store, &programs, &p, today, patience()).await.expect("a run");
    let api = test.api(Some("p"), "taxed", &["read"]);
    let payable = async || {
        (api.get("/v1/partners/p/commissions").await.1["balances"]["USD"]["payable"] == "100.00").then_some(())
    };
    test.until("the commission", payable).await;
    assert_eq!(ran().await, [(id, Payable::NoPayee(10_000))]);
    send("partner.enrolled", "e2", enrolled(json!({ "vendor": "V-77", "tax": "30" }))).await;
    let stated = async || (ran().await == [(id, Payable::Pays(10_000))]).then_some(());
    test.until("what is stated", stated).await;
    send("partner.enrolled", "e3", enrolled(json!({ "vendor": "V-78" }))).await;
    let found = of_run(store, &programs, &p, today).await.expect("payouts");
    let [OfRun { became: Payable::Stands(10_000), terms, .. }] = &found[..] else { panic!("{found:?}") };
    assert_eq!(
        (terms.payee.as_deref(), terms.withheld.map(|one| one.to_string())),
        (Some("V-77"), Some("30.00 USD".to_owned()))
    );
    let (_, page) = api.get("/v1/partners/p/payouts").await;
    let words = format!("100.00 USD on its way to you, in the run of {today}; 30.00 USD of it is withheld");
    assert_eq!(page["items"][0]["words"], words);
    // What is stated now stands on the partner's page.
    assert_eq!(api.get("/v1/partners/p").await.1["facts"], json!({ "vendor": "V-78" }));
}
