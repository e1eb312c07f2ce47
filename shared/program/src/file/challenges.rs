//! From the words of `[challenge.*]` to what partners are compared by.

use std::collections::BTreeMap;

use event::Gather;
use event::ids::{Motion, Name};
use event::period::Every;

use super::ChallengeTable;
use super::rules::Declared;
use crate::challenge::{CHALLENGES_MAX, Challenge, PLACES_MAX};
use crate::findings::{Code, Findings};
use crate::own;

pub(crate) fn challenges(
    tables: &BTreeMap<Name, ChallengeTable>,
    (declared, default_motion): (&Declared, Option<&Motion>),
    f: &mut Findings<'_>,
) -> BTreeMap<Name, Challenge> {
    if tables.len() > CHALLENGES_MAX {
        let message = format!("{} challenges are declared, and a program has at most {CHALLENGES_MAX}", tables.len());
        f.error(Code::BadValue, &["challenge"], message, None);
    }
    let all = tables.iter().filter_map(|(id, table)| challenge(id, table, (declared, default_motion), f));
    let all: BTreeMap<Name, Challenge> = all.map(|one| (one.id.clone(), one)).gather();
    for (place, (id, one)) in all.iter().enumerate() {
        let same =
            |other: &&Challenge| (other.metric, &other.motion, other.every) == (one.metric, &one.motion, one.every);
        if let Some(other) = all.values().take(place).find(same) {
            let message = format!("`{id}` is of the same as `{}`", other.id);
            f.error(Code::BadValue, &["challenge", id], message, Some("write it once".to_owned()));
        }
    }
    all
}

fn challenge(
    id: &Name,
    table: &ChallengeTable,
    (declared, default_motion): (&Declared, Option<&Motion>),
    f: &mut Findings<'_>,
) -> Option<Challenge> {
    let at = |key| ["challenge", id.as_str(), key];
    let known = [Every::Year, Every::Quarter, Every::Month];
    let every = known.into_iter().find(|every| every.word() == table.per);
    let every = f.take(&at("per"), every.ok_or_else(|| "write \"year\", \"quarter\" or \"month\"".to_owned()));
    let metric = own::targeted(&declared.events, &table.metric);
    let metric = f
        .take(&at("metric"), metric.map_err(|why| why.replace("no target is set for", "partners are not compared by")));
    let places = usize::try_from(table.places).ok().filter(|places| (1..=PLACES_MAX).contains(places));
    let places = f.take(&at("places"), places.ok_or_else(|| format!("a challenge shows 1 to {PLACES_MAX} places")));
    Some(Challenge {
        id: id.clone(),
        name: table.name.clone(),
        metric: metric?,
        motion: table.motion.as_ref().or(default_motion)?.clone(),
        every: every?,
        places: places?,
    })
}
