//! From the words of `[reward.*]` to the catalogue.

use std::collections::BTreeMap;

use event::Level;
use event::ids::{Motion, RewardId, TierId};
use event::period::Every;

use super::values::{POINTS_MAX, caps};
use super::{NeedsTable, RewardTable, TierTable};
use crate::cap::{Cap, CapBy, CapUnit};
use crate::findings::{Code, Findings};
use crate::reward::{Gate, Provider, Reward};

/// The ladders of a file.
pub(crate) type Ladders = BTreeMap<Motion, BTreeMap<TierId, TierTable>>;

/// Most courses, and most certifications, that are needed at once: each is read with what asks for it.
const NEEDED_MAX: usize = 16;

/// What a partner must have, in the order in which it is looked at.
pub(crate) fn gates(path: &[&str], needs: &NeedsTable, ladders: &Ladders, f: &mut Findings<'_>) -> Vec<Gate> {
    let NeedsTable { tier, certification, level, course, agreement } = needs;
    let level = level.and_then(|number| known_level(path, number, f));
    if level.is_some() && certification.is_none() {
        let help = "say which: { certification = \"sales-pro\", level = 301 }".to_owned();
        f.error(Code::BadValue, path, "`level` is that of a certification", Some(help));
    }
    if let Some(tier) = tier.as_ref().filter(|tier| !ladders.values().any(|tiers| tiers.contains_key(*tier))) {
        f.error(Code::UnknownTier, path, format!("no ladder has a tier `{tier}`"), None);
    }
    for (key, many) in [
        ("certification", certification.as_ref().map(|all| all.0.len())),
        ("course", course.as_ref().map(|all| all.0.len())),
    ] {
        let Some(many) = many else { continue };
        if many == 0 {
            let help = Some(format!("write {key} = \"sales-101\", or leave it out"));
            f.error(Code::BadValue, path, format!("`{key}` names none, and would ask for nothing"), help);
        }
        if many > NEEDED_MAX {
            f.error(
                Code::BadValue,
                path,
                format!("`{key}` names {many}; at most {NEEDED_MAX} are needed at once"),
                None,
            );
        }
    }
    let gates = certification.iter().flat_map(|all| &all.0).cloned().map(|id| Gate::Certification(id, level));
    if agreement.as_ref().is_some_and(|versions| versions.0.is_empty()) {
        let message = "`agreement` names no version, and nobody could have accepted it";
        f.error(Code::BadValue, path, message, Some("write agreement = \"2026-01\", or leave it out".to_owned()));
    }
    let accepted = agreement.as_ref().map(|versions| Gate::Agreement(versions.0.clone()));
    gates
        .chain(course.iter().flat_map(|all| &all.0).cloned().map(Gate::Course))
        .chain(tier.clone().map(Gate::Tier))
        .chain(accepted)
        .collect()
}

/// A level that certificates have.
pub(crate) fn known_level(path: &[&str], number: i64, f: &mut Findings<'_>) -> Option<Level> {
    f.take(path, Level::of(number).ok_or_else(|| format!("there is no level {number}; write 101, 201 or 301")))
}

pub(crate) fn reward(id: &RewardId, table: &RewardTable, ladders: &Ladders, f: &mut Findings<'_>) -> Reward {
    if table.points < 1 || table.points > POINTS_MAX {
        f.error(
            Code::BadValue,
            &["reward", id, "points"],
            format!("a reward costs between 1 and {POINTS_MAX} points"),
            None,
        );
    }
    let provider = Provider::ALL.iter().copied().find(|provider| provider.word() == table.provider);
    if provider.is_none() {
        let known: Vec<String> = Provider::WORDS.iter().map(|word| format!("\"{word}\"")).collect();
        let message = format!("there is no provider `{}`", table.provider);
        f.error(
            Code::UnknownProvider,
            &["reward", id, "provider"],
            message,
            Some(format!("write {}", known.join(" or "))),
        );
    }
    let provider = provider.unwrap_or(Provider::Vouchers);
    let gates = gates(&["reward", id, "needs"], &table.needs, ladders, f);
    let at_most = caps(&["reward", id, "at_most"], &table.at_most.0, &[], f);
    let is_of_pieces = |cap: &Cap| {
        let whole_days = !matches!(cap.every, Every::Minute | Every::Hour);
        cap.unit == CapUnit::Times && cap.field.is_none() && cap.by == CapBy::Partner && whole_days
    };
    if !at_most.iter().all(is_of_pieces) {
        f.error(
            Code::BadValue,
            &["reward", id, "at_most"],
            "a reward's cap counts pieces per partner, by the day or longer, as in \"2 per partner per month\"",
            None,
        );
    }
    let (id, name) = (id.clone(), table.name.clone());
    Reward { id, name, points: table.points, provider, at_most, gates, retired: table.retired }
}
