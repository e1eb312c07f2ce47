//! A year of a program's events, generated: what benchmarks replay, and what a program is tried on before there is a history.

use std::collections::VecDeque;
use std::fmt::Write;

use jiff::{SignedDuration, Timestamp};

/// How a generated year is made: the same events for the same values.
#[derive(Clone, Debug)]
pub struct Year {
    /// The program the events are sent to.
    pub program: String,
    /// Its first instant.
    pub from: Timestamp,
    /// Partners, each enrolled in the first minutes.
    pub partners: u64,
    /// Events altogether, those that are sent twice counted twice.
    pub events: u64,
    /// Another seed, another year.
    pub seed: u64,
}

/// The mix, in thousandths: what is sent, apart from enrolments. What has nothing to refer to yet is a registration instead.
pub const MIX: [(&str, u64); 9] = [
    ("content.viewed", 480),
    ("course.completed", 200),
    ("certification.granted", 20),
    ("deal.registered", 90),
    ("deal.qualified", 70),
    ("deal.closed", 70),
    ("deal.amended", 10),
    ("deal.reversed", 10),
    (AGAIN, 50),
];

/// An earlier event is sent a second time, byte for byte.
const AGAIN: &str = "sent again";

/// People of each partner.
const PERSONS: u64 = 20;
/// Pages that are read.
const PAGES: u64 = 300;
/// Courses.
const COURSES: u64 = 60;
/// So many of the latest events may be sent again, won deals be corrected, and deals move on.
const RECENT_MAX: usize = 2_000;

/// The lines of a generated year: one event each, in the order of their time.
#[derive(Clone, Debug)]
pub struct Lines {
    year: Year,
    chance: Chance,
    made: u64,
    deals: u64,
    registered: VecDeque<Deal>,
    qualified: VecDeque<Deal>,
    won: VecDeque<Deal>,
    recent: VecDeque<String>,
}

#[derive(Clone, Copy, Debug)]
struct Deal {
    partner: u64,
    number: u64,
    amount: u64,
    currency: &'static str,
}

/// The same numbers for the same seed, on every machine (SplitMix64).
#[derive(Clone, Debug)]
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit.max(1)
    }
}

impl Year {
    /// Its lines.
    pub fn lines(self) -> Lines {
        Lines {
            chance: Chance(self.seed),
            year: self,
            made: 0,
            deals: 0,
            registered: VecDeque::new(),
            qualified: VecDeque::new(),
            won: VecDeque::new(),
            recent: VecDeque::new(),
        }
    }
}

impl Iterator for Lines {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.made >= self.year.events {
            return None;
        }
        let line = if self.made < self.year.partners { self.enrolled() } else { self.any() };
        self.made += 1;
        Some(line)
    }
}

