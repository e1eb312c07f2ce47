//! Programs that run and surprise somebody.

use rust_decimal::Decimal;

use crate::findings::{Diagnostic, Findings};
use crate::ladder::{Criteria, Measure, Tier};
use crate::program::Program;
use crate::rule::Points;

pub(crate) fn lint(program: &Program, text: &str) -> Vec<Diagnostic> {
    let mut f = Findings::new(text);
    for (motion, tiers) in &program.ladders {
        for (index, tier) in tiers.iter().enumerate().skip(1) {
            ladder_tier(motion, &tiers[..index], tier, &mut f);
        }
    }
    if !program.ladders.is_empty() && !program.ladders.contains_key(&program.default_motion) {
        f.warning(
            &["program", "default_motion"],
            format!("what names no motion counts in `{}`, which has no ladder", program.default_motion),
            format!("ladders: {}", program.ladders.keys().map(|motion| motion.as_str()).collect::<Vec<_>>().join(", ")),
        );
    }
    for (source, _) in program.sources.iter().filter(|(source, _)| !source.starts_with('/') && !source.contains(':')) {
        f.warning(
            &["sources", source],
            format!("`{source}` is the name of a system; what systems send under is a path or a URI"),
            format!("everything that one sends: \"/{source}/*\""),
        );
    }
    for rule in program.rules.values() {
        let bounded = rule.at_most.iter().any(|cap| cap.points) || !matches!(rule.points, Points::Per { .. });
        if !bounded {
            f.warning(
                &["earn", &rule.id, "points"],
                "one event can earn any number of points",
                "bound it: at_most = \"5000 points per partner per month\"",
            );
        }
    }
    f.found
}

fn ladder_tier(motion: &str, below: &[Tier], tier: &Tier, f: &mut Findings<'_>) {
    let at = |name| ["ladder", motion, tier.id.as_str(), name];
    if tier.enter.is_none() {
        f.warning(
            &at("enter"),
            format!("nothing leads to `{}`", tier.id),
            "say what promotes: enter = { deals = 5, within = \"1 year\" }",
        );
    }
    if tier.keep.is_some() && tier.grace.is_none() {
        f.warning(
            &at("keep"),
            format!("`{}` is lost at the first failed review, without a warning", tier.id),
            "give time: grace = \"1 quarter\"",
        );
    }
    if let Some((measure, enter, keep)) = oscillation(tier) {
        let message = format!(
            "a partner steady at {enter} to below {keep} {} a window is promoted to `{}` and demoted again, for ever",
            measure.word(),
            tier.id
        );
        f.warning(&at("keep"), message, format!("ask for no more to keep than to enter ({enter})"));
    }
    let easier = |lower: &&Tier| {
        lower
            .enter
            .as_ref()
            .zip(tier.enter.as_ref())
            .is_some_and(|(low, high)| implies(high, low) && implies(low, high))
    };
    if let Some(lower) = below.iter().find(easier) {
        f.warning(
            &at("enter"),
            format!("`{}` is never held: whoever reaches it reaches `{}` at once", lower.id, tier.id),
            "ask for more to enter the higher tier",
        );
    }
}

/// The measure whose entry bar lies below its retention bar, in the same kind of window. An `any` is as hard as its
/// easiest part, so a partner oscillates only if every way to keep is harder than some way to enter.
fn oscillation(tier: &Tier) -> Option<(Measure, Decimal, Decimal)> {
    let (enter, keep) = (tier.enter.as_ref()?, tier.keep.as_ref()?);
    let entries = leaves(enter);
    let harder =
        |measure, least: Decimal, months| entries.iter().any(|(m, l, w)| *m == measure && *l < least && *w <= months);
    let keeps = leaves(keep);
    let blocked = match keep {
        Criteria::Any(_) => {
            keeps.iter().all(|(m, l, w)| harder(*m, *l, *w) || entries.iter().all(|(em, _, _)| em != m))
        }
        _ => keeps.iter().any(|(m, l, w)| harder(*m, *l, *w)),
    };
    let (measure, least, months) = keeps.into_iter().find(|(m, l, w)| harder(*m, *l, *w)).filter(|_| blocked)?;
    let entry =
        entries.iter().filter(|(m, l, w)| *m == measure && *l < least && *w <= months).map(|(_, l, _)| *l).min()?;
    Some((measure, entry, least))
}

fn leaves(criteria: &Criteria) -> Vec<(Measure, Decimal, i32)> {
    match criteria {
        Criteria::Any(list) | Criteria::All(list) => list.iter().flat_map(leaves).collect(),
        Criteria::One(one) => vec![(one.measure, one.least, one.within.months_max())],
    }
}

/// Whether meeting `a` surely meets `b`: said only where it is plain, so that the warning is never wrong.
fn implies(a: &Criteria, b: &Criteria) -> bool {
    match (a, b) {
        (Criteria::Any(list), _) => list.iter().all(|part| implies(part, b)),
        (_, Criteria::Any(list)) => list.iter().any(|part| implies(a, part)),
        (Criteria::All(list), _) => list.iter().any(|part| implies(part, b)),
        (_, Criteria::All(list)) => list.iter().all(|part| implies(a, part)),
        (Criteria::One(a), Criteria::One(b)) => a.measure == b.measure && a.least >= b.least && a.within == b.within,
    }
}
