//! Commissions: money for won deals, as a rate of what a deal is worth, or of what its customer pays (M01-M07, M10).

use event::ids::TierId;
use event::time::Length;
use rust_decimal::Decimal;

/// What a commission rule pays: a rate of a base, in whole minor units, rounded half away from zero once.
#[derive(Clone, Debug)]
pub struct Commission {
    /// Tiers of which the partner must hold one when the deal closes, or when the invoice is paid; none: any partner. What was decided
    /// then stays, whatever the partner becomes.
    pub tiers: Vec<TierId>,
    /// What the rate is of.
    pub base: Base,
    /// The rate.
    pub rate: Rate,
    /// By the length of the contract (M02): `(months, factor)`, ascending; the longest that is not above it counts. Below the first,
    /// and where there are none, the factor is one.
    pub tenor: Vec<(u32, Decimal)>,
    /// When it becomes payable, before its hold (M10).
    pub payable: Payable,
    /// What it is at least where it is anything, in the program's currency; above zero.
    pub at_least: Option<Decimal>,
    /// Of invoices: for so long after the deal was closed (M10); none: for as long as they come.
    pub lasts: Option<Length>,
}

/// When a commission becomes payable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payable {
    /// When the deal closes.
    AtClosing,
    /// When the customer pays the first invoice of the deal.
    AtFirstInvoice,
}

/// What of a deal a rate is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// The annual contract value.
    FirstYear,
    /// The total value: the sum of its lines, or the annual value for its tenor.
    Total,
    /// The sum of its lines of one revenue type (M07).
    Lines(String),
    /// What its customer paid of one invoice (M10).
    Invoiced,
}

/// A rate: 0.07 is seven percent; between zero and one.
#[derive(Clone, Debug)]
pub enum Rate {
    /// Always the same.
    Fixed(Decimal),
    /// By the highest band whose `from` is not above the amount, of the whole of it (M01, M04); below the first band none.
    Bands {
        /// The field looked at, in the program's currency.
        by: String,
        /// `(from, rate)`, ascending.
        bands: Vec<(Decimal, Decimal)>,
    },
    /// Each part of the amount at the rate of its own slice, as a tax is; below the first slice none.
    Slices {
        /// The field looked at, in the program's currency.
        by: String,
        /// `(from, rate)`, ascending.
        slices: Vec<(Decimal, Decimal)>,
    },
    /// By a field's value; none for a value that is not there.
    Table {
        /// The field looked at.
        by: String,
        /// `(value, rate)`.
        table: Vec<(String, Decimal)>,
    },
}

impl Rate {
    /// Every rate it may come to before multipliers.
    pub fn all(&self) -> Vec<Decimal> {
        match self {
            Rate::Fixed(rate) => vec![*rate],
            Rate::Bands { bands: steps, .. } | Rate::Slices { slices: steps, .. } => {
                steps.iter().map(|(_, rate)| *rate).collect()
            }
            Rate::Table { table, .. } => table.iter().map(|(_, rate)| *rate).collect(),
        }
    }

    /// The field it looks at.
    pub fn by(&self) -> Option<&str> {
        match self {
            Rate::Fixed(_) => None,
            Rate::Bands { by, .. } | Rate::Slices { by, .. } | Rate::Table { by, .. } => Some(by),
        }
    }
}

impl Base {
    /// Reads `"first-year value"`, `"total value"` or `"lines of services"`.
    ///
    /// # Errors
    /// A sentence that says what a base is.
    pub fn parse(words: &str) -> Result<Self, String> {
        match words {
            "first-year value" => Ok(Base::FirstYear),
            "total value" => Ok(Base::Total),
            "invoiced amount" => Ok(Base::Invoiced),
            _ => match words.strip_prefix("lines of ").map(str::trim).filter(|kind| !kind.is_empty()) {
                Some(kind) => Ok(Base::Lines(kind.to_owned())),
                None => Err(format!(
                    "`{words}` is no base; write \"first-year value\", \"total value\", \"lines of services\" or, of invoices, \"invoiced amount\""
                )),
            },
        }
    }

    /// The base in words.
    pub fn words(&self) -> String {
        match self {
            Base::FirstYear => "first-year value".to_owned(),
            Base::Total => "total value".to_owned(),
            Base::Invoiced => "invoiced amount".to_owned(),
            Base::Lines(kind) => format!("lines of {kind}"),
        }
    }
}

/// What holds of all commissions of a program.
#[derive(Clone, Debug)]
pub struct CommissionPolicy {
    /// The highest rate after multipliers, of the base (M05): more is cut. Above zero, at most one.
    pub at_most: Option<Decimal>,
    /// What the vendor earns of a deal before commissions, and what is to be left of it after (M08); each above zero, at most one. Nothing
    /// is decided by them: `check` warns of a rate that leaves less.
    pub margin: Option<(Decimal, Decimal)>,
    /// Whether they are paid in the deal's currency (else in the program's, at the rate pinned with the version).
    pub in_deals_currency: bool,
    /// Whether a deal whose value is amended is rated by its new value (else at the rate that it earned by).
    pub amended_again: bool,
    /// Whether a deal that is reversed in part is rated by what is left (else at the rate that it earned by).
    pub reversed_again: bool,
    /// Whether what was paid before it was taken back is owed, and netted from what becomes payable next (else forgiven).
    pub owe_the_rest: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_reads_as_it_is_told() {
        for words in ["first-year value", "total value", "lines of professional services", "invoiced amount"] {
            assert_eq!(Base::parse(words).map(|base| base.words()).as_deref(), Ok(words));
        }
        for none in ["", "lines of ", "invoices"] {
            assert!(Base::parse(none).is_err(), "{none}");
        }
    }
}
