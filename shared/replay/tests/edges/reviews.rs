//! Reviews are exact at their edges: over fiscal years, time zones, leap days, late books and every setting, as a calendar on paper says
//! (M13-M18).

use domain::ledger::Effect;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};
use laurel_replay::World;
use proptest::prelude::*;

/// One ladder of two tiers, and when its partner closed deals.
#[derive(Clone, Debug)]
struct Case {
    zone: &'static str,
    /// The month in which a fiscal year starts.
    fiscal: i8,
    /// Months between reviews: 1, 3 or 12.
    review: i32,
    /// Months a window covers; none for the fiscal year or quarter that is named.
    window: Window,
    /// Deals that keep the tier.
    keep: usize,
    /// Months after entry.
    first_review: i32,
    /// Months.
    grace: Option<i32>,
    /// Months of a booking period, and days after it until its books close.
    books: (i32, i32),
    /// Days after 2027-01-01, and whether at the first or the last second of the day.
    deals: Vec<(i32, bool)>,
}

#[derive(Clone, Copy, Debug)]
enum Window {
    Months(i32),
    FiscalQuarter,
    FiscalYear,
}

const START: Date = date(2027, 1, 1);
const END: Date = date(2030, 6, 30);

fn cases() -> impl Strategy<Value = Case> {
    let zones =
        prop::sample::select(vec!["UTC", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "America/St_Johns"]);
    let window = prop_oneof![(1..=14).prop_map(Window::Months), Just(Window::FiscalQuarter), Just(Window::FiscalYear)];
    // The last days of a month and the first, the leap day among them, come up more often than others.
    let edges = prop::sample::select(vec![
        30, 31, 58, 59, 89, 90, 180, 181, 272, 273, 364, 365, 423, 424, 425, 454, 455, 545, 546,
    ]);
    let deal = (prop_oneof![0..900, edges], any::<bool>());
    let setting = (zones, 1..=12_i8, prop::sample::select(vec![1, 3, 12]), window, 1..4_usize);
    let times = (1..14, prop::option::of(1..7), (prop::sample::select(vec![1, 3]), 2..40));
    (setting, times, prop::collection::vec(deal, 1..14)).prop_map(
        |((zone, fiscal, review, window, keep), (first_review, grace, books), mut deals)| {
            deals.sort_unstable_by_key(|(day, late)| (*day, *late));
            Case { zone, fiscal, review, window, keep, first_review, grace, books, deals }
        },
    )
}

fn plus(day: Date, months: i32) -> Date {
    day.saturating_add(months.months())
}

fn first_of(day: Date) -> Date {
    day.first_of_month()
}

impl Case {
    fn program(&self) -> String {
        let review = match self.review {
            1 => "monthly",
            3 => "quarterly",
            _ => "annually",
        };
        let window = match self.window {
            Window::Months(months) => format!("{months} months"),
            Window::FiscalQuarter => "fiscal quarter".to_owned(),
            Window::FiscalYear => "fiscal year".to_owned(),
        };
        let grace = self.grace.map(|months| format!("grace = \"{months} months\"\n")).unwrap_or_default();
        let (period, days) = (if self.books.0 == 3 { "quarter" } else { "month" }, self.books.1);
        format!(
            r#"
[program]
id = "test"
name = "Test"
currency = "USD"
time_zone = "{}"
fiscal_year_starts = "{:02}-01"
periods_close = "{days} days after the {period}"
[sources]
"/crm/*" = ["*"]
[ladder.sell.base]
rank = 1
[ladder.sell.gold]
rank = 2
enter = {{ deals = 1, within = "1 month" }}
keep = {{ deals = {}, within = "{window}" }}
review = "{review}"
first_review = "{} months"
{grace}"#,
            self.zone, self.fiscal, self.keep, self.first_review
        )
    }

    /// The first day of the fiscal period of so many months in which a day lies.
    fn period_start(&self, day: Date, months: i32) -> Date {
        let since = (i32::from(day.month()) - i32::from(self.fiscal)).rem_euclid(12) % months;
        plus(first_of(day), -since)
    }

    fn boundary_from(&self, day: Date) -> Date {
        let start = self.period_start(day, self.review);
        if start == day { day } else { plus(start, self.review) }
    }

    /// The day on which the books of a day close.
    fn closes(&self, day: Date) -> Date {
        let (months, days) = self.books;
        plus(self.period_start(day, months), months).saturating_add(days.days())
    }

    /// Whether enough was closed in the window that ends with the month of `last`: all of that month, or as far as it has come.
    fn is_enough(&self, deals: &[Date], last: Date, whole: bool) -> bool {
        let month = first_of(last);
        let first = match self.window {
            Window::Months(months) => plus(month, i32::from(whole) - months),
            Window::FiscalQuarter => self.period_start(month, 3),
            Window::FiscalYear => self.period_start(month, 12),
        };
        let end = plus(month, 1);
        deals.iter().filter(|day| **day >= first && **day < end).count() >= self.keep
    }

