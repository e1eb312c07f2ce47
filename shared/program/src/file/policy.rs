//! From the words of `[policy]` and `[registration]` to settings.

use event::time::Length;
use jiff::civil::date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::values::{length, parse_date, rate};
use super::{Head, InfluenceTable, PolicyTable, Quoted, RegistrationTable, commissions};
use crate::findings::{Code, Findings};
use crate::policy::{Expiry, Policy, REGISTRANTS_MAX, Registration};
use crate::sharing::{Sharing, WHOLE};

pub(crate) fn policy(head: &Head, table: &PolicyTable, f: &mut Findings<'_>) -> Option<Policy> {
    let expiry = match table.expiry.as_str() {
        "never" => Ok(None),
        words => Expiry::parse(words).map(Some),
    };
    let owe_the_rest =
        match table.clawback.as_str() {
            "within balance, rest netted from future points" => Ok(true),
            "within balance, rest forgiven" => Ok(false),
            _ => Err("write \"within balance, rest netted from future points\" or \"within balance, rest forgiven\""
                .to_owned()),
        };
    let reversal_frees_caps = match table.reversed_awards.as_str() {
        "stay counted" => Ok(false),
        "free their caps" => Ok(true),
        _ => Err("write \"stay counted\" or \"free their caps\"".to_owned()),
    };
    let suspended_earn = match table.suspended_partners.as_str() {
        "earn nothing" => Ok(false),
        "earn" => Ok(true),
        _ => Err("write \"earn nothing\" or \"earn\"".to_owned()),
    };
    let book_in_own_period = match head.late_events.as_deref() {
        Some("book in the period of the event while it is open, else in the current one") | None => Ok(true),
        Some("book in the current period") => Ok(false),
        Some(_) => Err("write \"book in the period of the event while it is open, else in the current one\" or \"book in the current period\"".to_owned()),
    };
    let close = head.periods_close.as_deref().unwrap_or("10 days after the quarter");
    let (length, quarter) = match close.split_once(" after the ") {
        Some((length, "quarter")) => (Length::parse(length), true),
        Some((length, "month")) => (Length::parse(length), false),
        _ => (None, true),
    };
    let closes = length.filter(|l| l.months == 0 && l.days <= 60).ok_or_else(|| {
        "write \"10 days after the quarter\" or \"5 days after the month\" (60 days at most)".to_owned()
    });
    Some(Policy {
        expiry: f.take(&["policy", "expiry"], expiry)?,
        owe_the_rest: f.take(&["policy", "clawback"], owe_the_rest)?,
        reversal_frees_caps: f.take(&["policy", "reversed_awards"], reversal_frees_caps)?,
        held_for: self::length(&["policy", "held_events"], &table.held_events.time, f)?,
        reassigned_within: self::length(&["policy", "reassigned_deals"], &table.reassigned_deals.time, f)?,
        returned_for: self::length(&["policy", "returned_points"], &table.returned_points.time, f)?,
        suspended_earn: f.take(&["policy", "suspended_partners"], suspended_earn)?,
        book_in_own_period: f.take(&["program", "late_events"], book_in_own_period)?,
        period_is_quarter: quarter,
        periods_close_after: f.take(&["program", "periods_close"], closes)?,
        locked_until: head.locked_until.as_ref().and_then(|day| f.take(&["program", "locked_until"], parse_date(day))),
        commissions: commissions::policy(&table.commissions, f)?,
    })
}

/// Most reminders before a lease ends.
const REMINDERS_MAX: usize = 3;

pub(crate) fn registration(table: &RegistrationTable, f: &mut Findings<'_>) -> Option<Registration> {
    let at = |key| ["registration", key];
    let exclusive_for = length(&at("exclusive_for"), &table.exclusive_for, f);
    // Who says nothing of a later one says it of the one before.
    let second = Some(table.second_registrant.as_str());
    let third = table.third_registrant.as_deref().or(second);
    let further = table.further_registrants.as_deref().or(third);
    let keys = ["second_registrant", "third_registrant", "further_registrants"];
    let mut accepts = [false; 3];
    for ((accepts, words), key) in accepts.iter_mut().zip([second, third, further]).zip(keys) {
        *accepts = match words {
            Some("accept and notify") => true,
            Some("reject") | None => false,
            Some(_) => f.take(&at(key), Err("write \"reject\" or \"accept and notify\"".to_owned()))?,
        };
    }
    let bidders = table.public_tender.as_ref().map(|tender| tender.bidders);
    let most = u32::try_from(REGISTRANTS_MAX).unwrap_or(u32::MAX);
    if bidders.is_some_and(|bidders| !(2..=most).contains(&bidders)) {
        let message = format!("a public tender asks for 2 to {most} bidders");
        f.error(Code::BadValue, &["registration", "public_tender", "bidders"], message, None);
    }
    let mut remind: Vec<Length> = table.remind.0.iter().filter_map(|words| length(&at("remind"), words, f)).collect();
    if remind.len() > REMINDERS_MAX {
        f.error(Code::BadValue, &at("remind"), format!("at most {REMINDERS_MAX} reminders are sent"), None);
    }
    // Of a lease that begins on any day: a reminder comes after its beginning.
    let some_day = date(2001, 1, 1);
    let whole = exclusive_for.map(|length| length.after(some_day));
    remind.sort_by_key(|before| std::cmp::Reverse(before.after(some_day)));
    if let Some(first) = remind.first().filter(|first| whole.is_some_and(|whole| first.after(some_day) >= whole)) {
        let message = format!("{first} before its end a lease of \"{}\" has not begun", table.exclusive_for);
        f.error(Code::BadValue, &at("remind"), message, Some("write a shorter time".to_owned()));
    }
    Some(Registration { required: table.required, exclusive_for: exclusive_for?, remind, accepts, bidders })
}

pub(crate) fn sharing(table: &InfluenceTable, f: &mut Findings<'_>) -> Option<Sharing> {
    let at = |key| ["influence", key];
    let mut share = |key, quoted: &Quoted| {
        let points = match quoted.0.as_str() {
            "0%" => Some(0),
            _ => rate(&at(key), quoted, f)?.checked_mul(WHOLE.into())?.to_u32_exact(),
        };
        let message = || format!("`{}` is finer than a hundredth of a percent", quoted.0);
        f.take(&at(key), points.ok_or_else(message))
    };
    let part = share("part", &table.part);
    let endorsement = share("endorsement", &table.endorsement);
    let integration_requirement = share("integration_requirement", &table.integration_requirement);
    let active_in_sale = share("active_in_sale", &table.active_in_sale);
    let (endorsement, integration_requirement, active_in_sale) =
        (endorsement?, integration_requirement?, active_in_sale?);
    let sum = endorsement + integration_requirement + active_in_sale;
    if sum != WHOLE {
        let percent = Decimal::from(sum).checked_div(Decimal::ONE_HUNDRED).unwrap_or_default().normalize();
        let message = format!("the shares of the influenced part sum to {percent}%, not to 100%");
        f.error(
            Code::SharesSum,
            &["influence"],
            message,
            Some("endorsement, integration_requirement and active_in_sale share all of `part`".to_owned()),
        );
        return None;
    }
    Some(Sharing { part: part?, endorsement, integration_requirement, active_in_sale })
}

/// A decimal as a whole number, where it is one.
trait Whole {
    fn to_u32_exact(self) -> Option<u32>;
}

impl Whole for Decimal {
    fn to_u32_exact(self) -> Option<u32> {
        self.fract().is_zero().then(|| self.to_u32())?
    }
}
