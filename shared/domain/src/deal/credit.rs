//! What one rule credited to a deal.

use event::Gather;
use event::catalogue::TOTAL_VALUE;
use event::ids::RuleId;
use event::time::Month;
use jiff::civil::Date;
use litemap::LiteMap;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::ledger::{
    Asset, Bucket, Effect, Errand, PoolPart, Posting, PostingKind, Record, Release, Trial, Verdict, factor, is_zero,
};

/// What one rule credited to a deal, in its asset's smallest unit. What it was worth and did not give was forgone to a cap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    /// What it credits.
    #[serde(default, skip_serializing_if = "Asset::is_points")]
    pub asset: Asset,
    /// What the rule is worth at the deal's value now, before caps.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub worth: i64,
    /// What it gave, all in all.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub given: i64,
    /// The most that it was worth so far: what was withheld at a worth stays so when that comes again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub peak: i64,
    /// What is taken back of that and has not come back since, and where it was: what was taken last comes back first, to where it
    /// was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken: Vec<Taken>,
    /// What was to be taken back and was not there, and is not owed either, as the clawback policy says.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub forgiven: i64,
    /// What is drawn of it on a budget, by sub-balance (N10).
    #[serde(default, skip_serializing_if = "LiteMap::is_empty")]
    pub drawn: LiteMap<PoolPart, i64>,
    /// What of it was given back to a budget and was not drawn again since, by where it was put: given again, it comes from there.
    #[serde(default, skip_serializing_if = "LiteMap::is_empty")]
    pub returned: LiteMap<PoolPart, i64>,
    /// The record that gave first.
    pub position: u64,
    /// The multipliers that applied at the award, multiplied.
    pub factor: Decimal,
    /// When its multipliers are brought to what targets are attained by, where that is still to come (M09).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub true_up: Option<TrueUp>,
    /// When it is released; none if it was available at once, and of money: its rule says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Date>,
    /// Its lot; none as long as it gave nothing, and of money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<Month>,
    /// What it put into each lot and was not taken out again, spent or expired as it may be. Of money nothing: it has one lot.
    #[serde(default, skip_serializing_if = "LiteMap::is_empty")]
    pub placed: LiteMap<Month, i64>,
    /// What of that was held, and until when, as far as that was still to come when the deal was touched last.
    #[serde(default, skip_serializing_if = "LiteMap::is_empty")]
    pub held: LiteMap<Release, i64>,
}

/// When what a commission paid is brought to what its targets are attained by in the end (M09).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrueUp {
    /// The day on which the books of their periods have closed.
    #[serde(rename = "d")]
    pub on: Date,
    /// Its other multipliers, multiplied: they stay as they were when it was paid.
    #[serde(rename = "r")]
    pub rest: Decimal,
}

/// What was taken back of a credit at once, and out of which bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Where it was.
    #[serde(rename = "f")]
    pub from: Bucket,
    /// How much.
    #[serde(rename = "n")]
    pub amount: i64,
}

/// What of a deal an amendment changes.
pub(crate) const VALUES: [&str; 2] = ["acv", TOTAL_VALUE];

/// Whether a rule that was tried is credited: it is worth something, or pays commission on such a deal, which its value may come to
/// later. Whether it pays was decided when the deal closed.
pub(crate) fn is_credited(trial: &Trial) -> bool {
    match &trial.verdict {
        Verdict::Unmatched { field, .. } => !trial.asset.is_points() && VALUES.contains(&field.as_str()),
        Verdict::Nothing { .. } => !trial.asset.is_points(),
        // What a pause withheld stays so.
        Verdict::Paused { .. } => false,
        Verdict::Gave { .. }
        | Verdict::Capped { .. }
        | Verdict::Spent { .. }
        | Verdict::RatedAgain { .. }
        | Verdict::TruedUp { .. } => trial.worth != 0,
    }
}

impl Credit {
    /// Of a rule that has given nothing yet.
    pub(crate) fn none(asset: Asset, position: u64) -> Self {
        Self {
            asset,
            worth: 0,
            given: 0,
            peak: 0,
            taken: Vec::new(),
            forgiven: 0,
            drawn: LiteMap::new(),
            returned: LiteMap::new(),
            position,
            factor: Decimal::ONE,
            true_up: None,
            release: None,
            lot: None,
            placed: LiteMap::new(),
            held: LiteMap::new(),
        }
    }

    /// Notes that so much was put into a lot, or taken out of it. What is taken of another award's lot is not its own.
    fn place(&mut self, lot: Month, amount: i64) {
        if !self.asset.is_points() {
            return;
        }
        let placed = self.placed.entry(lot).or_default();
        *placed = (*placed + amount).max(0);
        self.placed.retain(|_, placed| *placed > 0);
    }

