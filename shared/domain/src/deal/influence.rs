//! Who has a share in a deal beside the partner whose it is (M34).

use event::ids::{PartnerId, RuleId};
use event::{Influence, PartnerFacts};
use jiff::Timestamp;
use litemap::LiteMap;
use program::{Sharing, WHOLE};
use serde::{Deserialize, Serialize};

use super::{Credit, Deal};
use crate::ledger::Stamp;

/// A partner that influenced a deal of another's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Influencer {
    /// The partner.
    pub partner: PartnerId,
    /// What was said of it, in the order of the events' own times, at most [`SAID_MAX`] times: what was said last before the deal was
    /// closed counts, and when that was may become known late.
    pub said: Vec<Said>,
    /// Whether its share was rated: whether it is paid at all was decided then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rated: bool,
    /// What was stated of the partner then that its rules look at (M47).
    #[serde(default, skip_serializing_if = "PartnerFacts::is_empty")]
    pub facts: PartnerFacts,
    /// What each rule has credited to it.
    #[serde(default, skip_serializing_if = "LiteMap::is_empty")]
    pub credits: LiteMap<RuleId, Credit>,
}

/// In which way a partner influenced a deal, says one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// In which way.
    #[serde(with = "words")]
    pub kind: Influence,
    /// The share that it is to have, in basis points; none where the program says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<u32>,
    /// When that was said.
    pub since: Stamp,
}

/// So often a partner's influence on one deal is said.
pub(crate) const SAID_MAX: usize = 8;

impl Influencer {
    /// What counts of a deal that was closed then, or is not closed yet.
    pub(crate) fn at(&self, closed_at: Option<Timestamp>) -> Option<&Said> {
        self.said.iter().rfind(|said| closed_at.is_none_or(|closed| said.since.time() <= closed))
    }
}

/// The words of kinds, as they are stored.
mod words {
    use event::Influence;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    pub(super) fn serialize<S: Serializer>(kind: &Influence, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(kind.word())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Influence, D::Error> {
        let word = String::deserialize(deserializer)?;
        Influence::of(&word).ok_or_else(|| D::Error::custom(format!("`{word}` is no kind of influence")))
    }
}

impl Deal {
    /// The share of each partner in it, in basis points, that of the partner whose it is last: it has whatever is left, and nobody more
    /// than is left, so that they sum to the whole by form (I23). What is said of one partner comes first, then what the program says of
    /// its kind, shared by all of that kind, the odd points with who was first. `closed_at`: when it was closed, where its record does
    /// not say so yet.
    pub fn shares(&self, sharing: &Sharing, closed_at: Option<Timestamp>) -> Vec<(PartnerId, u32)> {
        let closed_at = self.closed.as_ref().map(|closed| closed.at).or(closed_at);
        let others = self.influencers.iter().filter(|one| one.partner != self.owner);
        let mut all: Vec<(&PartnerId, &Said)> =
            others.filter_map(|one| Some((&one.partner, one.at(closed_at)?))).collect();
        all.sort_by_key(|(_, said)| (said.share.is_none(), said.since));
        let (mut shares, mut left) = (Vec::new(), WHOLE);
        for (partner, said) in &all {
            let same = || all.iter().filter(|(_, other)| other.share.is_none() && other.kind == said.kind);
            let many = u32::try_from(same().count().max(1)).unwrap_or(u32::MAX);
            let at = same().position(|(other, _)| other == partner).unwrap_or(0);
            let of_kind = sharing.of(said.kind);
            let odd = u32::try_from(at).is_ok_and(|at| at < of_kind % many);
            let share = said.share.unwrap_or(of_kind / many + u32::from(odd)).min(left);
            left -= share;
            shares.push(((*partner).clone(), share));
        }
        shares.push((self.owner.clone(), left));
        shares
    }

    /// A partner's share in it, in basis points; the whole where it is not shared.
    pub(crate) fn share_of(&self, partner: &PartnerId, sharing: Option<&Sharing>, closed_at: Option<Timestamp>) -> u32 {
        let shares = sharing.map(|sharing| self.shares(sharing, closed_at)).unwrap_or_default();
        let own = shares.iter().find(|(of, _)| of == partner).map(|(_, share)| *share);
        own.unwrap_or(if *partner == self.owner { WHOLE } else { 0 })
    }

    /// Takes over what is said of a partner's influence on it.
    pub(super) fn influence(&mut self, partner: &PartnerId, said: Said) {
        let at = self.influencers.iter().position(|one| one.partner == *partner).unwrap_or_else(|| {
            let (partner, credits) = (partner.clone(), LiteMap::new());
            self.influencers.push(Influencer {
                partner,
                said: Vec::new(),
                rated: false,
                facts: PartnerFacts::default(),
                credits,
            });
            self.influencers.len() - 1
        });
        let all = &mut self.influencers[at].said;
        all.insert(all.partition_point(|other| other.since <= said.since), said);
    }
}