    /// Each review and each change of tier in their order, day after day on paper.
    fn on_paper(&self) -> Vec<String> {
        let mut told = vec![format!("{START} base")];
        let mut closed: Vec<Date> = Vec::new();
        // Since when it is gold, the review before, and whether it is warned until when.
        let mut gold: Option<(Date, Option<Date>, Option<Date>)> = None;
        let mut day = START;
        while day <= END {
            while let Some((since, reviewed, warned)) = gold {
                let as_of = match reviewed {
                    None => self.boundary_from(plus(since, self.first_review)),
                    Some(before) => plus(before, self.review),
                };
                if self.closes(as_of.saturating_sub(1.days())) > day {
                    break;
                }
                let kept = self.is_enough(&closed, as_of.saturating_sub(1.days()), true)
                    || self.is_enough(&closed, day, false);
                let warned = match (kept, warned, self.grace) {
                    (true, ..) => None,
                    (false, None, Some(grace)) => Some(plus(as_of, grace)),
                    (false, Some(until), _) if as_of < until => Some(until),
                    (false, ..) => {
                        told.push(format!("{day} base"));
                        gold = None;
                        break;
                    }
                };
                let word = warned.map_or("kept".to_owned(), |until| format!("warned until {until}"));
                told.push(format!("{as_of} {word}"));
                gold = Some((since, Some(as_of), warned));
            }
            for (offset, _) in self.deals.iter().filter(|(offset, _)| START.saturating_add(offset.days()) == day) {
                let _ = offset;
                closed.push(day);
                if gold.is_none() {
                    gold = Some((day, None, None));
                    told.push(format!("{day} gold"));
                }
            }
            day = day.saturating_add(1.days());
        }
        told
    }

    /// The same, of what Laurel recorded.
    fn recorded(&self) -> Vec<String> {
        let zone = TimeZone::get(self.zone).expect("a time zone");
        let instant = |day: Date, late: bool| {
            let start = |day: Date| day.to_zoned(zone.clone()).expect("a day").timestamp();
            if late { start(day.saturating_add(1.days())) - Span::new().seconds(1) } else { start(day) }
        };
        let mut world = World::new(&self.program(), &instant(START, false).to_string());
        world.enrol("p");
        for (n, (offset, late)) in self.deals.iter().enumerate() {
            let now = instant(START.saturating_add(offset.days()), *late).to_string();
            world.at(&now).close("p", &format!("d{n}"), &now, "100");
        }
        world.at(&instant(END, true).to_string()).catch_up();
        let effects = world.records.iter().flat_map(|record| &record.effects);
        let tell = |effect: &Effect| match effect {
            Effect::Tier { to, on, .. } => Some(format!("{on} {to}")),
            Effect::Reviewed { as_of, demotes_on: None, .. } => Some(format!("{as_of} kept")),
            Effect::Reviewed { as_of, demotes_on: Some(day), .. } => Some(format!("{as_of} warned until {day}")),
            _ => None,
        };
        effects.filter_map(tell).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn reviews_are_held_as_a_calendar_on_paper_says(case in cases()) {
        prop_assert_eq!(case.recorded(), case.on_paper(), "{:?}", case);
    }
}

/// A ladder that asks for more reaches everybody who holds a tier, also who sends nothing any more, with the first review whose books
/// close under the version that says so.
#[test]
fn a_changed_ladder_reaches_every_holder() {
    const HOLDERS: usize = 10_000;
    let case = Case {
        zone: "UTC",
        fiscal: 1,
        review: 3,
        window: Window::Months(12),
        keep: 1,
        first_review: 12,
        grace: None,
        books: (3, 10),
        deals: Vec::new(),
    };
    let mut world = World::new(&case.program(), "2027-01-01T00:00:00Z");
    for n in 0..HOLDERS {
        let partner = format!("p{n}");
        world.enrol(&partner);
        world.close(&partner, &format!("d{n}"), "2027-01-01T00:00:00Z", "100");
    }
    let on = |world: &World, tier: &str| {
        let standings = world.accounts.values().filter_map(|account| account.head.tiers.get("sell"));
        standings.filter(|standing| standing.tier.as_str() == tier).count()
    };
    assert_eq!(on(&world, "gold"), HOLDERS);
    let stricter = Case { keep: 2, review: 1, first_review: 1, ..case };
    world.publish(&stricter.program(), "2027-05-02T00:00:00Z");
    world.at("2027-07-10T12:00:00Z").catch_up();
    assert_eq!(on(&world, "gold"), HOLDERS, "no books have closed under it");
    let before = world.records.len();
    world.at("2027-07-11T12:00:00Z").catch_up();
    assert_eq!((on(&world, "gold"), on(&world, "base")), (0, HOLDERS));
    assert_eq!(world.records.len() - before, HOLDERS, "one review of each");
}
