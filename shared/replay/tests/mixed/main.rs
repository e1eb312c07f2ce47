//! Random histories of registrations, leases, tenders, targets and invoices: in memory and part by part.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "numbers of a made-up history are small"
)]

mod sums;

use domain::decide::Judgement;
use domain::ledger::{PoolOf, PoolPart, Posting, PostingKind};
use event::Event;
use jiff::{SignedDuration, Timestamp};
use laurel_replay::grammar::{Choices, stated, text};
use laurel_replay::{Replay, World, summary};

struct Rng(u64);
impl Rng {
    fn next(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }
    fn is(&mut self, percent: u64) -> bool {
        self.next(100) < percent
    }
}

fn choices(r: &mut Rng, zone: u8) -> Choices {
    Choices {
        caps: (0..r.next(3)).map(|_| r.next(14) as usize).collect(),
        views: (0..r.next(3)).map(|_| r.next(8) as usize).collect(),
        forgive: r.is(50),
        frees: r.is(50),
        suspended: r.is(50),
        expiry: r.next(4) as u8,
        hold: r.is(50),
        monthly: r.is(50),
        own: r.is(60),
        ladder: r.next(4) as u8,
        required: r.is(15),
        fiscal: r.next(64) as u8,
        zone,
        rcap: r.next(16) as u8,
        amended_rule: r.is(30),
        second: r.is(50),
        pays: r.next(256) as u8,
        pools: r.next(256) as u8,
        facts: r.next(256) as u8,
    }
}

fn program(r: &mut Rng, zone: u8) -> String {
    let p = choices(r, zone);
    let text = text(&p).replace("\"deal.*\"", "\"deal.*\", \"invoice.paid\"");
    // More attainment: of invoices, of what measures nothing, twice.
    let more = match r.next(3) {
        0 => {
            "[earn.paid]\non = \"invoice.paid\"\npoints = 3\ntimes = [{ attainment = \"acv\", per = \"quarter\", bands = [{ from = \"10%\", by = \"2\" }] }, { attainment = \"registrations\", per = \"month\", bands = [{ from = \"10%\", by = \"3\" }] }]\n[earn.influenced]\non = \"deal.influenced\"\npoints = 2\ntimes = [{ attainment = \"points\", per = \"year\", bands = [{ from = \"10%\", by = \"2\" }] }]\n"
        }
        1 => {
            "[earn.up]\non = \"deal.closed\"\npoints = { by = \"acv\", bands = [{ from = \"3000\", points = 20 }] }\ntimes = [{ attainment = \"acv\", per = \"year\", bands = [{ from = \"10%\", by = \"2\" }] }]\nat_most = \"90 points per partner per year\"\n"
        }
        _ => "",
    };
    format!("{text}\n{more}")
}

