//! From the words of `[reward.*]` to the catalogue.

use std::collections::BTreeMap;

use super::values::{POINTS_MAX, caps};
use super::{NeedsTable, RewardTable};
use crate::cap::Scope;
use crate::findings::Findings;
use crate::ladder::Tier;
use crate::reward::{Needs, Reward};

pub(crate) fn reward(
    id: &str,
    table: &RewardTable,
    ladders: &BTreeMap<String, Vec<Tier>>,
    f: &mut Findings<'_>,
) -> Reward {
    if table.points < 1 || table.points > POINTS_MAX {
        f.error(&["reward", id, "points"], format!("a reward costs between 1 and {POINTS_MAX} points"), None);
    }
    if table.provider != "vouchers" {
        f.error(
            &["reward", id, "provider"],
            format!("there is no provider `{}`", table.provider),
            Some("known: vouchers".to_owned()),
        );
    }
    let NeedsTable { tier, certification, course } = &table.needs;
    if let Some(tier) = tier.as_ref().filter(|tier| !ladders.values().flatten().any(|t| t.id == **tier)) {
        f.error(&["reward", id, "needs"], format!("no ladder has a tier `{tier}`"), None);
    }
    let at_most = caps(&["reward", id, "at_most"], &table.at_most.0, f);
    if at_most.iter().any(|cap| cap.points || cap.field.is_some() || cap.scope != Scope::Partner) {
        f.error(
            &["reward", id, "at_most"],
            "a reward's cap counts pieces per partner, as in \"2 per partner per month\"",
            None,
        );
    }
    let needs = Needs { tier: tier.clone(), certification: certification.clone(), course: course.clone() };
    Reward { id: id.to_owned(), name: table.name.clone(), points: table.points, at_most, needs, retired: table.retired }
}
