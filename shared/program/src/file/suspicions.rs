//! From the file's words to what looks like gaming.

use event::period::Every;
use event::time::Length;
use rust_decimal::Decimal;

use super::values::{caps, length, rate};
use super::{Earn, Quoted, SuspicionTable};
use crate::cap::CapUnit;
use crate::findings::{Code, Findings};
use crate::own::{self, OwnEvents};
use crate::suspicion::{Suspicion, SuspicionTest};
use crate::window::Within;

/// What a deal gave follows the deal, and is held by `hold`.
const OF_DEALS: [&str; 5] = ["deal.closed", "deal.amended", "deal.reversed", "deal.influenced", "invoice.paid"];

const HOW: &str = "write { more_than = \"10 per person per minute\" } or { less_than = \"20% of registrations qualified\", from = 10, within = \"6 months\" }";

/// What holds an award of a rule, and for how long; as long as nobody releases it where the rule says nothing.
pub(crate) fn suspicions(
    id: &str,
    table: &Earn,
    events: &OwnEvents,
    f: &mut Findings<'_>,
) -> (Vec<Suspicion>, Option<Length>) {
    let path = ["earn", id, "hold_if"];
    if !table.hold_if.is_empty() && OF_DEALS.contains(&table.on.as_str()) {
        let message = format!("what {} gives follows its deal", table.on);
        f.error(Code::BadValue, &path, message, Some("hold it for a time: hold = \"30 days\"".to_owned()));
    }
    if !table.hold_if.is_empty() && table.budget.is_some() {
        let message = "what is held for its looks is given out of no budget: it may come to nothing";
        f.error(Code::BadValue, &path, message, Some("leave out `budget`, or `hold_if`".to_owned()));
    }
    let for_path = ["earn", id, "held_for"];
    if table.held_for.is_some() && table.hold_if.is_empty() {
        let help = Some("say what looks so: hold_if = [{ more_than = \"10 per person per minute\" }]".to_owned());
        f.error(Code::BadValue, &for_path, "it is for what looks like gaming, and nothing does", help);
    }
    let fields = own::splits(events, &table.on);
    let all = table.hold_if.iter().filter_map(|one| suspicion(&path, one, (&fields, events), f)).collect();
    let held_for = table.held_for.as_ref().and_then(|words| length(&for_path, words, f));
    (all, held_for)
}

fn suspicion(
    path: &[&str],
    table: &SuspicionTable,
    (fields, events): (&[&str], &OwnEvents),
    f: &mut Findings<'_>,
) -> Option<Suspicion> {
    match table {
        SuspicionTable { more_than: Some(words), less_than: None, from: None, within: None } => {
            let cap = caps(path, std::slice::from_ref(words), fields, f).pop()?;
            if cap.unit != CapUnit::Times || cap.every == Every::Ever {
                let message = format!("`{words}` is no frequency; write \"10 per person per minute\"");
                return f.take(path, Err(message));
            }
            Some(Suspicion { test: SuspicionTest::MoreThan(cap), words: format!("more than {words}") })
        }
        SuspicionTable { more_than: None, less_than: Some(words), from, within: Some(within) } => {
            let whole = within;
            let within = f.take(path, Within::parse(within))?;
            let (part, rest) = words.split_once(" of ").unwrap_or((words, ""));
            let part = rate(path, &Quoted(part.to_owned()), f)?;
            let (of, which) = rest.split_once(' ').unwrap_or((rest, ""));
            let mut measure =
                |word: &str| f.take(path, own::targeted(events, word).map_err(|error| format!("{error}; {HOW}")));
            let (of, which) = (measure(of)?, measure(which)?);
            let from = from.unwrap_or(1);
            if from < 1 {
                return f.take(path, Err("`from` is at least 1".to_owned()));
            }
            let words = format!("less than {words} within {whole}");
            let test = SuspicionTest::LessThan { part, of, which, from: Decimal::from(from), within };
            Some(Suspicion { test, words })
        }
        _ => f.take(path, Err(HOW.to_owned())),
    }
}