    /// Notes that so much of it is held in a bucket from now on, or no longer.
    fn hold(&mut self, bucket: Bucket, amount: i64) {
        if let Bucket::Pending { release: day, lot } = bucket {
            let held = self.held.entry(Release { day, lot }).or_default();
            *held = (*held + amount).max(0);
        }
    }

    /// Notes what a record drew on budgets, or gave back to them, and where that lies now. `before`: what was taken back of credits before.
    fn draw(credits: &mut LiteMap<RuleId, Self>, record: &Record, before: &LiteMap<RuleId, i64>) {
        let mut drawn_again: LiteMap<RuleId, LiteMap<PoolPart, i64>> = LiteMap::new();
        for effect in &record.effects {
            let Effect::Pool { part, funded, drawn, rule: Some(rule) } = effect else { continue };
            let Some(credit) = credits.get_mut(rule) else { continue };
            *credit.drawn.entry(part.clone()).or_default() += drawn;
            credit.drawn.retain(|_, drawn| *drawn != 0);
            match (*drawn, *funded) {
                // What goes back to another period is taken out of its own, and put in there.
                (0, amount) => *credit.returned.entry(part.clone()).or_default() += amount,
                (..0, 0) => *credit.returned.entry(part.clone()).or_default() -= drawn,
                (..0, _) => {}
                (1.., _) => *drawn_again.entry(rule.clone()).or_default().entry(part.clone()).or_default() += drawn,
            }
        }
        for (rule, drawn) in drawn_again {
            let Some(credit) = credits.get_mut(&rule) else { continue };
            let taken = before.get(&rule).copied().unwrap_or(0);
            let returned: i64 = credit.returned.values().sum();
            // What no budget gave is given again first.
            let of_none = (taken - returned).max(0);
            let mut again = (taken - credit.taken() - of_none).max(0);
            for (part, returned) in credit.returned.iter_mut().rev() {
                let in_pool = drawn.keys().any(|other| other.pool == part.pool);
                let some = if in_pool { again.min(*returned) } else { 0 };
                (*returned, again) = (*returned - some, again - some);
            }
            credit.returned.retain(|_, returned| *returned > 0);
        }
    }

    /// What stands to its credit now.
    pub fn net(&self) -> i64 {
        self.given - self.taken() - self.forgiven
    }

    /// What is taken back and has not come back.
    pub fn taken(&self) -> i64 {
        self.taken.iter().map(|taken| taken.amount).sum()
    }

    fn take(&mut self, from: Bucket, amount: i64) {
        match self.taken.last_mut().filter(|last| last.from == from) {
            Some(last) => last.amount += amount,
            None => self.taken.push(Taken { from, amount }),
        }
    }

    /// Takes up again what was taken last, at most `amount`; how much that is.
    fn restore(&mut self, amount: i64) -> i64 {
        let mut left = amount;
        while let Some(last) = self.taken.last_mut().filter(|_| left > 0) {
            let back = left.min(last.amount);
            (last.amount, left) = (last.amount - back, left - back);
            if last.amount == 0 {
                self.taken.pop();
            }
        }
        amount - left
    }

    /// What a fall to `worth` forgives: what was due and is not among what `record` took back. A rise takes it up again, since
    /// those points never left.
    fn forgive(&mut self, worth: i64, record: &Record, rule: &RuleId) {
        let net = self.net();
        if worth >= net {
            self.forgiven -= self.forgiven.min(worth - net);
            return;
        }
        let of_rule = |p: &&Posting| p.kind == PostingKind::Reversal && p.rule.as_ref() == Some(rule);
        let taken: i64 = record.postings.iter().filter(of_rule).map(|p| p.amount).sum();
        self.forgiven += (net - worth - taken).max(0);
    }

    /// Credits after a record that released what of them was held until the customer paid.
    pub(super) fn release(credits: &mut LiteMap<RuleId, Self>, record: &Record) {
        for posting in record.postings.iter().filter(|posting| posting.kind == PostingKind::Release) {
            let Some(credit) = posting.rule.as_ref().and_then(|rule| credits.get_mut(rule)) else { continue };
            credit.hold(posting.from, -posting.amount);
            credit.hold(posting.to, posting.amount);
            credit.held.retain(|release, held| release.day > record.on && *held > 0);
        }
    }

