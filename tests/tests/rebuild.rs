//! The working table is made of the ledger: written anew from nothing but records, it is the same.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ambient::{Clock, Random};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::audit::check_account;
use domain::decide::{Named, Needs, Publication, State, publication};
use event::ids::{PartnerId, ProgramId};
use jiff::SignedDuration;
use laurel_tests::filled::{engine, fill, now, program};
use local::{Aws, LEDGER_TABLE, STATE_TABLE};
use store::tables::create_tables;
use store::{Store, StoreSettings};

type Item = BTreeMap<String, AttributeValue>;

/// A store on the same ledger, with empty other tables beside.
async fn beside(store: &Store) -> Store {
    let settings = StoreSettings {
        ledger_table: LEDGER_TABLE.to_owned(),
        state_table: "rebuilt".to_owned(),
        waiting_table: "rebuilt-waiting".to_owned(),
        program_age_max: Duration::ZERO,
    };
    let beside = Store::new(store.client().clone(), settings, store.clock().clone(), Random::seeded(7));
    create_tables(&beside).await.expect("tables");
    beside
}

async fn items(store: &Store, table: &str) -> BTreeMap<(String, String), Item> {
    let found = store.client().scan().table_name(table).send().await.expect("items").items.unwrap_or_default();
    let part = |item: &Item, name: &str| item[name].as_s().expect("text").clone();
    found.into_iter().map(Item::from_iter).map(|i| ((part(&i, "pk"), part(&i, "sk")), i)).collect()
}

async fn rebuild(store: &Store) -> Vec<engine::rebuild::Rebuilt> {
    let mut programs: BTreeMap<String, Vec<PartnerId>> = BTreeMap::new();
    for (program, partner) in store::everybody::list(store).await.expect("everybody") {
        programs.entry(program).or_default().push(partner.try_into().expect("a partner"));
    }
    let mut done = Vec::new();
    for (program, partners) in programs {
        let id = ProgramId::try_from(program).expect("a program");
        done.push(engine::rebuild::program(store, &id, &partners, |_| ()).await.expect("rebuilt"));
    }
    done
}

