//! A card as it stands in the table.

use serde::{Deserialize, Serialize};

use super::sealer::{SealedCode, Sealer};
use crate::StoreError;

/// A card as it stands in the table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Card {
    pub(super) print: String,
    pub(super) code: SealedCode,
}

impl Card {
    /// The code, with a ring that has its key. A card is bound to its reward.
    pub(super) fn open(&self, pk: &str, sealer: &Sealer) -> Result<String, StoreError> {
        sealer.open(&self.code, &format!("{pk} {}", self.print))
    }

    /// The name of the key that sealed it.
    pub(super) fn key(&self) -> &str {
        &self.code.key
    }
}
