//! What a posting moves: points, or money of one currency. Assets never mix (I21).

use std::fmt;

use event::money::{of_minor_units, parse_currency};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error};

/// An asset. Amounts of it are whole numbers of its smallest unit: points, or the currency's minor unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub enum Asset {
    /// Points.
    #[default]
    Points,
    /// Money of the currency with this ISO 4217 code.
    Money(&'static str),
}

impl Asset {
    /// Whether it is points.
    pub fn is_points(&self) -> bool {
        *self == Asset::Points
    }

    /// So much of it as people read it, without its name: `500`, or `5250.00`.
    pub fn amount(self, amount: i64) -> String {
        match self {
            Asset::Points => amount.to_string(),
            Asset::Money(currency) => of_minor_units(amount, currency).to_string(),
        }
    }

    /// So much of it in words: `500 points`, or `5250.00 USD`.
    pub fn told(self, amount: i64) -> String {
        format!("{} {self}", self.amount(amount))
    }
}

/// The word for points where an asset is written.
const POINTS: &str = "points";

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Asset::Points => POINTS,
            Asset::Money(code) => code,
        })
    }
}

impl From<Asset> for String {
    fn from(asset: Asset) -> Self {
        asset.to_string()
    }
}

impl TryFrom<String> for Asset {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if text == POINTS {
            return Ok(Asset::Points);
        }
        let currency = parse_currency(&text).map_err(|_| format!("`{text}` is neither points nor a currency"))?;
        Ok(Asset::Money(currency.code()))
    }
}

impl<'de> Deserialize<'de> for Asset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