impl Lines {
    fn enrolled(&mut self) -> String {
        let partner = self.made;
        let data = format!(r#"{{"name":"Partner {partner}","motions":["sell"]}}"#);
        self.line("partner.enrolled", "/crm/acme", "crm", partner, &data)
    }

    fn any(&mut self) -> String {
        let mut at = self.chance.below(1_000);
        let chosen = MIX.iter().find(|(_, share)| {
            let here = at < *share;
            at = at.saturating_sub(*share);
            here
        });
        match chosen.map_or(AGAIN, |(kind, _)| kind) {
            "content.viewed" => self.viewed(),
            "course.completed" => self.learned("course.completed", "course_id", r#","score":80"#),
            "certification.granted" => self.learned("certification.granted", "certification_id", ""),
            "deal.qualified" => self.qualified(),
            "deal.closed" => self.closed(),
            "deal.amended" => self.amended(),
            "deal.reversed" => self.reversed(),
            AGAIN => self.again(),
            _ => self.registered(),
        }
    }

    /// A partner: the first ones do much more than the last.
    fn partner(&mut self) -> u64 {
        let at = self.chance.below(1_000_000);
        (at * at / 1_000_000) * self.year.partners / 1_000_000
    }

    fn viewed(&mut self) -> String {
        let (partner, person) = (self.partner(), self.chance.below(PERSONS));
        let (page, seconds) = (self.chance.below(PAGES), self.chance.below(120));
        let data = format!(r#"{{"content_id":"page-{page}","person_id":"p{partner}-{person}","seconds":{seconds}}}"#);
        self.line("content.viewed", "/cms/portal", "cms", partner, &data)
    }

    fn learned(&mut self, kind: &str, member: &str, more: &str) -> String {
        let (partner, person, course) = (self.partner(), self.chance.below(PERSONS), self.chance.below(COURSES));
        let level = 101 + 100 * (course % 3);
        let data =
            format!(r#"{{"{member}":"course-{course}","level":{level},"person_id":"p{partner}-{person}"{more}}}"#);
        self.line(kind, "/lms/academy", "lms", partner, &data)
    }

    fn registered(&mut self) -> String {
        let partner = self.partner();
        // Some register what another has to itself.
        let taken = (self.chance.below(20) == 0).then(|| self.some(|lines| &lines.registered)).flatten();
        let amount = 2_000 + self.chance.below(80_000);
        let currency = ["USD", "USD", "USD", "USD", "USD", "USD", "EUR", "GBP"][at(self.chance.below(8))];
        let deal = Deal { partner, number: self.deals, amount, currency };
        self.deals += 1;
        let opportunity = taken.map_or(deal.number, |taken| taken.number);
        if opportunity == deal.number {
            keep(&mut self.registered, deal);
        }
        let data = format!(
            r#"{{"deal_id":"D-{}","opportunity_id":"O-{opportunity}","customer":"Customer {opportunity}","expected_acv":{{"amount":"{amount}.00","currency":"{currency}"}}}}"#,
            deal.number
        );
        self.line("deal.registered", "/crm/acme", "crm", partner, &data)
    }

    fn qualified(&mut self) -> String {
        let Some(deal) = self.registered.pop_front() else { return self.registered() };
        keep(&mut self.qualified, deal);
        let data = format!(r#"{{"deal_id":"D-{}"}}"#, deal.number);
        self.line("deal.qualified", "/crm/acme", "crm", deal.partner, &data)
    }

    fn closed(&mut self) -> String {
        let Some(deal) = self.qualified.pop_front() else { return self.registered() };
        let Deal { number, amount, currency, partner } = deal;
        let data = if self.chance.below(4) == 0 {
            format!(r#"{{"deal_id":"D-{number}","outcome":"lost"}}"#)
        } else {
            keep(&mut self.won, deal);
            let renewal = if self.chance.below(5) == 0 { r#","renewal":true"# } else { "" };
            format!(
                r#"{{"deal_id":"D-{number}","outcome":"won","acv":{{"amount":"{amount}.00","currency":"{currency}"}},"tenor_months":12{renewal}}}"#
            )
        };
        self.line("deal.closed", "/crm/acme", "crm", partner, &data)
    }

    fn amended(&mut self) -> String {
        let Some(Deal { number, currency, partner, .. }) = self.some(|lines| &lines.won) else {
            return self.registered();
        };
        let amount = 2_000 + self.chance.below(80_000);
        let data = format!(r#"{{"deal_id":"D-{number}","acv":{{"amount":"{amount}.00","currency":"{currency}"}}}}"#);
        self.line("deal.amended", "/crm/acme", "crm", partner, &data)
    }

    fn reversed(&mut self) -> String {
        let Some(Deal { number, currency, partner, amount }) = self.some(|lines| &lines.won) else {
            return self.registered();
        };
        let part = if self.chance.below(3) == 0 {
            format!(r#","amount":{{"amount":"{}.00","currency":"{currency}"}}"#, amount / 2)
        } else {
            String::new()
        };
        let data = format!(r#"{{"deal_id":"D-{number}","reason":"customer withdrew"{part}}}"#);
        self.line("deal.reversed", "/crm/acme", "crm", partner, &data)
    }

    fn again(&mut self) -> String {
        let many = self.recent.len() as u64;
        let which = at(self.chance.below(many));
        self.recent.get(which).cloned().unwrap_or_else(|| self.registered())
    }

    /// One of several deals.
    fn some(&mut self, of: impl Fn(&Self) -> &VecDeque<Deal>) -> Option<Deal> {
        let many = of(self).len() as u64;
        let which = at(self.chance.below(many));
        of(self).get(which).copied()
    }

    fn line(&mut self, kind: &str, source: &str, prefix: &str, partner: u64, data: &str) -> String {
        // Evenly over the year, in whole milliseconds.
        let millis = i128::from(self.made) * YEAR_MILLIS / i128::from(self.year.events.max(1));
        let since = SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
        let time = self.year.from.saturating_add(since).unwrap_or(Timestamp::MAX);
        let mut line = String::with_capacity(320);
        let (id, program) = (self.made, &self.year.program);
        write!(
            line,
            r#"{{"specversion":"1.0","id":"{prefix}-{id}","source":"{source}","type":"{kind}","subject":"partner-{partner}","program":"{program}","time":"{time:.3}","data":{data}}}"#
        )
        .unwrap_or_default();
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(line.clone());
        line
    }
}

const YEAR_MILLIS: i128 = 365 * 24 * 60 * 60 * 1_000;

fn keep(deals: &mut VecDeque<Deal>, deal: Deal) {
    if deals.len() == RECENT_MAX {
        deals.pop_front();
    }
    deals.push_back(deal);
}

fn at(index: u64) -> usize {
    usize::try_from(index).unwrap_or(0)
}
