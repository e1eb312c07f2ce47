//! An account as it is stored. The head holds all parts while they fit; in a fixed order they leave it for items of their own,
//! for good. Where a part stands is a fold of the records like everything else, so a rebuild gives the same bytes.

use std::collections::{BTreeMap, BTreeSet};

use event::Gather;
use event::ids::{CertificationId, CourseId, Motion, PSEUDONYM, PersonId};
use event::payout::PayoutRun;
use event::period::Period;
use event::time::Month;
use jiff::Timestamp;
use jiff::civil::Date;
use litemap::LiteMap;
use program::{Measure, OwnMeasure};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::account::{Account, Head, Reviewed, Standing};
use super::asset::Asset;
use super::balance::{Expired, Funds, Pending};
use super::cap::{CapKey, FrequencyKey};
use super::certificate::{Certificates, Days};
use super::fact::{Fact, Stamp};
use super::part::{Part, Section};
use super::profile::Profile;

/// Most bytes of what a head holds: with keys, version and due day it stays within 1 KB, which is one unit to write.
pub const HEAD_BYTES_MAX: usize = 840;

/// Used caps by rule or reward, cap, period, person and value.
type Counts = BTreeMap<String, BTreeMap<String, BTreeMap<Period, BTreeMap<String, BTreeMap<String, i64>>>>>;

/// Used caps by rule or reward, cap and period.
type OwnCounts = BTreeMap<String, BTreeMap<String, BTreeMap<Period, i64>>>;

/// What one or more parts hold, as it is stored: as JSON, in the head or in an item.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    #[serde(rename = "l", default, skip_serializing_if = "BTreeMap::is_empty")]
    lots: BTreeMap<Asset, StoredFunds>,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    profile: Option<Profile>,
    #[serde(rename = "k", default, skip_serializing_if = "BTreeMap::is_empty")]
    courses: BTreeMap<CourseId, Date>,
    #[serde(rename = "h", default, skip_serializing_if = "BTreeMap::is_empty")]
    holders: BTreeMap<PersonId, BTreeMap<CertificationId, Certificates>>,
    /// By certification; all of them under an empty name.
    #[serde(rename = "y", default, skip_serializing_if = "BTreeMap::is_empty")]
    certified: BTreeMap<String, Days>,
    /// By quarter and motion, each month as `3 d1 a48000`.
    #[serde(rename = "m", default, skip_serializing_if = "BTreeMap::is_empty")]
    measures: BTreeMap<Month, BTreeMap<Motion, String>>,
    #[serde(rename = "c", default, skip_serializing_if = "BTreeMap::is_empty")]
    counts: Counts,
    /// Used caps of minutes and hours, by their day, and each value behind its time of day: `0930 c1`.
    #[serde(rename = "t", default, skip_serializing_if = "BTreeMap::is_empty")]
    timed: Counts,
    /// What ran out unspent, by asset and lot.
    #[serde(rename = "x", default, skip_serializing_if = "BTreeMap::is_empty")]
    expired: BTreeMap<Asset, Expired>,
    /// Used caps of the partner's own, split by nothing.
    #[serde(rename = "o", default, skip_serializing_if = "BTreeMap::is_empty")]
    own: OwnCounts,
}

/// What there is of one asset: lots by month of expiry as runs, what is held by day and lot.
#[derive(Debug, Default, Serialize, Deserialize)]
struct StoredFunds {
    #[serde(rename = "l", default, skip_serializing_if = "String::is_empty")]
    lots: String,
    #[serde(rename = "r", default, skip_serializing_if = "String::is_empty")]
    reserved: String,
    #[serde(rename = "p", default, skip_serializing_if = "LiteMap::is_empty")]
    pending: Pending,
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    owed: Option<i64>,
    #[serde(rename = "i", default, skip_serializing_if = "LiteMap::is_empty")]
    payouts: LiteMap<PayoutRun, i64>,
    #[serde(rename = "s", default, skip_serializing_if = "LiteMap::is_empty")]
    settled: LiteMap<PayoutRun, i64>,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    paid: Option<i64>,
}

