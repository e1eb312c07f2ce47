//! What was attained in the end, what a rule needs and a ladder asks, at their edges: what readers of the code held against them.

use domain::ledger::Outcome;
use domain::tell::explain;
use laurel_replay::World;
use program::Measure;

fn program(tables: &str) -> String {
    format!(
        r#"
[program]
id = "test"
name = "Test"
currency = "USD"
[sources]
"/crm/*" = ["*"]
"/lms/*" = ["*"]
"/admin/*" = ["*"]
"/finance/*" = ["payout.*"]
{tables}"#
    )
}

fn world(tables: &str, now: &str) -> World {
    let mut w = World::new(&program(tables), now);
    w.enrol("p");
    w
}

fn send(w: &mut World, partner: &str, kind: &str, id: &str, data: &str) -> Outcome {
    let time = w.now.to_string();
    w.send(kind, partner, id, &time, data)
}

fn net(w: &World, deal: &str) -> i64 {
    let id = event::ids::DealId::try_from(deal).expect("id");
    w.deals[&id].closed.as_ref().expect("closed").credits.values().map(|c| c.net()).sum()
}

fn certify(w: &mut World, id: &str, until: &str) -> Outcome {
    let data = format!(r#"{{"certification_id":"sales-pro","person_id":"dana","valid_until":"{until}"}}"#);
    send(w, "p", "certification.granted", id, &data)
}

/// Points: not certified at the closing, and not now: an amendment gives nothing.
#[test]
fn an_amendment_gives_no_points_to_who_was_and_is_not_certified() {
    let mut w = world(
        "[earn.certified]\non = \"deal.closed\"\nneeds = { certification = \"sales-pro\" }\npoints = 100\n",
        "2026-03-02T12:00:00Z",
    );
    w.close("p", "a", "2026-03-02T12:00:00Z", "1000");
    assert_eq!(w.account("p").balance().available, 0);
    w.at("2026-04-02T12:00:00Z");
    certify(&mut w, "c", "2026-05-01T00:00:00Z");
    w.at("2026-08-02T12:00:00Z");
    send(&mut w, "p", "deal.amended", "m", r#"{"deal_id":"a","acv":{"amount":"1001","currency":"USD"}}"#);
    assert_eq!(w.account("p").balance().available, 0, "{}", w.ledger());
}

const TRUED: &str = r#"
[commission.c]
rate = "10%"
times = [{ attainment = "acv", per = "year", bands = [{ from = "0%", by = "0.8" }, { from = "100%", by = "1.25" }], true_up = true }]
"#;

/// What a partner does so that a measure moves: asked of every measure by the compiler.
fn moves(w: &mut World, measure: Measure) {
    let registered = r#"{"deal_id":"d","opportunity_id":"o","customer":"Contoso"}"#;
    match measure {
        Measure::Deals | Measure::Acv | Measure::Points => {
            let time = w.now.to_string();
            w.close("p", "d", &time, "1000");
        }
        Measure::Registrations => {
            send(w, "p", "deal.registered", "r", registered);
        }
        Measure::Qualified => {
            send(w, "p", "deal.registered", "r", registered);
            send(w, "p", "deal.qualified", "q", r#"{"deal_id":"d"}"#);
        }
        Measure::Projects => {
            send(w, "p", "project.completed", "j", r#"{"project_id":"j","outcome":"successful"}"#);
        }
        Measure::Certifications => {
            certify(w, "c", "2027-05-01T00:00:00Z");
        }
        Measure::Own(_) => {
            send(w, "p", "vendor.attended", "w", r#"{"room":"7"}"#);
        }
    }
}

/// Every measure that a file can name moves, a ladder goes by it, and the README tells of it.
#[test]
fn every_measure_moves_a_partner_up() {
    let own = Measure::named("webinars").expect("a name");
    for measure in Measure::ALL.iter().copied().chain([own]) {
        let word = measure.word();
        let within = if measure == Measure::Certifications { "" } else { ", within = \"6 months\"" };
        let asked = match measure {
            Measure::Acv => "acv = \"1\"".to_owned(),
            Measure::Own(_) => format!("counts = {{ {word} = 1 }}"),
            _ => format!("{word} = 1"),
        };
        let tables = format!(
            "[event.\"vendor.attended\"]\nfields = {{ room = \"text\" }}\ncounts = \"webinars\"\n[earn.won]\non = \"deal.closed\"\npoints = 10\n\
             [ladder.sell.member]\nrank = 1\n[ladder.sell.gold]\nrank = 2\nenter = {{ {asked}{within} }}\n"
        );
        let mut w = world(&tables, "2026-03-02T12:00:00Z");
        assert_eq!(w.tier("p"), "member");
        moves(&mut w, measure);
        assert_eq!(w.tier("p"), "gold", "{word}: {}", w.ledger());
        if measure != own {
            let readme = include_str!("../../../../README.md");
            assert!(readme.contains(&format!("`{word}`")), "the README does not tell of {word}");
        }
    }
}

fn target(w: &mut World, partner: &str, id: &str, period: &str, value: &str) -> Outcome {
    let data = format!(r#"{{"motion":"sell","measure":"acv","period":"{period}","value":"{value}"}}"#);
    send(w, partner, "target.set", id, &data)
}

/// Judges the waiting errand of one deal alone.
fn errand(w: &mut World, deal: &str) {
    let at = w.outbox.iter().position(|s| s.event.kind.deal_id().is_some_and(|d| d.as_str() == deal)).expect("waits");
    let sent = w.outbox.remove(at);
    let partner = sent.event.partner.clone();
    w.decide_for(&partner, &[sent.event]);
}

/// No target at the first errand, and one at the second.
#[test]
fn a_target_that_is_set_between_two_errands_changes_no_attainment() {
    let mut w = world(TRUED, "2026-03-02T15:00:00Z");
    for deal in ["a", "b"] {
        let time = w.now.to_string();
        w.close("p", deal, &time, "1000");
    }
    w.at("2027-01-11T00:00:00Z");
    errand(&mut w, "a");
    target(&mut w, "p", "t", "2026", "1000");
    w.catch_up();
    assert_eq!(net(&w, "a"), net(&w, "b"), "{}", w.ledger());
}

/// The target of the period is forgotten between two errands: it was frozen, and yet multiplies by nothing.
#[test]
fn a_target_that_is_forgotten_after_it_was_frozen_still_multiplies() {
    let mut w = world(TRUED, "2026-03-02T15:00:00Z");
    target(&mut w, "p", "t", "2026", "1000");
    for deal in ["a", "b"] {
        let time = w.now.to_string();
        w.close("p", deal, &time, "1000");
    }
    w.at("2027-01-11T00:00:00Z");
    errand(&mut w, "a");
    // The errand of the other is late.
    let at = w.outbox.iter().position(|s| s.event.kind.deal_id().is_some_and(|d| d.as_str() == "b")).expect("waits");
    let sent = w.outbox.remove(at);
    w.at("2028-04-11T00:00:00Z");
    for n in 0..128 {
        target(&mut w, "p", &format!("t{n}"), &format!("{}-{:02}", 2029 + n / 12, n % 12 + 1), "1000");
    }
    let partner = sent.event.partner.clone();
    w.decide_for(&partner, &[sent.event]);
    assert_eq!(net(&w, "a"), net(&w, "b"), "{}", w.account("p").profile.attained.len());
}

/// I23: a share that is known late is paid as one that was known in time.
#[test]
fn a_share_that_is_known_after_the_freeze_goes_by_it() {
    let tables = r#"
[influence]
part = "30%"
endorsement = "20%"
integration_requirement = "30%"
active_in_sale = "50%"
[commission.influence]
on = "deal.influenced"
rate = "10%"
times = [{ attainment = "acv", per = "year", bands = [{ from = "0%", by = "0.5" }, { from = "100%", by = "1" }], true_up = true }]
"#;
    let mut w = world(tables, "2026-03-02T15:00:00Z");
    w.enrol("q");
    target(&mut w, "q", "t", "2026", "1000");
    // What q is measured by is a deal of its own.
    w.at("2026-03-03T15:00:00Z");
    w.close("q", "own", "2026-03-03T15:00:00Z", "1000");
    for deal in ["y", "z"] {
        let data = format!(r#"{{"deal_id":"{deal}","opportunity_id":"o-{deal}","customer":"c"}}"#);
        w.send("deal.registered", "p", &format!("r-{deal}"), "2026-03-03T15:00:00Z", &data);
    }
    let says = |deal: &str| format!(r#"{{"deal_id":"{deal}","kind":"active_in_sale"}}"#);
    w.send("deal.influenced", "q", "i-y", "2026-03-03T15:00:00Z", &says("y"));
    w.at("2026-03-05T15:00:00Z");
    for deal in ["y", "z"] {
        w.close("p", deal, "2026-03-05T15:00:00Z", "1000");
    }
    w.at("2027-01-12T00:00:00Z").catch_up();
    send(&mut w, "q", "deal.reversed", "r", r#"{"deal_id":"own","reason":"x"}"#);
    w.send("deal.influenced", "q", "i-z", "2026-03-03T15:00:00Z", &says("z"));
    w.catch_up();
    let of = |deal: &str| -> i64 {
        let id = event::ids::DealId::try_from(deal).expect("id");
        w.deals[&id].influencers.iter().flat_map(|one| one.credits.values()).map(|c| c.net()).sum()
    };
    assert_eq!(w.findings(), Vec::<String>::new());
    assert_eq!((of("y"), w.account("q").profile.attained.len()), (of("z"), 1), "{}", w.ledger());
}

/// Two versions with fiscal years that begin at other times share the name of a period, and not its months.
#[test]
fn a_fiscal_year_that_begins_at_another_time_has_its_own_attainment() {
    let file = |start: &str| {
        program(TRUED).replacen(
            "currency = \"USD\"\n",
            &format!(
                "currency = \"USD\"\nfiscal_year_starts = \"{start}\"\nperiods_close = \"10 days after the month\"\n"
            ),
            1,
        )
    };
    let of = |first: bool| {
        let mut w = World::new(&file("01-01"), "2026-01-15T15:00:00Z");
        w.enrol("p");
        target(&mut w, "p", "t", "2026", "3000");
        // It is of no value, and yet trued up first.
        w.close("p", if first { "a" } else { "lost" }, "2026-01-15T15:00:00Z", "10");
        if !first {
            w.outbox.clear();
        }
        w.publish(&file("02-01"), "2026-02-01T00:00:00Z");
        w.at("2026-03-02T15:00:00Z");
        w.close("p", "b", "2026-03-02T15:00:00Z", "1000");
        w.at("2027-01-15T15:00:00Z").catch_up();
        w.close("p", "c", "2027-01-15T15:00:00Z", "2000");
        w.at("2027-03-15T15:00:00Z").catch_up();
        assert_eq!(w.findings(), Vec::<String>::new());
        net(&w, "b")
    };
    assert_eq!(of(true), of(false));
}

fn codes(tables: &str) -> Vec<String> {
    program::check(&program(tables)).into_iter().map(|f| format!("{:?}: {}", f.code, f.message)).collect()
}

fn ladder(enter: &str, keep: &str) -> String {
    format!(
        "[ladder.sell.member]\nrank = 1\n[ladder.sell.top]\nrank = 2\nenter = {enter}\nkeep = {keep}\ngrace = \"1 quarter\"\n"
    )
}

/// Who is attested 40 is attested at least 30.
#[test]
fn less_is_asked_to_keep_than_to_enter_and_nobody_is_warned() {
    assert_eq!(codes(&ladder("{ attested.nps = \">= 40\" }", "{ attested.nps = \">= 30\" }")), [""; 0]);
}

/// Of whom OEM is stated, OEM or reseller is.
#[test]
fn one_of_several_words_is_kept_by_the_one() {
    let tables = ladder("{ partner.type = \"OEM\" }", "{ partner.type = \"one of OEM, reseller\" }");
    assert_eq!(codes(&format!("[facts]\ntype = \"one of reseller, OEM, ISV\"\n{tables}")), [""; 0]);
}

/// Two persons with one certification are two certifications.
#[test]
fn persons_with_a_certification_keep_what_counts_certifications() {
    assert_eq!(codes(&ladder("{ certification = \"expert\", persons = 2 }", "{ certifications = 2 }")), [""; 0]);
}

/// A comparison that is none is told of facts; of what is attested nobody says so.
#[test]
fn a_slip_in_what_is_attested_is_found() {
    let found = codes(&ladder("{ attested.nps = \"=> 40\" }", "{ attested.nps = \"=> 40\" }"));
    assert!(found.iter().any(|f| f.contains("no comparison")), "{found:?}");
}

/// 3 is 3.0, as it is of facts.
#[test]
fn a_number_is_attested_as_it_is_compared() {
    let tables = "[ladder.sell.member]\nrank = 1\n[ladder.sell.top]\nrank = 2\nenter = { attested.level = \"3\" }\n";
    let mut w = world(tables, "2026-03-02T12:00:00Z");
    send(&mut w, "p", "attestation.recorded", "a", r#"{"criterion":"level","value":3.0,"by":"ann"}"#);
    assert_eq!(w.tier("p"), "top");
}

/// What a rule on an amendment went by is told as what it was when the deal closed.
#[test]
fn an_explanation_of_an_amendment_says_what_its_own_rule_went_by() {
    let tables = r#"
[facts]
type = "one of reseller, OEM"
[commission.c]
rate = { by = "partner.type", table = { reseller = "10%", OEM = "20%" } }
[earn.amended]
on = "deal.amended"
if = { partner.type = "OEM" }
points = 7
"#;
    let mut w = World::new(&program(tables), "2026-03-02T12:00:00Z");
    let enrol = |w: &mut World, id: &str, of: &str| {
        let data = format!(r#"{{"name":"P","motions":["sell"],"facts":{{"type":"{of}"}}}}"#);
        send(w, "p", "partner.enrolled", id, &data)
    };
    enrol(&mut w, "e1", "reseller");
    w.close("p", "a", "2026-03-02T12:00:00Z", "1000");
    w.at("2026-03-03T12:00:00Z");
    enrol(&mut w, "e2", "OEM");
    send(&mut w, "p", "deal.amended", "m", r#"{"deal_id":"a","acv":{"amount":"2000","currency":"USD"}}"#);
    let record = w.last();
    let program = w.programs.number(record.version()).map(|version| &*version.program);
    let rules = explain(record, program).rules;
    let told = rules.iter().find(|one| one.rule.as_str() == "amended").expect("tried");
    assert!(told.sentence.contains("partner.type is OEM"), "{}", told.sentence);
}

/// What is said of the partner always counts: staff attest otherwise of who is suspended.
#[test]
fn what_is_attested_of_a_suspended_partner_counts() {
    let tables = r#"
[policy]
suspended_partners = "earn nothing"
[ladder.sell.member]
rank = 1
[ladder.sell.strategic]
rank = 2
enter = { attested.strategic = true }
keep = { attested.strategic = true }
review = "monthly"
first_review = "1 month"
"#;
    let mut w = world(tables, "2026-01-15T12:00:00Z");
    send(&mut w, "p", "attestation.recorded", "a1", r#"{"criterion":"strategic","value":true,"by":"ann"}"#);
    assert_eq!(w.tier("p"), "strategic");
    w.at("2026-01-20T12:00:00Z");
    send(&mut w, "p", "partner.suspended", "s", r#"{"reason":"x"}"#);
    w.at("2026-01-21T12:00:00Z");
    send(&mut w, "p", "attestation.recorded", "a2", r#"{"criterion":"strategic","value":false,"by":"ann"}"#);
    w.at("2026-01-25T12:00:00Z");
    send(&mut w, "p", "partner.reinstated", "i", r#"{"reason":"x"}"#);
    w.at("2026-06-20T12:00:00Z").catch_up();
    assert_eq!(w.tier("p"), "member", "{}", w.ledger());
}

/// A target of a suspended partner.
#[test]
fn a_target_that_is_set_for_a_suspended_partner_counts() {
    let mut w = world(&format!("{TRUED}[policy]\nsuspended_partners = \"earn nothing\"\n"), "2026-01-15T12:00:00Z");
    send(&mut w, "p", "partner.suspended", "s", r#"{"reason":"x"}"#);
    w.at("2026-01-21T12:00:00Z");
    target(&mut w, "p", "t", "2026", "1000");
    assert_eq!(w.account("p").profile.targets.len(), 1, "{}", w.ledger());
}

/// `publish` asks before a payee or a withholding changes: also from nothing.
#[test]
fn a_withholding_that_is_new_is_asked_about() {
    let tables = "[facts]\ntax = \"percent\"\nvendor = \"text\"\n";
    let (before, after) = (
        program(tables),
        program(&format!("{tables}[payouts]\npayee = \"partner.vendor\"\nwithholding = \"partner.tax\"\n")),
    );
    let read = |text: &str| program::Program::parse(text).expect("in good form");
    let found: Vec<String> =
        program::leaps(&read(&before), &read(&after), &after).into_iter().map(|f| f.finding.message).collect();
    assert!(!found.is_empty(), "{found:?}");
}

/// What comes to something after the true-up goes by it.
#[test]
fn what_comes_to_something_later_goes_by_what_was_attained() {
    let tables = TRUED.replacen("rate = \"10%\"", "rate = \"10%\"\nif = { acv = \">= 2000\" }", 1);
    let mut w = world(&tables, "2026-03-02T15:00:00Z");
    target(&mut w, "p", "t", "2026", "2000");
    w.close("p", "a", "2026-03-02T15:00:00Z", "1000");
    w.at("2026-03-03T15:00:00Z");
    w.close("p", "b", "2026-03-03T15:00:00Z", "1000");
    w.at("2027-01-12T00:00:00Z").catch_up();
    w.at("2027-02-12T00:00:00Z");
    send(&mut w, "p", "deal.amended", "m", r#"{"deal_id":"a","acv":{"amount":"3000","currency":"USD"}}"#);
    assert_eq!(net(&w, "a"), 37_500, "{}", w.ledger());
    assert_eq!(w.findings(), Vec::<String>::new());
}

/// The profile at its worst.
#[test]
fn the_profile_fits_an_item() {
    use domain::ledger::{Fact, Part, Stamp, TargetKey, packed};
    use event::ids::{Motion, Name};
    let long = |n: usize, chars: usize| format!("{n:04}{}", "\u{1F600}".repeat(chars - 4));
    let identity = World::new(&program(""), "2026-01-10T12:00:00Z")
        .event("deal.qualified", "p", "i", "2026-01-10T12:00:00Z", r#"{"deal_id":"d"}"#)
        .identity;
    let stamp = Stamp::of("2026-01-10T12:00:00.123456789Z".parse().expect("time"), &identity);
    let mut w = world("", "2026-01-10T12:00:00Z");
    w.at("2026-01-10T12:00:00Z");
    let mut account = w.account("p").clone();
    for n in 0..64 {
        let value = Name::try_from(long(n, 64).as_str()).expect("name");
        account
            .profile
            .attested
            .insert(Name::try_from(long(n, 128).as_str()).expect("name"), Fact { value, since: stamp });
    }
    let decimal: rust_decimal::Decimal = "0.1234567890123456789012345678".parse().expect("decimal");
    for n in 0..128 {
        let key = || TargetKey {
            period: "2026-Q1".to_owned().try_into().expect("period"),
            measure: "registrations".try_into().expect("name"),
            motion: Motion::try_from(long(n, 128).as_str()).expect("motion"),
        };
        account.profile.targets.insert(key(), Fact { value: decimal, since: stamp });
        account.profile.attained.insert(
            key(),
            domain::ledger::Ended {
                first: event::time::Month::of("2026-01-01".parse().expect("a day")),
                part: Some(decimal),
            },
        );
    }
    (account.head.spilled, account.head.days_left) = (5, Some(jiff::civil::Date::MAX));
    let parts = packed::parts(&account);
    let bytes = parts.get(&Part::Profile).map(String::len);
    assert!(bytes.is_some_and(|bytes| bytes < 300_000), "{bytes:?}");
    eprintln!("{bytes:?}");
}

/// What is asked may be below zero, or is refused.
#[test]
fn a_rating_below_zero_is_asked_for_or_refused() {
    let tables = "[ladder.sell.member]\nrank = 1\n[ladder.sell.top]\nrank = 2\nenter = { attested.nps = \">= -10\" }\n";
    let found = codes(tables);
    assert!(!found.is_empty(), "{found:?}");
}

/// A record that froze an attainment reads as it was written.
#[test]
fn an_attainment_reads_as_it_was_written() {
    let mut w = world(TRUED, "2026-03-02T15:00:00Z");
    target(&mut w, "p", "t", "2026", "7000");
    w.close("p", "a", "2026-03-02T15:00:00Z", "1000");
    w.at("2027-01-12T00:00:00Z").catch_up();
    let record = w.last();
    assert!(!w.account("p").profile.attained.is_empty());
    let text = serde_json::to_string(&record.effects).expect("JSON");
    let read: Vec<domain::ledger::Effect> = serde_json::from_str(&text).expect("reads");
    assert_eq!(read, record.effects);
    assert_eq!(w.findings(), Vec::<String>::new());
}

/// I25: an account all of whose sections have left the head: gates, targets and ladders of two versions, one event a decision and all
/// of them in one.
#[test]
fn all_that_is_looked_at_is_loaded() {
    let tables = |n: u32| {
        format!(
            r#"
[facts]
type = "one of reseller, OEM"
[influence]
part = "30%"
endorsement = "20%"
integration_requirement = "30%"
active_in_sale = "50%"
[commission.certified]
needs = {{ certification = "cert-{n}", course = "course-{n}", agreement = "2026-0{n}" }}
rate = "10%"
times = [{{ attainment = "acv", per = "year", bands = [{{ from = "0%", by = "0.8" }}, {{ from = "100%", by = "1.25" }}], true_up = true }}, {{ attainment = "deals", per = "quarter", bands = [{{ from = "0%", by = "0.9" }}], true_up = true }}]
[commission.influence]
on = "deal.influenced"
needs = {{ certification = "icert-{n}", course = "icourse-{n}" }}
rate = "10%"
times = [{{ attainment = "points", per = "month", bands = [{{ from = "0%", by = "0.8" }}], true_up = true }}]
[earn.closed]
on = "deal.closed"
needs = {{ certification = "pcert-{n}", course = "pcourse-{n}" }}
points = 10
[earn.amended]
on = "deal.amended"
needs = {{ certification = "acert-{n}", course = "acourse-{n}" }}
points = 10
[earn.influenced]
on = "deal.influenced"
needs = {{ certification = "bcert-{n}", course = "bcourse-{n}" }}
points = 10
[earn.paid]
on = "invoice.paid"
needs = {{ certification = "ccert-{n}", course = "ccourse-{n}" }}
points = 10
[ladder.sell.member]
rank = 1
[ladder.sell.top]
rank = 2
enter = {{ all = [{{ certification = "lcert-{n}", persons = 2 }}, {{ attested.a = true }}, {{ any = [{{ partner.type = "OEM" }}, {{ acv = "10", within = "3 years" }}] }}] }}
keep = {{ any = [{{ certification = "kcert-{n}", persons = 2 }}, {{ acv = "100000", within = "fiscal year" }}] }}
pro_rata = true
grace = "1 quarter"
"#
        )
    };
    for together in [false, true] {
        let mut w = World::new(&program(&tables(1)), "2025-11-02T12:00:00Z");
        w.enrol("p");
        w.enrol("q");
        for partner in ["p", "q"] {
            for n in 0..40 {
                let data = format!(r#"{{"course_id":"x-course-{n}","person_id":"person {n}"}}"#);
                send(&mut w, partner, "course.completed", &format!("{partner}c{n}"), &data);
                let data = format!(
                    r#"{{"certification_id":"x-cert-{n}","person_id":"person {n}","valid_until":"2029-01-01T00:00:00Z"}}"#
                );
                send(&mut w, partner, "certification.granted", &format!("{partner}k{n}"), &data);
                target(
                    &mut w,
                    partner,
                    &format!("{partner}t{n}"),
                    &format!("{}-{:02}", 2026 + n / 12, n % 12 + 1),
                    "1000",
                );
                let data = format!(r#"{{"criterion":"x-{n}","value":true,"by":"ann"}}"#);
                send(&mut w, partner, "attestation.recorded", &format!("{partner}a{n}"), &data);
            }
            for n in 0..50 {
                w.close(partner, &format!("{partner}-old-{n}"), "2025-11-02T12:00:00Z", "10");
                let data = format!(
                    r#"{{"deal_id":"{partner}-m-{n}","outcome":"won","motion":"motion number {n} of many","acv":{{"amount":"10","currency":"USD"}}}}"#
                );
                send(&mut w, partner, "deal.closed", &format!("{partner}-m-{n}"), &data);
            }
            for cert in ["cert", "pcert", "lcert", "icert"] {
                for person in ["ann", "bob"] {
                    let data = format!(
                        r#"{{"certification_id":"{cert}-1","person_id":"{person}","valid_until":"2029-01-01T00:00:00Z"}}"#
                    );
                    send(&mut w, partner, "certification.granted", &format!("{partner}{cert}{person}"), &data);
                }
            }
            for course in ["course", "pcourse", "icourse"] {
                let data = format!(r#"{{"course_id":"{course}-1","person_id":"ann"}}"#);
                send(&mut w, partner, "course.completed", &format!("{partner}{course}"), &data);
            }
            send(
                &mut w,
                partner,
                "agreement.accepted",
                &format!("{partner}g"),
                r#"{"version":"2026-01","person_id":"ann"}"#,
            );
            send(
                &mut w,
                partner,
                "attestation.recorded",
                &format!("{partner}a"),
                r#"{"criterion":"a","value":true,"by":"ann"}"#,
            );
            target(&mut w, partner, &format!("{partner}ty"), "2025", "100");
        }
        assert!(w.account("p").head.spilled >= 3, "{}", w.account("p").head.spilled);
        for (nth, at) in
            ["2025-11-20", "2025-12-30", "2026-02-11", "2026-07-01", "2027-03-03", "2028-03-03"].iter().enumerate()
        {
            if nth == 2 {
                w.publish(&program(&tables(2)), "2026-01-15T00:00:00Z");
            }
            w.at(&format!("{at}T12:00:00Z"));
            let back = w.now - jiff::SignedDuration::from_hours(24 * 40);
            let mut events = Vec::new();
            let mut other = Vec::new();
            for (d, time) in [("late", back), ("now", w.now)] {
                let deal = format!("{d}-{nth}");
                let time = time.to_string();
                let usd = |n: u32| format!(r#"{{"amount":"{n}","currency":"USD"}}"#);
                events.push(w.event(
                    "deal.registered",
                    "p",
                    &format!("r{deal}"),
                    &time,
                    &format!(r#"{{"deal_id":"{deal}","opportunity_id":"o-{deal}","customer":"c"}}"#),
                ));
                events.push(w.event(
                    "deal.closed",
                    "p",
                    &format!("c{deal}"),
                    &time,
                    &format!(r#"{{"deal_id":"{deal}","outcome":"won","acv":{}}}"#, usd(100)),
                ));
                events.push(w.event(
                    "deal.amended",
                    "p",
                    &format!("a{deal}"),
                    &time,
                    &format!(r#"{{"deal_id":"{deal}","acv":{}}}"#, usd(150)),
                ));
                events.push(w.event(
                    "invoice.paid",
                    "p",
                    &format!("i{deal}"),
                    &time,
                    &format!(r#"{{"deal_id":"{deal}","invoice_id":"i","amount":{}}}"#, usd(150)),
                ));
                other.push(w.event(
                    "deal.influenced",
                    "q",
                    &format!("n{deal}"),
                    &time,
                    &format!(r#"{{"deal_id":"{deal}","kind":"active_in_sale"}}"#),
                ));
                if nth > 0 {
                    let old = format!("{d}-{}", nth - 1);
                    let at = w.now.to_string();
                    events.push(w.event(
                        "deal.amended",
                        "p",
                        &format!("b{deal}"),
                        &at,
                        &format!(r#"{{"deal_id":"{old}","acv":{}}}"#, usd(300)),
                    ));
                    events.push(w.event(
                        "deal.reversed",
                        "p",
                        &format!("v{deal}"),
                        &at,
                        &format!(r#"{{"deal_id":"{old}","reason":"x","amount":{}}}"#, usd(30)),
                    ));
                }
            }
            if together {
                for events in [events, other] {
                    let partner = events[0].partner.clone();
                    loop {
                        let decision = w.decide_for(&partner, &events);
                        if !decision.judgements.iter().any(|one| matches!(one, domain::decide::Judgement::Later)) {
                            break;
                        }
                    }
                }
                w.catch_up();
            } else {
                w.judge(&events);
                w.judge(&other);
            }
            w.catch_up();
        }
        assert_eq!(w.findings(), Vec::<String>::new());
        assert!(!w.account("q").profile.attained.is_empty() || !w.account("p").profile.attained.is_empty());
    }
}

/// What is asked of the months since is what the review asks, and what the page shows on the eve of it.
#[test]
fn the_page_shows_what_the_review_asks() {
    for (window, review) in [
        ("1 year", "annually"),
        ("1 year", "quarterly"),
        ("6 months", "monthly"),
        ("fiscal year", "annually"),
        ("fiscal quarter", "quarterly"),
    ] {
        for month in 1..=12 {
            for deals in 1..6 {
                let tables = format!(
                    "[ladder.sell.member]\nrank = 1\n[ladder.sell.top]\nrank = 2\nenter = {{ attested.a = true }}\nkeep = {{ deals = 7, within = \"{window}\" }}\nreview = \"{review}\"\nfirst_review = \"1 month\"\npro_rata = true\n"
                );
                let now = format!("2026-{month:02}-17T12:00:00Z");
                let mut w = World::new(
                    &program(&tables).replacen("currency = \"USD\"\n", "currency = \"USD\"\nfiscal_year_starts = \"04-01\"\nperiods_close = \"10 days after the month\"\n", 1),
                    &now,
                );
                w.enrol("p");
                send(&mut w, "p", "attestation.recorded", "a", r#"{"criterion":"a","value":true,"by":"ann"}"#);
                for n in 0..deals {
                    w.close("p", &format!("d{n}"), &now, "10");
                }
                let on = domain::tell::scoreboards(&w.programs, w.account("p"), w.now).expect("boards")["sell"]
                    .next_review
                    .expect("one");
                let eve = on.yesterday().expect("a day");
                w.at(&format!("{eve}T12:00:00Z")).catch_up();
                let board =
                    domain::tell::scoreboards(&w.programs, w.account("p"), w.now).expect("boards")["sell"].clone();
                w.at(&format!("{on}T12:00:00Z")).catch_up();
                assert_eq!(
                    board.stays,
                    w.tier("p") == "top",
                    "{window} {review} {month} {deals} {board:?}\n{}",
                    w.ledger()
                );
            }
        }
    }
}

/// A gate that lists nothing is a slip of the hand, and not open to everybody.
#[test]
fn a_gate_that_lists_no_agreement_is_refused() {
    let found = codes("[earn.closed]\non = \"deal.closed\"\nneeds = { agreement = [] }\npoints = 5\n");
    assert!(!found.is_empty(), "{found:?}");
}

/// What is told of a correction's rules, where nobody had stated anything when the deal closed.
#[test]
fn an_explanation_of_a_correction_says_what_was_not_stated() {
    let tables = r#"
[facts]
type = "one of reseller, OEM"
[commission.c]
if = { partner.type = "!= reseller" }
rate = "10%"
[earn.amended]
on = "deal.amended"
if = { partner.type = "reseller" }
points = 7
"#;
    let mut w = world(tables, "2026-03-02T12:00:00Z");
    w.close("p", "a", "2026-03-02T12:00:00Z", "1000");
    w.at("2026-03-03T12:00:00Z");
    send(&mut w, "p", "partner.enrolled", "e2", r#"{"name":"P","motions":["sell"],"facts":{"type":"reseller"}}"#);
    send(&mut w, "p", "deal.amended", "m", r#"{"deal_id":"a","acv":{"amount":"2000","currency":"USD"}}"#);
    let record = w.last();
    let program = w.programs.number(record.version()).map(|version| &*version.program);
    let rules = explain(record, program).rules;
    let told = rules.iter().find(|one| one.rule.as_str() == "commission.c").expect("tried");
    assert!(!told.sentence.contains("partner.type is reseller"), "{}", told.sentence);
}