/// What a sort key or a partition names that no record holds.
fn is_in_no_record((pk, sk): &(String, String)) -> bool {
    let wholly = ["reward#", "card#", "quarantine", "settings"].iter().any(|kind| pk.starts_with(kind));
    wholly || sk.starts_with("person#") || sk.starts_with("erased#")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_written_from_the_ledger_alone_has_the_same_bytes() {
    let (_engine, store) = engine().await;
    fill(&store).await;
    publish_and_withdraw(&store).await;
    let rebuilt = beside(&store).await;
    let done = rebuild(&rebuilt).await;
    assert_eq!((done[0].versions, done[0].partners, done[0].findings.len()), (2, 1, 0), "{done:?}");
    let mut stored = items(&store, STATE_TABLE).await;
    stored.retain(|key, _| !is_in_no_record(key));
    for (_, item) in stored.iter_mut().filter(|((_, sk), _)| sk.starts_with("redemption#")) {
        assert!(item.remove("recipient").is_some(), "who it is for is in no record");
    }
    let mut written = items(&store, "rebuilt").await;
    // Pseudonyms are in no other table: whom the records name is nobody now.
    let nobody: Vec<String> = written.keys().map(|(_, sk)| sk.clone()).filter(|sk| sk.starts_with("erased#")).collect();
    assert_eq!(nobody.len(), 1, "{nobody:?}");
    written.retain(|(_, sk), _| !nobody.contains(sk));
    assert_eq!(written.keys().collect::<Vec<_>>(), stored.keys().collect::<Vec<_>>());
    for (key, item) in stored {
        assert_eq!(written[&key], item, "{key:?}");
    }
    assert!(rebuild(&rebuilt).await.iter().all(|done| done.written == 0), "nothing is left to write");
}

/// A version that never takes effect.
async fn publish_and_withdraw(store: &Store) {
    let later = Some(store.clock().now() + SignedDuration::from_hours(24));
    let changed = format!("{}\n# Looked through again.\n", include_str!("../../infra/programs/hr-software.toml"));
    let number = store::programs::publish(store, &changed, later, "test").await.expect("published").number;
    store::programs::withdraw(store, &program(), number, "test").await.expect("withdrawn");
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// The files that histories publish, by the hash of their content.
fn files() -> BTreeMap<String, String> {
    let found = std::fs::read_dir(corpus().join("programs")).expect("a folder").flatten();
    let text = |file: std::fs::DirEntry| std::fs::read_to_string(file.path()).expect("a file");
    found.map(text).map(|file| (program::Version::content_hash(&file), file)).collect()
}

/// Every committed history: its records alone, put into the ledger, give the accounts, redemptions, deals and opportunities
/// that it left.
#[tokio::test(flavor = "multi_thread")]
async fn every_history_is_rebuilt_from_its_records() {
    let files = files();
    let mut histories = 0;
    for folder in std::fs::read_dir(corpus()).expect("the corpus").flatten() {
        let Ok(lines) = std::fs::read_to_string(folder.path().join("history.jsonl")) else { continue };
        let world = replay::history::world(&lines, &corpus().join("programs"));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (clock, random) = (Clock::standing_at(world.now), Random::seeded(1));
        let engine = Aws::start(listener, None, clock.clone(), random.clone()).await.expect("an engine");
        let store = local::open_store(&worker::Clients::local(&engine.endpoint()), clock, random);
        create_tables(&store).await.expect("tables");
        let publications = world.programs.all().iter().map(|version| {
            let head = domain::ledger::Head { position: u64::from(version.number) - 1, ..Default::default() };
            publication(Publication { version, head: &head, by: "somebody".into(), now: now() }, &files[&version.hash])
        });
        for record in publications.chain(world.records.iter().cloned()) {
            let item = serde_dynamo::to_item(&record).expect("an item");
            store.client().put_item().table_name(LEDGER_TABLE).set_item(Some(item)).send().await.expect("put");
        }
        let done = rebuild(&store).await.remove(0);
        assert_eq!(done.findings, Vec::<String>::new(), "{}", folder.path().display());
        assert_eq!(done.records, world.records.len());
        same(&store, &world, &world.id()).await;
        histories += 1;
    }
    assert!(histories >= 10, "{histories} histories");
}

async fn same(store: &Store, world: &replay::World, program: &ProgramId) {
    let today = jiff::tz::TimeZone::UTC.to_datetime(world.now).date();
    for (partner, account) in &world.accounts {
        // The table drops counts of periods that are long over; the world in memory keeps them.
        let mut account = account.clone();
        account.forget_expired(today);
        let mut needs = Needs::default();
        let redemptions: BTreeMap<_, _> =
            world.redemptions.iter().filter(|(_, redemption)| redemption.partner == *partner).collect();
        needs.redemptions = redemptions.keys().map(|id| (*id).clone()).collect();
        let named = Named {
            deals: world.deals.keys().cloned().collect(),
            opportunities: world.opportunities.keys().cloned().collect(),
            ..Named::default()
        };
        let mut state = State::new(partner.clone());
        state.account = Box::new(store::state::whole(store, program, partner).await.expect("an account").0);
        store::state::fill(store, program, &needs, &mut state).await.expect("filled");
        store::state::fill_named(store, program, &named, &mut state).await.expect("filled");
        assert_eq!(check_account(&state.account, &account), Vec::<String>::new(), "{partner}");
        assert_eq!(state.redemptions.iter().collect::<BTreeMap<_, _>>(), redemptions);
        let deals: BTreeMap<_, _> = world.deals.iter().map(|(id, deal)| (id.clone(), Some(deal.clone()))).collect();
        assert_eq!(state.deals.into_iter().collect::<BTreeMap<_, _>>(), deals);
        let all = world.opportunities.iter().map(|(id, one)| (id.clone(), Some(one.clone())));
        assert_eq!(state.opportunities, all.collect());
    }
}

/// Tables of another form are refused in one line that names both and the way out.
#[tokio::test(flavor = "multi_thread")]
async fn tables_of_another_form_are_refused() {
    let (_engine, store) = engine().await;
    store::programs::check_form(&store).await.expect("this form");
    let key = store::tables::items::state_key("program#hr-software", "version#0000000001");
    let older = store.client().update_item().table_name(STATE_TABLE).set_key(Some(key));
    let older = older.update_expression("REMOVE #form").expression_attribute_names("#form", "form");
    older.send().await.expect("an older version");
    let refused = store::programs::check_form(&store).await.expect_err("another form").to_string();
    assert!(
        refused.contains("form 1")
            && refused.contains(&format!("form {}", domain::ledger::RECORD_FORM))
            && !refused.contains('\n'),
        "{refused}"
    );
    let refused = store::programs::read(&store, &program()).await.expect_err("another form").to_string();
    assert!(refused.contains("start with empty ones"), "{refused}");
}

/// Versions are written one by one, and taken back afterwards: one that was withdrawn long before it would have taken effect was in
/// force between two writes of a rebuild, and stayed so where the rebuild was cut short.
#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_version_is_in_force_while_a_rebuild_goes() {
    let (_engine, store) = engine().await;
    publish_and_withdraw(&store).await;
    let page = store::history::page(&store, &program(), &PartnerId::program(), None, 10).await.expect("read");
    // Days later the state is lost and written anew.
    let later = now() + SignedDuration::from_hours(72);
    let rebuilt = beside(&store).await.under(Clock::standing_at(later));
    let records: Vec<_> = page.items.into_iter().rev().collect();
    store::programs::restore(&rebuilt, &program(), &records).await.expect("restored");
    let programs = store::programs::read(&rebuilt, &program()).await.expect("read").expect("published");
    assert_eq!(programs.current(later).number, 1, "version 2 was withdrawn before it took effect");
    assert!(programs.is_withdrawn(2), "and is written once, as withdrawn");
}