/// The head as it is stored: the version, how many sections have left, and the rest as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredHead {
    /// The last record's position.
    pub position: u64,
    #[serde(rename = "s", default, skip_serializing_if = "is_none")]
    spilled: u8,
    #[serde(rename = "h")]
    own: String,
    #[serde(rename = "b")]
    content: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_none(spilled: &u8) -> bool {
    *spilled == 0
}

/// What is the head's own, and never leaves it.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Own {
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    as_of: Option<Timestamp>,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    day: Option<Date>,
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    open_from: Option<Date>,
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    days_left: Option<Date>,
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    enrolled: Option<Stamp>,
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    suspended: Option<Fact<bool>>,
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    left: Option<Stamp>,
    /// By motion, as `gold 2026-03-14 2027-04-01 -`.
    #[serde(rename = "t", default, skip_serializing_if = "BTreeMap::is_empty")]
    tiers: BTreeMap<Motion, String>,
}

/// So many items at most are counted by days in a head: they leave it together, in one transaction.
const DAYS_MAX: usize = 12;

/// Lets what is counted by days go until the head fits, then sections.
pub(super) fn spill(account: &mut Account) {
    if account.known.is_in_memory() {
        return;
    }
    let fits = |account: &Account| {
        let head = head(account);
        head.own.len() + head.content.len() <= HEAD_BYTES_MAX
    };
    let days: Vec<Date> = account.frequency.days_after(account.head.days_left).filter_map(FrequencyKey::day).collect();
    let is_full = days.len() > DAYS_MAX;
    if !is_full && fits(account) {
        return;
    }
    account.head.days_left = days.into_iter().max().or(account.head.days_left);
    for section in Section::LEAVING {
        if section.left(account.head.spilled) {
            continue;
        }
        if fits(account) {
            break;
        }
        account.head.spilled = section as u8;
        account.known.add_section(section);
    }
}

/// The head as it is stored, with every part that stands in it.
pub fn head(account: &Account) -> StoredHead {
    let head = &account.head;
    let own = Own {
        as_of: head.as_of,
        day: head.day,
        open_from: head.open_from,
        days_left: head.days_left,
        enrolled: head.enrolled,
        suspended: head.suspended.clone(),
        left: head.left,
        tiers: head.tiers.iter().map(|(motion, standing)| (motion.clone(), standing_text(standing))).gather(),
    };
    let mut content = Content::default();
    for day in account.frequency.days_after(head.days_left) {
        content.put(account, &Part::Count(day.clone()));
    }
    for section in Section::LEAVING.into_iter().filter(|section| !section.left(head.spilled)) {
        for part in of(account, section).filter(|part| account.inside(part)) {
            // Counted from the certificates, as long as these are all there.
            if !matches!(part, Part::Certified(_)) {
                content.put(account, &part);
            }
        }
    }
    StoredHead { position: head.position, spilled: head.spilled, own: json(&own), content: json(&content) }
}

/// Every part that does not stand in the head and holds something, as it is stored.
pub fn parts(account: &Account) -> BTreeMap<Part, String> {
    let text = |part: Part| {
        let mut content = Content::default();
        content.put(account, &part);
        let text = json(&content);
        (part, text)
    };
    let all = Section::ALL.into_iter().flat_map(|section| of(account, section));
    all.filter(|part| !account.inside(part)).map(text).gather()
}

/// The parts of a section that hold something, or held something once: what is empty again is written so.
fn of(account: &Account, section: Section) -> Box<dyn Iterator<Item = Part> + '_> {
    match section {
        Section::Persons => {
            let certificates = |(who, held): (&PersonId, &BTreeMap<CertificationId, Certificates>)| {
                let who = who.clone();
                held.keys().map(move |id| Part::Holder(who.clone(), id.clone())).collect::<Vec<_>>()
            };
            let counts = account.frequency.longer(false).cloned().map(Part::Count);
            let holders = account.holders.iter().flat_map(certificates);
            let certified = account.certified.keys().cloned().map(Part::Certified);
            Box::new(holders.chain(certified).chain(counts))
        }
        Section::Profile => {
            let profile = (account.profile != Profile::default()).then_some(Part::Profile);
            Box::new(profile.into_iter().chain(account.courses.keys().cloned().map(Part::Course)))
        }
        Section::Measures => {
            let measures = account.measures.iter().filter(|(_, all)| !all.is_empty());
            Box::new(measures.map(|(quarter, _)| Part::Measures(*quarter)))
        }
        Section::Lots => {
            let any = !account.head.funds.is_empty() || !account.inside(&Part::Lots);
            let lots = account.expired.values().flat_map(BTreeMap::keys);
            let expired: BTreeSet<Month> = lots.map(|lot| lot.quarter()).gather();
            Box::new(any.then_some(Part::Lots).into_iter().chain(expired.into_iter().map(Part::Expired)))
        }
        Section::Caps => Box::new(account.frequency.longer(true).cloned().map(Part::Count)),
        Section::Days => Box::new(account.frequency.days_after(None).cloned().map(Part::Count)),
    }
}