fn money(r: &mut Rng) -> String {
    let amount = [0, 1, 99, 500, 1000, 4999, 5000, 12000, 100][r.next(9) as usize];
    let currency = if r.is(15) { "EUR" } else { "USD" };
    format!(r#"{{"amount":"{amount}.{:02}","currency":"{currency}"}}"#, r.next(100))
}

fn one(w: &World, r: &mut Rng, n: usize, now: Timestamp) -> Event {
    let deal = format!("d{}", r.next(6));
    let owner = w.deals.get(deal.as_str()).map(|d| d.owner.to_string()).filter(|_| r.is(90));
    let partner = owner.unwrap_or_else(|| format!("p{}", r.next(3)));
    let late = match r.next(10) {
        0 => r.next(24 * 200) as i64,
        1..=3 => r.next(48) as i64,
        _ => 0,
    };
    let time = (now - SignedDuration::from_hours(late)).to_string();
    let (kind, data): (&str, String) = match r.next(36) {
        34..=35 => {
            let facts = stated(r.next(1 << 20) as u32);
            ("partner.enrolled", format!(r#"{{"name":"P","motions":["sell","service"],"facts":{facts}}}"#))
        }
        0..=3 => (
            "deal.registered",
            format!(
                r#"{{"deal_id":"{deal}","opportunity_id":"o{}","customer":"c"{}{}}}"#,
                r.next(4),
                if r.is(25) { r#","public_tender":true"# } else { "" },
                if r.is(30) { r#","motion":"service""# } else { "" }
            ),
        ),
        4..=6 => (
            "deal.closed",
            format!(
                r#"{{"deal_id":"{deal}","outcome":"{}","acv":{}{}}}"#,
                if r.is(85) { "won" } else { "lost" },
                money(r),
                if r.is(20) { r#","motion":"service""# } else { "" }
            ),
        ),
        7..=9 => ("deal.amended", format!(r#"{{"deal_id":"{deal}","acv":{}}}"#, money(r))),
        10..=11 => {
            let amount = if r.is(75) { format!(r#","amount":{}"#, money(r)) } else { String::new() };
            ("deal.reversed", format!(r#"{{"deal_id":"{deal}","reason":"x"{amount}}}"#))
        }
        12..=15 => {
            ("invoice.paid", format!(r#"{{"deal_id":"{deal}","invoice_id":"i{}","amount":{}}}"#, r.next(5), money(r)))
        }
        16 => ("deal.reassigned", format!(r#"{{"deal_id":"{deal}","to_partner":"p{}"}}"#, r.next(3))),
        17..=18 => {
            let until = now + SignedDuration::from_hours(r.next(24 * 90) as i64 - 240);
            ("deal.lease_extended", format!(r#"{{"deal_id":"{deal}","until":"{until}","by":"ann"}}"#))
        }
        19..=20 => {
            let measure = ["acv", "deals", "registrations", "points"][r.next(4) as usize];
            let year = 2025 + r.next(3);
            let period = match r.next(3) {
                0 => format!("{year}"),
                1 => format!("{year}-Q{}", r.next(4) + 1),
                _ => format!("{year}-{:02}", r.next(12) + 1),
            };
            let motion = ["sell", "service"][r.next(2) as usize];
            let value = [1, 50, 3_000, 100_000][r.next(4) as usize];
            (
                "target.set",
                format!(r#"{{"motion":"{motion}","measure":"{measure}","period":"{period}","value":"{value}"}}"#),
            )
        }
        26..=28 => {
            let what = if r.is(60) {
                format!(r#""budget":"fund","points":{}"#, 1 + r.next(2_500))
            } else {
                format!(r#""budget":"spiffs","amount":{{"amount":"{}.50","currency":"USD"}}"#, r.next(900))
            };
            (if r.is(80) { "budget.funded" } else { "budget.reduced" }, format!(r#"{{{what},"reason":"x"}}"#))
        }
        32..=33 => {
            let kind = if r.is(75) { "exclusivity.granted" } else { "exclusivity.ended" };
            let until = now + SignedDuration::from_hours(r.next(24 * 90) as i64 - 24);
            let until = if r.is(50) { format!(r#","until":"{until}""#) } else { String::new() };
            (kind, format!(r#"{{"territory":"t{}"{until}}}"#, r.next(2)))
        }
        29..=31 => {
            let kind = if r.is(65) { "benefit.booked" } else { "benefit.released" };
            (kind, format!(r#"{{"benefit":"stand","slot":"2026-{:02}"}}"#, 1 + r.next(12)))
        }
        21 => ("deal.qualified", format!(r#"{{"deal_id":"{deal}"}}"#)),
        22 => ("deal.influenced", format!(r#"{{"deal_id":"{deal}","kind":"endorsement"}}"#)),
        23 => ("course.completed", format!(r#"{{"course_id":"course-{}","level":101,"person_id":"p"}}"#, r.next(99))),
        24 => (if r.is(40) { "partner.suspended" } else { "partner.reinstated" }, r#"{"reason":"x"}"#.to_owned()),
        _ => ("content.viewed", format!(r#"{{"content_id":"c{}","person_id":"p{}"}}"#, r.next(9), r.next(9))),
    };
    let partner = if kind.starts_with("budget") { "@program".to_owned() } else { partner };
    w.event(kind, &partner, &format!("e{n}"), &time, &data)
}

/// I22: what a budget gave and did not get back is what the awards of its rules come to, where one version says which those are.
fn drawn_is_given(w: &World) -> Option<String> {
    let [version] = w.programs.all() else { return None };
    for (id, budget) in &version.program.budgets {
        let of_budget = |part: &PoolPart| matches!(&part.pool.of, PoolOf::Budget(of, _) if of == id);
        let drawn: i64 = w.pools.iter().filter(|(part, _)| of_budget(part)).map(|(_, pool)| pool.drawn).sum();
        let rules = |posting: &&Posting| {
            let rule = posting.rule.as_ref().and_then(|rule| version.program.rules.get(rule));
            rule.is_some_and(|rule| rule.budget.as_ref() == Some(id))
        };
        let postings = w.records.iter().flat_map(|record| &record.postings).filter(rules);
        let signed = |posting: &Posting| match posting.kind {
            PostingKind::Accrual | PostingKind::Netting => posting.amount,
            PostingKind::Reversal => -posting.amount,
            _ => 0,
        };
        let given: i64 = postings.map(signed).sum();
        if drawn != given {
            return Some(format!("I22: of `{id}` ({:?}) {drawn} are drawn, and {given} were given", budget.every));
        }
    }
    None
}

fn sound(w: &World) -> Vec<String> {
    let mut found = w.findings();
    found.extend(drawn_is_given(w));
    let mut sent: Vec<String> = w.records.iter().map(|record| record.identity.to_string()).collect();
    let all = sent.len();
    sent.sort();
    sent.dedup();
    if sent.len() != all {
        found.push("an identity has two records".to_owned());
    }
    found
}

fn run(seed: u64) -> (Vec<String>, String, [String; 2], usize) {
    let mut r = Rng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    for _ in 0..10 {
        r.next(2);
    }
    let zone = r.next(5) as u8;
    let start: Timestamp = "2026-01-15T12:00:00Z".parse().expect("an instant");
    let mut w = World::of(&program(&mut r, zone), "2020-01-01T00:00:00Z", start);
    if r.is(50) {
        let zone = if r.is(50) { zone } else { r.next(5) as u8 };
        let text = program(&mut r, zone);
        w.publish(&text, "2026-05-20T09:30:00Z");
    }
    let mut replay = Replay::new(w.programs.clone());
    let mut now = start;
    let mut events = Vec::new();
    let mut times = vec![(900, now), (901, now), (902, now)];
    let mut clock = now;
    for p in 0..3 {
        let id = format!("enrol{p}");
        events.push(w.event(
            "partner.enrolled",
            &format!("p{p}"),
            &id,
            &now.to_string(),
            &format!(r#"{{"name":"P","motions":["sell","service"],"facts":{}}}"#, stated(32 + p)),
        ));
    }
    for n in 0..(40 + r.next(120) as usize) {
        if r.is(60) {
            now += SignedDuration::from_hours(r.next(24 * 9) as i64);
        }
        // Only what Replay plays at the same instant: its clock is the latest event's.
        times.push((n, now));
    }
    for (n, at) in times {
        let event = match events.pop() {
            Some(event) => event,
            None => {
                w.now = w.now.max(at);
                // Both clocks are set by what somebody else reads.
                let data = format!(r#"{{"content_id":"tick{n}","person_id":"x"}}"#);
                let tick = w.event("content.viewed", "px", &format!("tick{n}"), &w.now.to_string(), &data);
                clock = clock.max(tick.time);
                w.judge(std::slice::from_ref(&tick));
                w.held.clear();
                replay.take(tick).expect("a sound account");
                one(&w, &mut r, n, w.now)
            }
        };
        let event = &event;
        w.now = w.now.max(event.time);
        // Replay's clock is that of the latest event.
        clock = clock.max(event.time);
        w.now = clock;
        w.judge(std::slice::from_ref(event));
        // How long what is held waits is not what is compared here: what would wait is never sent.
        if !w.held.is_empty() {
            w.held.clear();
            continue;
        }
        replay.take(event.clone()).expect("a sound account");
    }
    let end = now + SignedDuration::from_hours(24 * 3);
    w.now = end;
    w.catch_up();
    replay.bring_to(end).expect("sound");
    let of_px = |line: &&str| !line.starts_with("px ") && !line.starts_with('@');
    let both = [summary(w.accounts.iter()), replay.summary()]
        .map(|all| all.lines().filter(of_px).collect::<Vec<_>>().join("\n"));
    (sound(&w), w.ledger(), both, w.programs.all().len())
}

/// Whatever comes: the ledger adds up, what is stored is what the records add up to, and a history that is played gives the same.
#[test]
fn random_histories_are_sound() {
    for seed in 1..100 {
        let (found, ledger, both, versions) = run(seed);
        assert!(found.is_empty(), "seed {seed}: {found:?}\n{ledger}");
        // A review before a version is none after it: what was held brought the account to its day in one of them only.
        assert!(both[0] == both[1] || versions > 1, "seed {seed}: {}\n---\n{}\n{ledger}", both[0], both[1]);
    }
}

/// Groups of events of one partner, decided at once: whatever they write was loaded (I25).
fn groups(seed: u64) -> Vec<String> {
    let mut r = Rng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    for _ in 0..10 {
        r.next(2);
    }
    let zone = r.next(5) as u8;
    let start: Timestamp = "2026-01-15T12:00:00Z".parse().expect("an instant");
    let mut w = World::of(&program(&mut r, zone), "2020-01-01T00:00:00Z", start);
    for at in ["2026-05-20T09:30:00Z", "2026-08-20T09:30:00Z"] {
        if r.is(60) {
            let zone = if r.is(50) { zone } else { r.next(5) as u8 };
            let text = program(&mut r, zone);
            w.publish(&text, at);
        }
    }
    for p in 0..3 {
        w.send(
            "partner.enrolled",
            &format!("p{p}"),
            &format!("enrol{p}"),
            "2026-01-01T00:00:00Z",
            &format!(r#"{{"name":"P","motions":["sell","service"],"facts":{}}}"#, stated(32 + p)),
        );
    }
    for g in 0..40 {
        if r.is(60) {
            w.now += SignedDuration::from_hours(r.next(24 * 14) as i64);
        }
        let mut group: Vec<Event> = Vec::new();
        for n in 0..=(r.next(7) as usize) {
            let event = one(&w, &mut r, g * 10 + n, w.now);
            if group.first().is_none_or(|first| first.partner == event.partner) {
                group.push(event);
            }
        }
        let partner = group[0].partner.clone();
        for _ in 0..5 {
            let decision = w.decide_for(&partner, &group);
            if !decision.judgements.contains(&Judgement::Later) {
                break;
            }
        }
        if r.is(30) {
            w.catch_up();
        }
    }
    sound(&w)
}

#[test]
fn random_groups_are_sound() {
    let count: u64 = 100;
    let mut bad = Vec::new();
    for seed in 1..count {
        match std::panic::catch_unwind(|| groups(seed)) {
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                bad.push(format!("seed {seed}: panic {text:?}"));
            }
            Ok(found) if !found.is_empty() => bad.push(format!("seed {seed}: {found:?}")),
            Ok(_) => {}
        }
    }
    let shown: Vec<&String> = bad.iter().take(6).collect();
    assert!(bad.is_empty(), "{} of {count}: {shown:#?}", bad.len());
}

/// What functions read of a version that was published is what was checked before it was: the same program, whatever it says.
#[test]
fn a_published_file_is_read_as_it_was_checked() {
    let mut rng = Rng(0x5EED_F11E);
    let shipped = ["hr-software", "perx"].map(|name| {
        let path = format!("{}/../../infra/programs/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).expect("a program")
    });
    let random = (0_u8..40).map(|nth| program(&mut rng, nth % 4)).collect::<Vec<_>>();
    for text in shipped.into_iter().chain(random) {
        let checked = program::Program::parse(&text).expect("in good form");
        let published = program::Program::published(&text).expect("in good form");
        assert_eq!(format!("{published:?}"), format!("{checked:?}"), "{text}");
        // An array is no table, whatever stands in it.
        for name in ["exclusivity", "registration", "influence", "payouts", "policy", "program", "sources", "campaign"]
        {
            for values in ["[]", "[1]", "[\"a\", \"b\"]", "[{}]", "[[]]"] {
                let text = format!("{name} = {values}\n{text}");
                assert_eq!(
                    program::Program::parse(&text).is_ok(),
                    program::Program::published(&text).is_ok(),
                    "{text}"
                );
            }
        }
        for (table, array) in
            [("{ tier = ", "[\"gold\", "), ("{ from = ", "[\"1\", "), ("bands = [{", "bands = [["), ("{ ", "[ ")]
        {
            let text = text.replacen(table, array, 1);
            assert_eq!(program::Program::parse(&text).is_ok(), program::Program::published(&text).is_ok(), "{text}");
        }
        // A slip anywhere is one to both.
        let lines: Vec<&str> = text.lines().collect();
        let at = rng.next(lines.len() as u64) as usize;
        for slip in [
            "nonsense = 1",
            "x = [",
            "hold = 1.5",
            "hold = 2026-01-01",
            "points = 0x7FFFFFFFFFFFFFFFF",
            "[earn.x]\non = \"deal.closed\"\npoints = \"5\"",
        ] {
            let mut slipped = lines.clone();
            slipped.insert(at, slip);
            let text = slipped.join("\n");
            assert_eq!(program::Program::parse(&text).is_ok(), program::Program::published(&text).is_ok(), "{text}");
        }
    }
}
