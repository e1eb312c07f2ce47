//! What a ladder asks beside what is measured: what persons attest, who holds which certificate, and the part of a window since a tier was
//! entered (M20, M25, M27).

use domain::ledger::Outcome::{Awarded, NoRule, Refused};
use domain::ledger::{Outcome, Reason};
use domain::tell::scoreboards;
use domain::tier::Progress;
use laurel_replay::World;

use super::assert_sound;

const HEAD: &str = r#"
[program]
id = "test"
name = "Test"
currency = "USD"
[sources]
"/crm/*" = ["*"]
"/lms/*" = ["*"]
"/admin/*" = ["*"]
[reward.card]
name = "Card"
points = 1
needs = { agreement = ["2026-01", "2026-02"] }
[earn.closed]
on = "deal.closed"
points = 10
"#;

fn world(ladder: &str, now: &str) -> World {
    let mut world = World::new(&format!("{HEAD}{ladder}"), now);
    world.enrol("p");
    world
}

fn send(w: &mut World, kind: &str, id: &str, data: &str) -> Outcome {
    let time = w.now.to_string();
    w.send(kind, "p", id, &time, data)
}

fn attest(w: &mut World, id: &str, criterion: &str, value: &str) -> Outcome {
    let data = format!(r#"{{"criterion":"{criterion}","value":{value},"by":"ann"}}"#);
    send(w, "attestation.recorded", id, &data)
}

fn certify(w: &mut World, person: &str, what: &str, until: &str) -> Outcome {
    let id = format!("{person}-{what}-{until}");
    let data = format!(r#"{{"certification_id":"{what}","person_id":"{person}","valid_until":"{until}"}}"#);
    send(w, "certification.granted", &id, &data)
}

/// M20: a tier that is entered by what persons attest, a rating and a judgement, beside what is measured; and kept by it.
#[test]
fn m20_attested_criteria() {
    let mut w = world(
        r#"
[ladder.sell.member]
rank = 1
[ladder.sell.strategic]
rank = 2
enter = { all = [{ attested.strategic = true, attested.satisfaction = ">= 4.5" }, { deals = 1, within = "1 year" }] }
keep = { attested.strategic = true }
review = "quarterly"
first_review = "1 quarter"
grace = "1 quarter"
"#,
        "2026-01-15T12:00:00Z",
    );
    w.close("p", "d", "2026-01-15T12:00:00Z", "1000");
    assert_eq!(attest(&mut w, "a1", "satisfaction", "4.50"), NoRule);
    assert_eq!(w.tier("p"), "member");
    let boards = scoreboards(&w.programs, w.account("p"), w.now).expect("boards");
    let met: Vec<(String, bool)> = boards["sell"]
        .to_next
        .iter()
        .map(|one| match one {
            Progress::Fact { fact, asked, stated, met } => (format!("{fact} {asked} {stated:?}"), *met),
            Progress::Measured(one) => (one.measure.word().to_owned(), one.met),
        })
        .collect();
    let expected = [
        ("attested.satisfaction >= 4.5 Some(\"4.5\")", true),
        ("attested.strategic true None", false),
        ("deals", true),
    ];
    assert_eq!(met, expected.map(|(told, met)| (told.to_owned(), met)));
    attest(&mut w, "a2", "strategic", "true");
    assert_eq!(w.tier("p"), "strategic");
    // Attested otherwise: warned at the review, and down at the next.
    w.at("2026-05-02T12:00:00Z");
    attest(&mut w, "a3", "strategic", "false");
    w.at("2026-07-12T12:00:00Z").catch_up();
    assert_eq!(w.tier("p"), "strategic");
    w.at("2026-10-12T12:00:00Z").catch_up();
    assert_eq!(w.tier("p"), "member");
    assert_sound(&w);
}

/// What is attested is of the latest by its own time (I24); what is no value is rejected; more criteria than are kept are refused.
#[test]
fn m20_the_latest_attestation_counts() {
    let mut w = world("", "2026-05-02T12:00:00Z");
    attest(&mut w, "new", "strategic", "\"yes\"");
    let data = r#"{"criterion":"strategic","value":"no","by":"bob"}"#;
    w.send("attestation.recorded", "p", "old", "2026-04-01T12:00:00Z", data);
    assert_eq!(w.last().reason, Some(Reason::Superseded));
    let attested = |w: &World| w.account("p").profile.attested["strategic"].value.to_string();
    assert_eq!(attested(&w), "yes");
    for bad in ["{}", "[]", "\"\"", &format!("\"{}\"", "x".repeat(65))] {
        let data = format!(r#"{{"criterion":"c","value":{bad},"by":"ann"}}"#);
        let json = event::json::Json::parse(&data).expect("JSON");
        assert!(event::Kind::read("attestation.recorded", &json).is_err(), "{bad}");
    }
    for n in 1..64 {
        attest(&mut w, &format!("c{n}"), &format!("c{n}"), "1");
    }
    assert_eq!(attest(&mut w, "more", "more", "1"), Refused);
    assert_eq!(w.last().reason, Some(Reason::AttestedMany));
    attest(&mut w, "again", "strategic", "\"no\"");
    assert_eq!(attested(&w), "no", "it is there");
    assert_sound(&w);
}

/// M25, M27: two persons with a named certificate that is valid, whatever other certificates there are; who lets them run out loses it.
#[test]
fn m27_persons_with_a_certification() {
    let mut w = world(
        r#"
[ladder.sell.member]
rank = 1
[ladder.sell.expert]
rank = 2
enter = { certification = "expert-301", persons = 2 }
keep = { certification = "expert-301", persons = 2 }
review = "monthly"
first_review = "1 month"
grace = "1 month"
"#,
        "2026-01-15T12:00:00Z",
    );
    certify(&mut w, "ann", "expert-301", "2026-08-01T00:00:00Z");
    certify(&mut w, "ann", "sales-101", "2030-01-01T00:00:00Z");
    certify(&mut w, "bob", "sales-101", "2030-01-01T00:00:00Z");
    assert_eq!(w.tier("p"), "member", "one person, and another certificate");
    certify(&mut w, "bob", "expert-301", "2027-01-01T00:00:00Z");
    assert_eq!(w.tier("p"), "expert");
    let boards = scoreboards(&w.programs, w.account("p"), w.now).expect("boards");
    let [Progress::Measured(one)] = &boards["sell"].to_stay[..] else { panic!("{:?}", boards["sell"].to_stay) };
    assert_eq!(one.certification.as_deref(), Some("expert-301"));
    assert_eq!((one.seen, one.least), (2.into(), 2.into()));
    // Ann's runs out in August: the review as of September warns, and the one as of October brings the partner down.
    w.at("2026-09-12T12:00:00Z").catch_up();
    assert_eq!(w.tier("p"), "expert");
    w.at("2026-10-13T12:00:00Z").catch_up();
    assert_eq!(w.tier("p"), "member");
    assert_sound(&w);
}

/// Who entered a tier within the window by which it is kept is asked for its part of it, where the ladder says so: entered in October,
/// three months of twelve.
#[test]
fn who_enters_late_is_asked_for_its_part() {
    let ladder = |more: &str| {
        format!(
            r#"
[ladder.sell.member]
rank = 1
[ladder.sell.reseller]
rank = 2
enter = {{ deals = 2, within = "3 months" }}
keep = {{ any = [{{ deals = 10, within = "fiscal year" }}, {{ acv = "1000000", within = "fiscal year" }}] }}
review = "annually"
first_review = "1 month"
{more}"#
        )
    };
    for (more, tier, least) in [("", "member", (10, "1000000")), ("pro_rata = true\n", "reseller", (3, "250000"))] {
        let mut w = world(&ladder(more), "2026-10-20T12:00:00Z");
        for n in 0..3 {
            let time = w.now.to_string();
            assert_eq!(w.close("p", &format!("d{n}"), &time, "1000"), Awarded);
        }
        assert_eq!(w.tier("p"), "reseller");
        w.at("2026-12-20T12:00:00Z").catch_up();
        let boards = scoreboards(&w.programs, w.account("p"), w.now).expect("boards");
        let asked: Vec<String> = boards["sell"]
            .to_stay
            .iter()
            .map(|one| match one {
                Progress::Measured(one) => one.least.to_string(),
                Progress::Fact { .. } => panic!("no fact is asked"),
            })
            .collect();
        assert_eq!(asked, [least.0.to_string(), least.1.to_owned()], "10 * 3 / 12 = 2.5, rounded up");
        w.at("2027-01-20T12:00:00Z").catch_up();
        assert_eq!(w.tier("p"), tier, "{more}");
        assert_sound(&w);
    }
}

/// M43: a reward that asks for an agreement is for whoever accepted one of these versions last.
#[test]
fn m43_an_agreement_is_a_gate() {
    let mut w = world("", "2026-05-02T12:00:00Z");
    w.load_stock("card", 10);
    w.close("p", "d", "2026-05-02T12:00:00Z", "1000");
    let needs = Reason::GateNotPassed { needs: "agreement 2026-01 or 2026-02".to_owned() };
    assert_eq!(w.redeem("p", "card", 1, "k1"), Refused);
    assert_eq!(w.last().reason, Some(needs.clone()));
    send(&mut w, "agreement.accepted", "g1", r#"{"version":"2026-02","person_id":"dana"}"#);
    assert_eq!(w.redeem("p", "card", 1, "k2"), Outcome::Applied);
    w.at("2026-05-03T12:00:00Z");
    send(&mut w, "agreement.accepted", "g2", r#"{"version":"2025-01","person_id":"dana"}"#);
    assert_eq!(w.redeem("p", "card", 1, "k3"), Refused);
    assert_eq!(w.last().reason, Some(needs));
    assert_sound(&w);
}

/// M28: nothing may be redeemed before everything of the initial training is done; each order that is refused says what is missing.
#[test]
fn m28_nothing_before_the_initial_training() {
    let needs = "needs = { course = [\"apex-101\", \"apex-102\"], certification = \"seller\" }\n";
    let text = HEAD.replace("needs = { agreement = [\"2026-01\", \"2026-02\"] }\n", needs);
    let mut w = World::new(&text, "2026-05-02T12:00:00Z");
    w.enrol("p");
    w.load_stock("card", 10);
    w.close("p", "d", "2026-05-02T12:00:00Z", "1000");
    let refused = |w: &mut World, key: &str| {
        assert_eq!(w.redeem("p", "card", 1, key), Refused, "{key}");
        domain::tell::explain(w.last(), None).sentence
    };
    let [first, second, seller] = ["course apex-101", "course apex-102", "certification seller"];
    assert_eq!(refused(&mut w, "k1"), format!("needed first: {seller}; {first}; {second}"));
    let course = |w: &mut World, id: &str| {
        send(w, "course.completed", id, &format!(r#"{{"course_id":"{id}","person_id":"dana","level":101}}"#))
    };
    course(&mut w, "apex-101");
    assert_eq!(refused(&mut w, "k2"), format!("needed first: {seller}; {second}"));
    course(&mut w, "apex-102");
    assert_eq!(refused(&mut w, "k3"), format!("{seller} is needed first"));
    certify(&mut w, "dana", "seller", "2026-06-01T00:00:00Z");
    assert_eq!(w.redeem("p", "card", 1, "k4"), Outcome::Applied);
    // Of a certificate that has run out nobody is trained any more.
    w.at("2026-06-02T12:00:00Z");
    assert_eq!(refused(&mut w, "k5"), format!("{seller} is needed first"));
    assert_sound(&w);
}

/// M15: several windows at once: a number of the year beside one of the quarter. Both count to enter; and whoever brings the year's number,
/// but nothing in a quarter, does not stay.
#[test]
fn m15_a_year_and_a_quarter_at_once() {
    let mut w = world(
        r#"
[ladder.sell.member]
rank = 1
[ladder.sell.partner]
rank = 2
enter = { all = [{ deals = 4, within = "1 year" }, { acv = "30000", within = "fiscal quarter" }] }
keep = { all = [{ deals = 4, within = "1 year" }, { deals = 1, within = "fiscal quarter" }] }
review = "quarterly"
first_review = "1 month"
"#,
        "2026-01-15T12:00:00Z",
    );
    for (n, day) in ["02-02", "03-02", "04-02", "04-03"].into_iter().enumerate() {
        let time = format!("2026-{day}T12:00:00Z");
        w.at(&time).close("p", &format!("d{n}"), &time, "1000");
    }
    assert_eq!(w.tier("p"), "member", "the year has its deals, the quarter has not");
    w.at("2026-05-02T12:00:00Z").close("p", "large", "2026-05-02T12:00:00Z", "28000");
    assert_eq!(w.tier("p"), "partner");
    let told = |w: &World| domain::tell::explain(w.last(), None).tier_changes.join(" / ");
    assert_eq!(told(&w), "sell: member -> partner from 2026-05-02");
    w.at("2026-07-12T12:00:00Z").catch_up();
    assert_eq!(w.tier("p"), "partner", "the second quarter had enough");
    w.at("2026-10-12T12:00:00Z").catch_up();
    assert_eq!(w.tier("p"), "member", "the year has five deals, the third quarter none");
    assert_eq!(
        told(&w),
        "sell: partner -> member from 2026-10-11, reviewed as of 2026-10-01 (0 of 1 deals within the fiscal quarter)"
    );
    assert_sound(&w);
}

/// M26, M27: a rule for whoever has what it needs: 201 after 101, and commission for certified sellers only.
#[test]
fn m26_m27_rules_need_courses_and_certificates() {
    let mut w = world(
        r#"
[earn.advanced]
on = "course.completed"
if = { level = 201 }
needs = { course = "sales-101" }
points = 20

[commission.certified]
needs = { certification = "sales-pro" }
rate = "10%"

[earn.large]
on = "deal.closed"
if = { acv = ">= 2000" }
needs = { agreement = "2026-01" }
points = 100
"#,
        "2026-03-02T12:00:00Z",
    );
    let course = |w: &mut World, course: &str, level: u32| {
        let data = format!(r#"{{"course_id":"{course}","person_id":"dana","level":{level}}}"#);
        let id = format!("{course}-{}", w.records.len());
        send(w, "course.completed", &id, &data)
    };
    let why = |w: &World, rule: &str| {
        let record = w.last();
        let program = w.programs.number(record.version()).map(|version| &*version.program);
        let told = domain::tell::explain(record, program).rules.into_iter().find(|one| one.rule.as_str() == rule);
        told.expect("tried").sentence
    };
    assert_eq!(course(&mut w, "sales-201", 201), NoRule);
    assert_eq!(why(&w, "advanced"), "the rule is for who has course sales-101");
    assert_eq!(course(&mut w, "sales-101", 101), NoRule);
    assert_eq!(course(&mut w, "sales-202", 201), Awarded);
    let usd = domain::ledger::Asset::Money("USD");
    let has = |w: &World| (w.account("p").balance().available, usd.amount(w.account("p").head.balance(usd).available));
    w.close("p", "a", "2026-03-02T12:00:00Z", "1000");
    assert_eq!(why(&w, "commission.certified"), "the rule is for who has certification sales-pro");
    assert_eq!(has(&w), (30, "0.00".to_owned()));
    certify(&mut w, "dana", "sales-pro", "2026-06-01T00:00:00Z");
    w.close("p", "b", "2026-03-02T12:00:00Z", "1000");
    assert_eq!(has(&w), (40, "100.00".to_owned()));
    // Whether it pays was decided when it closed; what points need may come by then.
    let amend = |w: &mut World, deal: &str, id: &str| {
        let data = format!(r#"{{"deal_id":"{deal}","acv":{{"amount":"3000","currency":"USD"}}}}"#);
        send(w, "deal.amended", id, &data)
    };
    w.at("2026-03-03T12:00:00Z");
    amend(&mut w, "a", "a1");
    assert_eq!(has(&w), (40, "100.00".to_owned()), "no agreement, and no commission");
    send(&mut w, "agreement.accepted", "g", r#"{"version":"2026-01","person_id":"dana"}"#);
    amend(&mut w, "b", "b1");
    assert_eq!(has(&w), (140, "300.00".to_owned()));
    // In July nobody's certificate is valid.
    w.at("2026-07-03T12:00:00Z");
    w.close("p", "c", "2026-07-03T12:00:00Z", "1000");
    assert_eq!(has(&w), (150, "300.00".to_owned()));
    assert_sound(&w);
}

/// M17: productive by day 90, else told that it is late; and where there is still no deal 6 months later an improvement plan is due. Each
/// once, and nothing of whoever sold in time or left.
#[test]
fn m17_onboarding_and_an_improvement_plan() {
    let rules =
        "[onboarding]\nproductive = { deals = 1, within = \"1 year\" }\nby = \"90 days\"\nplan_after = \"6 months\"\n";
    let mut w = world(rules, "2026-01-15T12:00:00Z");
    for partner in ["sells", "late", "left"] {
        w.enrol(partner);
    }
    w.close("sells", "s", "2026-01-15T12:00:00Z", "1000");
    let told = |w: &World| -> Vec<String> {
        let looks = w.records.iter().filter(|record| record.kind == "onboarding.reviewed");
        looks
            .map(|record| format!("{} {} {}", record.on, record.partner, domain::tell::explain(record, None).sentence))
            .collect()
    };
    w.at("2026-03-01T12:00:00Z");
    w.send("partner.offboarded", "left", "gone", "2026-03-01T12:00:00Z", r#"{"reason":"x"}"#);
    // A second enrolment states facts anew, and begins nothing.
    send(&mut w, "partner.enrolled", "again", r#"{"name":"P","motions":["sell"]}"#);
    w.at("2026-04-14T12:00:00Z").catch_up();
    assert_eq!(told(&w), Vec::<String>::new());
    w.at("2026-04-15T12:00:00Z").catch_up();
    let late = "its time to be productive is over, and this is not met: 1 deals within 1 year";
    let mut expected = vec![
        format!("2026-04-15 p {late}"),
        "2026-04-15 sells the partner is productive in the time that it had".to_owned(),
        format!("2026-04-15 late {late}"),
    ];
    assert_eq!(told(&w), expected);
    w.close("late", "l", "2026-04-15T12:00:00Z", "1000");
    w.at("2026-10-15T12:00:00Z").catch_up();
    expected.push("2026-10-15 p an improvement plan is due: this is not met still: 1 deals within 1 year".to_owned());
    expected.push("2026-10-15 late the partner is productive in the time that it had".to_owned());
    assert_eq!(told(&w), expected);
    w.at("2027-10-15T12:00:00Z").catch_up();
    assert_eq!(told(&w).len(), 5, "once each");
    // Looked at late, it is judged as things were on its day.
    let mut unseen = world(rules, "2026-01-15T12:00:00Z");
    unseen.close("p", "s", "2026-01-15T12:00:00Z", "1000");
    unseen.at("2027-10-15T12:00:00Z").catch_up();
    assert_eq!(told(&unseen), ["2027-10-15 p the partner is productive in the time that it had"]);
    // Who is back is new again.
    w.send("partner.enrolled", "left", "back", "2027-10-15T12:00:00Z", r#"{"name":"P","motions":["sell"]}"#);
    w.at("2028-01-14T12:00:00Z").catch_up();
    assert_eq!(told(&w).len(), 6);
    assert_sound(&w);
}

/// M16: who brings too little for two quarters in a row is due to be pruned. A quarter with enough begins the count anew, and so does
/// leaving the tier; staff are told at each failed review, and each one after.
#[test]
fn m16_two_quarters_below_the_minimum() {
    let mut w = world(
        r#"
[ladder.sell.referral]
rank = 1
keep = { deals = 1, within = "fiscal quarter" }
review = "quarterly"
first_review = "1 quarter"
prune_after = 2
[ladder.sell.reseller]
rank = 2
enter = { deals = 3, within = "1 year" }
keep = { deals = 3, within = "1 year" }
first_review = "1 year"
"#,
        "2026-01-15T12:00:00Z",
    );
    let failed = |w: &World| {
        let board = &scoreboards(&w.programs, w.account("p"), w.now).expect("boards")["sell"];
        (board.failed_reviews, board.prune_after)
    };
    let told = |w: &World| domain::tell::explain(w.last(), None).tier_changes.join(" / ");
    w.at("2026-05-02T12:00:00Z").close("p", "d1", "2026-05-02T12:00:00Z", "1000");
    // As of April a quarter had not passed since January: the first review is as of July, and sees the deal of May.
    w.at("2026-07-12T12:00:00Z").catch_up();
    assert_eq!(failed(&w), (Some(0), Some(2)));
    w.at("2026-10-12T12:00:00Z").catch_up();
    assert_eq!(failed(&w), (Some(1), Some(2)));
    let below =
        "below what is asked of everybody (0 of 1 deals within the fiscal quarter), 1 in a row; to be pruned after 2";
    assert!(told(&w).contains(below), "{}", told(&w));
    assert!(!told(&w).contains("due"), "{}", told(&w));
    // Enough once more: counted anew.
    w.at("2026-11-02T12:00:00Z").close("p", "d2", "2026-11-02T12:00:00Z", "1000");
    w.at("2027-01-12T12:00:00Z").catch_up();
    assert_eq!(failed(&w), (Some(0), Some(2)));
    for (now, times, due) in
        [("2027-04-12T12:00:00Z", 1, false), ("2027-07-12T12:00:00Z", 2, true), ("2027-10-12T12:00:00Z", 3, true)]
    {
        w.at(now).catch_up();
        assert_eq!(failed(&w), (Some(times), Some(2)), "{now}");
        assert_eq!(told(&w).contains(&format!("{times} in a row; due to be pruned")), due, "{}", told(&w));
        assert_eq!(w.tier("p"), "referral");
    }
    // Who rises has failed nothing.
    w.at("2027-10-14T12:00:00Z");
    for n in 3..6 {
        w.close("p", &format!("d{n}"), "2027-10-14T12:00:00Z", "1000");
    }
    assert_eq!(w.tier("p"), "reseller");
    assert_eq!(failed(&w), (None, None));
    assert_sound(&w);
}

/// M16: a version that asks something of the lowest tier reaches who stood there before: from the first period whose books close under
/// it, and not for what came before.
#[test]
fn m16_a_version_that_prunes() {
    let lowest = "[ladder.sell.member]\nrank = 1\n";
    let mut w = world(lowest, "2026-01-15T12:00:00Z");
    w.at("2026-10-12T12:00:00Z").catch_up();
    assert_eq!(scoreboards(&w.programs, w.account("p"), w.now).expect("boards")["sell"].failed_reviews, None);
    let prunes = "keep = { registrations = 1, within = \"fiscal quarter\" }\nprune_after = 1\n";
    w.publish(&format!("{HEAD}{lowest}{prunes}"), "2026-10-13T00:00:00Z");
    w.at("2026-12-31T12:00:00Z").catch_up();
    let failed = |w: &World| scoreboards(&w.programs, w.account("p"), w.now).expect("boards")["sell"].failed_reviews;
    assert_eq!(failed(&w), Some(0));
    w.at("2027-01-12T12:00:00Z").catch_up();
    assert_eq!(failed(&w), Some(1));
    assert_sound(&w);
}

/// M29: from the agreement signed to fully trained: every course and certification that the program asks for, whoever of the partner has
/// them; and from the enrolment to productive. Each once and for ever, by the day of the event that completes it.
#[test]
fn m29_from_the_agreement_to_trained_and_productive() {
    let mut w = world(
        r#"
[onboarding]
productive = { deals = 2, within = "1 year" }
by = "90 days"
trained = { course = ["sales-101", "sales-201"], certification = "sales-pro" }
"#,
        "2026-01-05T12:00:00Z",
    );
    let far = |w: &World| domain::tell::onboarded(&w.programs, w.account("p"), w.now).expect("enrolled");
    let days = |at: Option<domain::tell::Reached>| at.map(|at| (at.on.to_string(), at.days));
    let accept = |w: &mut World, id: &str, time: &str| {
        let data = r#"{"version":"2026-01","person_id":"ann"}"#;
        w.send("agreement.accepted", "p", id, time, data)
    };
    w.at("2026-01-20T12:00:00Z");
    accept(&mut w, "a2", "2026-01-20T12:00:00Z");
    // An agreement of before is known later: the way begins with it.
    accept(&mut w, "a1", "2026-01-10T12:00:00Z");
    let course = |w: &mut World, course: &str, person: &str| {
        let data = format!(r#"{{"course_id":"{course}","level":101,"person_id":"{person}"}}"#);
        send(w, "course.completed", &format!("{course}-{person}"), &data)
    };
    course(&mut w, "sales-101", "ann");
    certify(&mut w, "ann", "sales-pro", "2027-01-01T00:00:00Z");
    assert_eq!(far(&w).trained, None);
    w.at("2026-02-09T12:00:00Z");
    course(&mut w, "sales-201", "bob");
    assert_eq!(domain::tell::explain(w.last(), None).milestones, ["trained"]);
    assert_eq!(days(far(&w).trained), Some(("2026-02-09".to_owned(), Some(30))));
    assert_eq!(far(&w).signed.map(|day| day.to_string()), Some("2026-01-10".to_owned()));
    w.close("p", "d1", "2026-02-09T12:00:00Z", "1000");
    assert_eq!(far(&w).productive, None);
    w.close("p", "d2", "2026-02-09T12:00:00Z", "1000");
    assert_eq!(days(far(&w).productive), Some(("2026-02-09".to_owned(), Some(35))));
    // Neither is reached again, whatever is lost and held anew.
    w.at("2027-03-01T12:00:00Z");
    certify(&mut w, "ann", "sales-pro", "2028-01-01T00:00:00Z");
    w.close("p", "d3", "2027-03-01T12:00:00Z", "1000");
    assert_eq!(domain::tell::explain(w.last(), None).milestones, [""; 0]);
    assert_eq!(days(far(&w).trained), Some(("2026-02-09".to_owned(), Some(30))));
    assert_sound(&w);
    // What an enrolment says that was accepted is signed, too.
    let data = r#"{"name":"Q","motions":["sell"],"agreement_version":"2026-01"}"#;
    w.send("partner.enrolled", "q", "q", "2027-02-01T12:00:00Z", data);
    let far = domain::tell::onboarded(&w.programs, w.account("q"), w.now).expect("enrolled");
    assert_eq!(far.signed.map(|day| day.to_string()), Some("2027-02-01".to_owned()));
}

/// M18: a share of what customers pay that goes on only while the partner brings something in every period: a ladder of its own, whose
/// tier is entered and kept by different criteria, and reviewed monthly, quarterly or annually.
#[test]
fn m18_a_continuing_share_by_month_quarter_or_year() {
    let program = |review: &str, window: &str, first: &str| {
        format!(
            r#"
[ladder.sell.partner]
rank = 1
[ladder.sell.sharing]
rank = 2
enter = {{ deals = 1, within = "1 month" }}
keep = {{ registrations = 2, within = "{window}" }}
review = "{review}"
first_review = "{first}"
[commission.share]
on = "invoice.paid"
needs = {{ tier = "sharing" }}
rate = "10%"
"#
        )
    };
    // The month, counted from January, from which nothing is shared any more: that of the first review that sees too little.
    let rows = [
        ("monthly", "1 month", "1 month", 3),
        ("quarterly", "fiscal quarter", "1 quarter", 6),
        ("annually", "fiscal year", "6 months", 12),
    ];
    for (review, window, first, ends) in rows {
        let mut w = world(&program(review, window, first), "2026-01-15T12:00:00Z");
        w.close("p", "d", "2026-01-15T12:00:00Z", "1000");
        let mut paid = Vec::new();
        for month in 1..18 {
            let now = format!("{}-{:02}-20T12:00:00Z", 2026 + month / 12, month % 12 + 1);
            w.at(&now).catch_up();
            let data =
                format!(r#"{{"deal_id":"d","amount":{{"amount":"100.00","currency":"USD"}},"invoice_id":"i{month}"}}"#);
            w.send("invoice.paid", "p", &format!("i{month}"), &now, &data);
            let moved = w.last().postings.iter().any(|posting| !posting.asset.is_points());
            paid.extend(moved.then_some(month));
        }
        let last = paid.last().copied();
        assert_eq!(paid, (1..ends).collect::<Vec<_>>(), "{review}: {last:?}");
        assert_sound(&w);
    }
}

/// M25, M27: persons with a certificate of a level or above; one of a lower level, or of none, is not enough. Of what is said of one
/// person's certificate the latest counts.
#[test]
fn m25_levels_of_certificates() {
    let mut w = world(
        r#"
[ladder.sell.member]
rank = 1
[ladder.sell.expert]
rank = 2
enter = { certification = "sales", level = 201, persons = 2 }
keep = { certification = "sales", level = 201, persons = 1 }
review = "quarterly"
first_review = "1 quarter"
[earn.expert-course]
on = "course.completed"
needs = { certification = "sales", level = 301 }
points = 50
"#,
        "2026-01-15T12:00:00Z",
    );
    let grant = |w: &mut World, id: &str, person: &str, level: &str, until: &str| {
        let data = format!(r#"{{"certification_id":"sales","person_id":"{person}"{level},"valid_until":"{until}"}}"#);
        send(w, "certification.granted", id, &data)
    };
    let (l101, l201, l301) = (r#","level":101"#, r#","level":201"#, r#","level":301"#);
    let far = "2030-01-01T00:00:00Z";
    grant(&mut w, "1", "ann", l201, far);
    grant(&mut w, "2", "bob", l101, far);
    grant(&mut w, "3", "cid", "", far);
    assert_eq!(w.tier("p"), "member");
    let boards = scoreboards(&w.programs, w.account("p"), w.now).expect("boards");
    let Progress::Measured(one) = &boards["sell"].to_next[0] else { panic!("it is measured") };
    assert_eq!((one.level, one.seen.to_string()), (Some(201), "1".to_owned()));
    w.at("2026-01-16T12:00:00Z");
    grant(&mut w, "4", "bob", l301, "2026-06-01T00:00:00Z");
    assert_eq!(w.tier("p"), "expert");
    let course = |w: &mut World, id: &str| {
        let data = format!(r#"{{"course_id":"{id}","level":301,"person_id":"ann"}}"#);
        send(w, "course.completed", id, &data)
    };
    assert_eq!(course(&mut w, "c1"), Awarded);
    // A certificate that has run out opens nothing; the tier is kept by the other.
    w.at("2026-07-12T12:00:00Z").catch_up();
    assert_eq!(course(&mut w, "c2"), NoRule);
    let why = &domain::tell::explain(w.last(), None).rules[0].sentence;
    assert!(why.contains("certification sales at level 301"), "{why}");
    assert_eq!(w.tier("p"), "expert");
    grant(&mut w, "5", "ann", l101, far);
    w.at("2026-10-12T12:00:00Z").catch_up();
    assert_eq!(w.tier("p"), "expert", "what is said of another level says nothing of this one");
    let lost = |level: &str| format!(r#"{{"certification_id":"sales","person_id":"ann"{level}}}"#);
    send(&mut w, "certification.expired", "6", &lost(l101));
    w.at("2027-01-12T12:00:00Z").catch_up();
    assert_eq!(w.tier("p"), "expert");
    send(&mut w, "certification.expired", "7", &lost(""));
    w.at("2027-04-12T12:00:00Z").catch_up();
    assert_eq!(w.tier("p"), "member", "an end that names no level ends all");
    assert_sound(&w);
}