impl Content {
    fn put(&mut self, account: &Account, part: &Part) {
        match part {
            Part::Lots => {
                let none = Pending::new();
                let stored = |(asset, funds): (&Asset, &Funds)| {
                    (*asset, StoredFunds::of(funds, account.pending.get(asset).unwrap_or(&none)))
                };
                self.lots = account.head.funds.iter().map(stored).gather();
            }
            Part::Expired(quarter) => {
                for (asset, lots) in &account.expired {
                    let there: Expired =
                        lots.range(*quarter..quarter.plus(3)).map(|(lot, held)| (*lot, *held)).gather();
                    self.expired.extend(Some((*asset, there)).filter(|(_, there)| !there.is_empty()));
                }
            }
            Part::Profile => self.profile = Some(account.profile.clone()),
            Part::Course(id) => self.courses.extend(account.courses.get(id).map(|day| (id.clone(), *day))),
            Part::Holder(who, id) => {
                let certificate = account.holders.get(who).and_then(|held| held.get(id));
                let held = self.holders.entry(who.clone()).or_default();
                held.extend(certificate.map(|certificate| (id.clone(), certificate.clone())));
            }
            Part::Certified(of) => {
                let name = of.as_ref().map(ToString::to_string).unwrap_or_default();
                self.certified.extend(account.certified.get(of).map(|days| (name, days.clone())));
            }
            Part::Measures(quarter) => {
                let motions = account.measures.get(quarter).into_iter().flatten();
                let stored = motions.map(|(motion, cells)| (motion.clone(), cells_text(cells))).gather();
                self.measures.insert(*quarter, stored);
            }
            Part::Count(key) => {
                for (CapKey { of, says, period, who, value }, used) in account.frequency.counts(key) {
                    let (of, says) = (of.to_string(), short(says));
                    let time = period.time_of_day();
                    if key.is_own() && time.is_none() {
                        self.own.entry(of).or_default().entry(says).or_default().insert(*period, *used);
                        continue;
                    }
                    let (counts, value) = match time {
                        Some(time) if value.is_empty() => (&mut self.timed, time),
                        Some(time) => (&mut self.timed, format!("{time} {value}")),
                        None => (&mut self.counts, value.to_string()),
                    };
                    let by_who = counts.entry(of).or_default().entry(says).or_default();
                    let by_who = by_who.entry(period.whole_day()).or_default();
                    by_who.entry(short_who(who)).or_default().insert(value, *used);
                }
            }
        }
    }
}

/// The account that a stored head begins: what stands in items is read beside.
///
/// # Errors
/// A sentence that says what does not read.
pub fn open(stored: &StoredHead) -> Result<Account, String> {
    let own: Own = serde_json::from_str(&stored.own).map_err(|error| error.to_string())?;
    let head = Head {
        position: stored.position,
        spilled: stored.spilled,
        as_of: own.as_of,
        day: own.day,
        open_from: own.open_from,
        days_left: own.days_left,
        enrolled: own.enrolled,
        suspended: own.suspended,
        left: own.left,
        funds: LiteMap::new(),
        tiers: LiteMap::new(),
    };
    let mut account = Account { head, ..Account::default() };
    account.known.begin_days(account.head.days_left);
    for (motion, text) in own.tiers {
        account.head.tiers.insert(motion, standing(&text).ok_or("a standing does not read")?);
    }
    take(&mut account, &stored.content)?;
    if !Section::Persons.left(stored.spilled) {
        count_certificates(&mut account);
    }
    Ok(account)
}

