//! Who delivers rewards. The pool of voucher cards is our own; it answers at once and never in doubt.

use domain::redemption::Redemption;
use event::ids::ProgramId;
use program::Provider;
use store::{Store, StoreError};

/// What a provider says to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ordered {
    /// The reward is the partner's.
    Delivered,
    /// It will not be delivered; the points go back.
    Declined,
}

/// Orders a redemption at the provider of its reward. Asked again under the same id, the answer is the same (I6). An
/// error means that the outcome is not known: the order is asked for again, never refunded.
pub(crate) async fn order(
    store: &Store,
    program: &ProgramId,
    provider: Provider,
    redemption: &Redemption,
) -> Result<Ordered, StoreError> {
    match provider {
        Provider::Vouchers => {
            let delivered = store::cards::order(store, program, redemption).await?;
            Ok(if delivered { Ordered::Delivered } else { Ordered::Declined })
        }
    }
}