    /// Credits after a record of an invoice, in which rules have a share (M10): each adds to what they were worth and gave. What a cap
    /// withheld of it stays so.
    pub(super) fn share(credits: &mut LiteMap<RuleId, Self>, record: &Record) {
        let has_a_share = |trial: &&Trial| !trial.asset.is_points() && matches!(trial.verdict, Verdict::Gave { .. });
        for trial in record.trials.iter().filter(has_a_share) {
            let new = || Self::none(trial.asset, record.position);
            let credit = credits.entry(trial.rule.clone()).or_insert_with(new);
            let postings = record.postings.iter().filter(|posting| posting.rule.as_ref() == Some(&trial.rule));
            for posting in postings.filter(|posting| posting.is_award()) {
                credit.given += posting.amount;
                credit.worth += posting.amount;
                credit.hold(posting.to, posting.amount);
            }
            credit.peak = credit.peak.max(credit.worth);
            credit.held.retain(|release, held| release.day > record.on && *held > 0);
        }
        Self::draw(credits, record, &LiteMap::new());
    }

    /// Notes which are trued up later, and the multipliers of those that `record` trues up.
    fn true_up(credits: &mut LiteMap<RuleId, Self>, record: &Record) {
        for trial in &record.trials {
            let Some(credit) = credits.get_mut(&trial.rule) else { continue };
            if let Verdict::TruedUp { times, .. } = &trial.verdict {
                (credit.factor, credit.true_up) = (factor(times), None);
            }
        }
        for effect in &record.effects {
            let Effect::Sends(Errand::TrueUp { day, rest, .. }) = effect else { continue };
            for (rule, rest) in rest {
                if let Some(credit) = credits.get_mut(rule) {
                    credit.true_up = Some(TrueUp { on: *day, rest: *rest });
                }
            }
        }
    }

    /// Credits after one more record of their deal; `closes`: after the first, which decided what pays at all.
    pub(super) fn fold(credits: &mut LiteMap<RuleId, Self>, record: &Record, closes: bool) {
        // A rule that looks at corrections themselves may bear the name of one that looked at closings: it is none of these.
        let rated =
            |trial: &&Trial| closes || matches!(trial.verdict, Verdict::RatedAgain { .. } | Verdict::TruedUp { .. });
        if closes {
            // It is credited here for the first time, and by most rules never again: no more room than that.
            let earned = record.trials.iter().filter(|trial| is_credited(trial)).count();
            *credits = LiteMap::with_capacity(earned);
        }
        for trial in record.trials.iter().filter(rated) {
            // What a rule would have given is none of its credit.
            let worth = if let Verdict::Unmatched { .. } = trial.verdict { 0 } else { trial.worth };
            if !is_credited(trial) && !credits.contains_key(&trial.rule) {
                continue;
            }
            let new = || Self { factor: trial.verdict.factor(), ..Self::none(trial.asset, record.position) };
            let credit = credits.entry(trial.rule.clone()).or_insert_with(new);
            if !closes {
                credit.forgive(worth, record, &trial.rule);
            }
            (credit.worth, credit.peak) = (worth, credit.peak.max(worth));
        }
        let returned = credits.iter().filter(|(_, credit)| !credit.returned.is_empty());
        let before: LiteMap<RuleId, i64> = returned.map(|(rule, credit)| (rule.clone(), credit.taken())).gather();
        for posting in record.postings.iter().filter(|posting| closes || posting.corrects.is_some()) {
            let Some(rule) = &posting.rule else { continue };
            let Some(credit) = credits.get_mut(rule) else { continue };
            if posting.kind == PostingKind::Reversal {
                credit.take(posting.from, posting.amount);
                credit.hold(posting.from, -posting.amount);
                if let Some(lot) = posting.from.award_lot() {
                    credit.place(lot, -posting.amount);
                }
                continue;
            }
            if credit.given == 0 {
                credit.position = record.position;
            }
            let new = posting.amount - credit.restore(posting.amount);
            credit.given += new;
            let Some(lot) = posting.to.award_lot() else { continue };
            credit.place(lot, posting.amount);
            credit.hold(posting.to, posting.amount);
            // What comes back goes where it was; only what is new says where the award is.
            if new > 0 && credit.asset.is_points() {
                credit.lot = Some(lot);
                credit.release = match posting.to {
                    Bucket::Pending { release, .. } => Some(release),
                    Bucket::Available(_)
                    | Bucket::Program
                    | Bucket::Reserved(_)
                    | Bucket::Owed
                    | Bucket::InPayout(_)
                    | Bucket::Paid(_)
                    | Bucket::Expired(_) => None,
                };
            }
        }
        Self::draw(credits, record, &before);
        Self::true_up(credits, record);
        for (_, credit) in credits.iter_mut() {
            credit.held.retain(|release, held| release.day > record.on && *held > 0);
        }
    }
}