/// Takes a part that was read; `text` is what is stored of it, if anything is.
///
/// # Errors
/// As [`open`].
pub fn read(account: &mut Account, part: Part, text: Option<&str>) -> Result<(), String> {
    if let Some(text) = text {
        take(account, text)?;
    }
    account.known.add(part);
    Ok(())
}

/// Notes that every part there is was read: what no item holds is nothing.
pub fn read_all(account: &mut Account) {
    account.known.add_all();
}

/// Takes over what a head or an item holds.
///
/// # Errors
/// As [`open`].
pub fn take(account: &mut Account, text: &str) -> Result<(), String> {
    let content: Content = serde_json::from_str(text).map_err(|error| error.to_string())?;
    for (asset, stored) in content.lots {
        let (funds, pending) = stored.read()?;
        account.head.funds.insert(asset, funds);
        if !pending.is_empty() {
            account.pending.insert(asset, pending);
        }
    }
    for (asset, lots) in content.expired {
        account.expired.entry(asset).or_default().extend(lots);
    }
    if let Some(profile) = content.profile {
        account.profile = profile;
    }
    account.courses.extend(content.courses);
    for (who, held) in content.holders {
        account.holders.entry(who).or_default().extend(held);
    }
    for (name, days) in content.certified {
        let of = if name.is_empty() { None } else { Some(CertificationId::try_from(name).map_err(|e| e.to_string())?) };
        account.certified.insert(of, days);
    }
    for (quarter, motions) in content.measures {
        let of_quarter = account.measures.entry(quarter).or_default();
        for (motion, text) in motions {
            of_quarter.insert(motion, cells(&text)?);
        }
    }
    let mut count = |of: &str, says: &str, period, who: &str, value: &str, used| {
        let says = long(says).into();
        let key = CapKey { of: of.parse()?, says, period, who: long_who(who).into(), value: value.into() };
        account.frequency.set(key, used);
        Ok::<_, String>(())
    };
    for (of, caps) in &content.own {
        for (says, periods) in caps {
            for (period, used) in periods {
                count(of, says, *period, "", "", *used)?;
            }
        }
    }
    for (counts, are_timed) in [(&content.counts, false), (&content.timed, true)] {
        for (of, caps) in counts {
            for (says, periods) in caps {
                for (period, persons) in periods {
                    for (who, values) in persons {
                        for (value, used) in values {
                            let (period, value) = if are_timed { timed(*period, value)? } else { (*period, &**value) };
                            count(of, says, period, who, value, *used)?;
                        }
                    }
                }
            }
        }
    }
    Ok(())
}

/// The minute or the hour of a day, and the value behind it.
fn timed(day: Period, text: &str) -> Result<(Period, &str), String> {
    let (time, value) = text.split_once(' ').unwrap_or((text, ""));
    let Period::Day(day) = day else { return Err(format!("`{day}` is no day")) };
    let period = Period::on_day(day, time).ok_or_else(|| format!("`{time}` is no time of day"))?;
    Ok((period, value))
}

/// Counts the certificates of all holders.
fn count_certificates(account: &mut Account) {
    for (id, held) in account.holders.values().flatten() {
        for of in [None, Some(id.clone())] {
            let levelled = of.is_some();
            account.certified.entry(of).or_default().count(held, 1, levelled);
        }
    }
}

fn json<T: Serialize>(value: &T) -> String {
    // Maps with text keys and texts: there is always a JSON for it.
    serde_json::to_string(value).unwrap_or_default()
}

/// Before the day of a review that brought a partner down.
const DOWN: char = 'v';
/// Before the number of reviews in a row that a partner on the lowest tier has failed.
const BELOW: char = 'x';

fn standing_text(standing: &Standing) -> String {
    let day = |day: Option<Date>| day.map_or("-".to_owned(), |day| day.to_string());
    // The tier is last: it may have blanks.
    let reviewed = match standing.reviewed {
        Reviewed::Never => day(None),
        Reviewed::Kept(as_of) => day(Some(as_of)),
        Reviewed::Down(as_of) => format!("{DOWN}{as_of}"),
    };
    // On the lowest tier reviews are counted; on others a day is named: never both.
    let risk = match standing.below {
        0 => day(standing.demotes_on),
        below => format!("{BELOW}{below}"),
    };
    format!("{} {reviewed} {risk} {}", standing.since, standing.tier)
}

