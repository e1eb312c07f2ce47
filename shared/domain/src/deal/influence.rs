//! Who has a share in a deal beside the partner whose it is (M34).

use event::Influence;
use event::ids::{PartnerId, RuleId};
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
    /// In which way, as its latest event says by its own time.
    #[serde(with = "words")]
    pub kind: Influence,
    /// The share that it is to have, in basis points; none where the program says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<u32>,
    /// When that was said.
    pub since: Stamp,
    /// Whether its share was rated: whether it is paid at all was decided then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rated: bool,
    /// What each rule has credited to it.
    #[serde(default, skip_serializing_if = "LiteMap::is_empty")]
    pub credits: LiteMap<RuleId, Credit>,
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
    /// Those who influenced it before it was closed, or did so far; whose deal it is has the rest anyway.
    fn sharers(&self, closed_at: Option<Timestamp>) -> impl Iterator<Item = &Influencer> {
        let counts = move |one: &&Influencer| {
            one.partner != self.owner && closed_at.is_none_or(|closed| one.since.time() <= closed)
        };
        self.influencers.iter().filter(counts)
    }

    /// The share of each partner in it, in basis points, that of the partner whose it is last: whatever rounding leaves is in there, so
    /// that they sum to the whole (I23). What is said of one partner counts first, then what the program says of its kind, shared by all
    /// of that kind, the odd points with who was first. `closed_at`: when it was closed, where its record does not say so yet.
    pub fn shares(&self, sharing: &Sharing, closed_at: Option<Timestamp>) -> Vec<(PartnerId, u32)> {
        let closed_at = self.closed.as_ref().map(|closed| closed.at).or(closed_at);
        let mut all: Vec<&Influencer> = self.sharers(closed_at).collect();
        all.sort_by_key(|one| one.since);
        let mut shares: Vec<(PartnerId, u32)> = Vec::new();
        for one in &all {
            let same = || all.iter().filter(|other| other.share.is_none() && other.kind == one.kind);
            let many = u32::try_from(same().count().max(1)).unwrap_or(u32::MAX);
            let at = same().position(|other| other.partner == one.partner).unwrap_or(0);
            let of_kind = sharing.of(one.kind);
            let odd = u32::try_from(at).is_ok_and(|at| at < of_kind % many);
            shares.push((one.partner.clone(), one.share.unwrap_or(of_kind / many + u32::from(odd))));
        }
        let given: u32 = shares.iter().map(|(_, share)| share).sum();
        shares.push((self.owner.clone(), WHOLE.saturating_sub(given)));
        shares
    }

    /// A partner's share in it, in basis points; the whole where it is not shared.
    pub(crate) fn share_of(&self, partner: &PartnerId, sharing: Option<&Sharing>, closed_at: Option<Timestamp>) -> u32 {
        let shares = sharing.map(|sharing| self.shares(sharing, closed_at)).unwrap_or_default();
        let own = shares.iter().find(|(of, _)| of == partner).map(|(_, share)| *share);
        own.unwrap_or(if *partner == self.owner { WHOLE } else { 0 })
    }

    /// Takes over that a partner influenced it, unless that was said otherwise later.
    pub(super) fn influence(&mut self, partner: &PartnerId, kind: Influence, share: Option<u32>, since: Stamp) {
        match self.influencers.iter_mut().find(|one| one.partner == *partner) {
            Some(one) if one.since > since => {}
            Some(one) => (one.kind, one.share, one.since) = (kind, share, since),
            None => {
                let (partner, credits) = (partner.clone(), LiteMap::new());
                self.influencers.push(Influencer { partner, kind, share, since, rated: false, credits });
            }
        }
    }
}
