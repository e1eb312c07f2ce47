//! How a deal is shared with partners who influenced it (M34).

use event::Influence;

/// The whole of a deal, in basis points (I23).
pub const WHOLE: u32 = 10_000;

/// Most partners that have a share in a deal beside its own.
pub const INFLUENCERS_MAX: usize = 8;

/// What part of a deal those have who influenced it; the rest is the partner's whose deal it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sharing {
    /// The part for all of them, in basis points of the deal.
    pub part: u32,
    /// What of that part each kind has, in basis points; together the whole.
    pub endorsement: u32,
    /// The same of an integration that the customer requires.
    pub integration_requirement: u32,
    /// The same of taking part in the sale.
    pub active_in_sale: u32,
}

impl Sharing {
    /// What a kind of influence has of a deal, in basis points, rounded down; what rounding leaves is the partner's whose deal it is.
    pub fn of(&self, kind: Influence) -> u32 {
        let of_part = match kind {
            Influence::Endorsement => self.endorsement,
            Influence::IntegrationRequirement => self.integration_requirement,
            Influence::ActiveInSale => self.active_in_sale,
        };
        self.part * of_part / WHOLE
    }
}