fn standing(text: &str) -> Option<Standing> {
    let mut words = text.splitn(4, ' ');
    let day = |word: &str| if word == "-" { Some(None) } else { word.parse().ok().map(Some) };
    let since = day(words.next()?)??;
    let word = words.next()?;
    let reviewed = match word.strip_prefix(DOWN) {
        Some(as_of) => Reviewed::Down(day(as_of)??),
        None => day(word)?.map_or(Reviewed::Never, Reviewed::Kept),
    };
    let risk = words.next()?;
    let (demotes_on, below) = match risk.strip_prefix(BELOW) {
        Some(below) => (None, below.parse().ok()?),
        None => (day(risk)?, 0),
    };
    Some(Standing { tier: words.next()?.to_owned().try_into().ok()?, since, reviewed, demotes_on, below })
}

/// What caps say, in the head's own words: nearly all begin so.
const SAYS: [(&str, &str); 2] = [("times per ", "t "), ("points per ", "p ")];

fn short(says: &str) -> String {
    let found = SAYS.iter().find_map(|(long, short)| Some(format!("{short}{}", says.strip_prefix(long)?)));
    found.unwrap_or_else(|| says.to_owned())
}

fn long(says: &str) -> String {
    let found = SAYS.iter().find_map(|(long, short)| Some(format!("{long}{}", says.strip_prefix(short)?)));
    found.unwrap_or_else(|| says.to_owned())
}

/// Who counts are of: a pseudonym by what is its own, behind this.
const PERSON: &str = "-";

fn short_who(who: &str) -> String {
    match who.strip_prefix(PSEUDONYM) {
        Some(own) if !own.starts_with(PERSON) => format!("{PERSON}{own}"),
        _ if who.starts_with(PERSON) => format!("{PERSON}{who}"),
        _ => who.to_owned(),
    }
}

fn long_who(who: &str) -> String {
    match who.strip_prefix(PERSON) {
        Some(own) if !own.starts_with(PERSON) => format!("{PSEUDONYM}{own}"),
        Some(whole) => whole.to_owned(),
        None => who.to_owned(),
    }
}

/// Cells of a quarter by month, each measure by its letter: `3 d1 a48000;4 p5`.
fn cells_text(cells: &LiteMap<(i8, Measure), Decimal>) -> String {
    let mut text = String::new();
    let mut last = None;
    for ((month, measure), value) in cells {
        if last != Some(month) {
            text.push_str(if last.is_some() { ";" } else { "" });
            text.push_str(&month.to_string());
            last = Some(month);
        }
        text.push(' ');
        text.push(measure.letter());
        if let Measure::Own(own) = measure {
            text.extend([own.as_str(), "="]);
        }
        text.push_str(&value.to_string());
    }
    text
}

fn cells(text: &str) -> Result<LiteMap<(i8, Measure), Decimal>, String> {
    let bad = || format!("`{text}` are no measures");
    let mut cells = LiteMap::new();
    for month in text.split(';').filter(|month| !month.is_empty()) {
        let mut words = month.split(' ');
        let number = words.next().and_then(|word| word.parse().ok()).ok_or_else(bad)?;
        for word in words {
            let (letter, value) = word.split_at_checked(1).ok_or_else(bad)?;
            let built_in = Measure::ALL.iter().find(|measure| letter.starts_with(measure.letter()));
            let (measure, value) = match built_in {
                Some(measure) => (*measure, value),
                None => {
                    let (name, value) = value.split_once('=').ok_or_else(bad)?;
                    (OwnMeasure::new(name).map(Measure::Own).ok_or_else(bad)?, value)
                }
            };
            cells.insert((number, measure), value.parse().map_err(|_| bad())?);
        }
    }
    Ok(cells)
}

/// Longest gap in a run of months.
const GAP_MAX: i32 = 4;

/// Amounts by month as runs: `2028-03:150,,20` is 150 of March and 20 of May; a new run starts after a long gap.
fn runs(amounts: &LiteMap<Month, i64>) -> String {
    let mut text = String::new();
    let mut last: Option<Month> = None;
    for (month, amount) in amounts {
        let gap = last.and_then(|last| (1..=GAP_MAX).find(|gap| last.plus(*gap) == *month));
        match gap {
            Some(gap) => (0..gap).for_each(|_| text.push(',')),
            None => {
                text.push_str(if last.is_some() { ";" } else { "" });
                text.extend([&*month.to_string(), ":"]);
            }
        }
        text.push_str(&amount.to_string());
        last = Some(*month);
    }
    text
}

fn amounts(text: &str) -> Result<LiteMap<Month, i64>, String> {
    let bad = || format!("`{text}` are no amounts by month");
    let mut all = LiteMap::new();
    for run in text.split(';').filter(|run| !run.is_empty()) {
        let (first, amounts) = run.split_once(':').ok_or_else(bad)?;
        let mut month = Month::try_from(first.to_owned())?;
        for amount in amounts.split(',') {
            if !amount.is_empty() {
                all.insert(month, amount.parse().map_err(|_| bad())?);
            }
            month = month.plus(1);
        }
    }
    Ok(all)
}

impl StoredFunds {
    fn of(funds: &Funds, pending: &Pending) -> Self {
        let owed = Some(funds.owed).filter(|owed| *owed != 0);
        let paid = Some(funds.paid).filter(|paid| *paid != 0);
        let (payouts, settled) = (funds.payouts.clone(), funds.settled.clone());
        Self {
            lots: runs(&funds.lots),
            reserved: runs(&funds.reserved),
            pending: pending.clone(),
            owed,
            payouts,
            settled,
            paid,
        }
    }

    fn read(self) -> Result<(Funds, Pending), String> {
        let sum = self.pending.values().try_fold(0_i64, |sum, held| sum.checked_add(*held));
        let funds = Funds {
            lots: amounts(&self.lots)?,
            pending: sum.ok_or("held points do not add up")?,
            reserved: amounts(&self.reserved)?,
            owed: self.owed.unwrap_or(0),
            payouts: self.payouts,
            settled: self.settled,
            paid: self.paid.unwrap_or(0),
        };
        Ok((funds, self.pending))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_months_read_as_they_were_written() {
        let month = |text: &str| Month::try_from(text.to_owned()).expect("a month");
        let all = [("2027-11", 5), ("2027-12", 7), ("2028-03", 150), ("2029-01", 1), ("9999-12", 3)];
        let all: LiteMap<Month, i64> = all.map(|(text, amount)| (month(text), amount)).into_iter().collect();
        assert_eq!(runs(&all), "2027-11:5,7,,,150;2029-01:1;9999-12:3");
        assert_eq!(amounts(&runs(&all)), Ok(all));
        assert_eq!(amounts(""), Ok(LiteMap::new()));
        assert!(amounts("2027-13:5").is_err() && amounts("2027-11:x").is_err());
    }

    #[test]
    fn who_counts_are_of_reads_as_it_was_written() {
        for who in
            ["person-006dc2ce0a63", "person-", "person--a", "person---a", "-", "-a", "--a", "team a", "nobody", ""]
        {
            assert_eq!(long_who(&short_who(who)), who);
        }
        assert_eq!(short_who("person-006dc2ce0a63"), "-006dc2ce0a63");
    }

    #[test]
    fn measures_read_as_they_were_written() {
        let all = [(1, Measure::Acv, "48000.5"), (1, Measure::Deals, "1"), (3, Measure::Points, "-7")];
        let all = all.map(|(month, measure, value)| ((month, measure), value.parse().expect("a number")));
        let all: LiteMap<_, _> = all.into_iter().collect();
        assert_eq!(cells_text(&all), "1 d1 a48000.5;3 p-7");
        assert_eq!(cells(&cells_text(&all)), Ok(all));
    }

    #[test]
    fn a_standing_reads_as_it_was_written() {
        let text = "2026-03-14 2027-04-01 - very gold";
        let read = standing(text).expect("a standing");
        assert_eq!((read.tier.as_str(), read.demotes_on), ("very gold", None));
        assert_eq!(standing_text(&read), text);
        let text = "2026-03-14 2027-04-01 x2 registered";
        let read = standing(text).expect("a standing");
        assert_eq!((read.tier.as_str(), read.demotes_on, read.below), ("registered", None, 2));
        assert_eq!(standing_text(&read), text);
    }
}
