//! A condition of a rule: what must hold of a field, in the vendor's words.

use event::money::parse_decimal;
use rust_decimal::Decimal;

/// A condition on one field of an event's `data`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The field.
    pub field: String,
    /// What must hold, as the file says it.
    pub words: String,
    /// What must hold.
    pub test: Test,
}

/// What must hold of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// Equal, by plain text.
    Is(String),
    /// Not equal, by plain text.
    IsNot(String),
    /// One of several.
    OneOf(Vec<String>),
    /// A number, or money in the program's currency, compared.
    Compare(Comparison, Decimal),
}

/// How two numbers compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `>=`
    AtLeast,
    /// `>`
    MoreThan,
    /// `<=`
    AtMost,
    /// `<`
    LessThan,
}

impl Condition {
    /// Whether what meets it surely meets another: said only where it is plain.
    pub(crate) fn implies(&self, other: &Self) -> bool {
        use Comparison::{AtLeast, AtMost, LessThan, MoreThan};
        let meets = |word: &String| match &other.test {
            Test::Is(wanted) => word == wanted,
            Test::IsNot(unwanted) => word != unwanted,
            Test::OneOf(wanted) => wanted.contains(word),
            Test::Compare(comparison, wanted) => parse_decimal(word).is_ok_and(|seen| comparison.holds(seen, *wanted)),
        };
        let surely = match (&self.test, &other.test) {
            (Test::Is(word), _) => meets(word),
            (Test::OneOf(words), _) => words.iter().all(meets),
            (Test::Compare(AtLeast | MoreThan, least), Test::Compare(AtLeast, asked)) => least >= asked,
            (Test::Compare(AtMost | LessThan, most), Test::Compare(AtMost, asked)) => most <= asked,
            (own, asked) => own == asked,
        };
        self.field == other.field && surely
    }

    /// It in words, as `partner.type is reseller`.
    pub fn sentence(&self) -> String {
        match &self.test {
            Test::Is(word) => format!("{} is {word}", self.field),
            Test::IsNot(_) | Test::OneOf(_) | Test::Compare(..) => format!("{} {}", self.field, self.words),
        }
    }
}

impl Test {
    /// Reads a condition: `"won"`, `"!= lost"`, `">= 30"`, `"one of a, b"`.
    ///
    /// # Errors
    /// A sentence when a comparison has no number.
    pub fn parse(words: &str) -> Result<Self, String> {
        let number = |text: &str| parse_decimal(text.trim()).map_err(|e| e.to_string());
        let comparisons = [
            (">=", Comparison::AtLeast),
            ("<=", Comparison::AtMost),
            (">", Comparison::MoreThan),
            ("<", Comparison::LessThan),
        ];
        for (sign, comparison) in comparisons {
            if let Some(rest) = words.strip_prefix(sign) {
                return Ok(Test::Compare(comparison, number(rest)?));
            }
        }
        if let Some(rest) = words.strip_prefix("!=") {
            return Ok(Test::IsNot(rest.trim().to_owned()));
        }
        if let Some(rest) = words.strip_prefix("one of ") {
            return Ok(Test::OneOf(rest.split(',').map(|w| w.trim().to_owned()).collect()));
        }
        Ok(Test::Is(words.to_owned()))
    }
}

impl Comparison {
    /// Whether `seen` compares to `wanted` as asked.
    pub fn holds(self, seen: Decimal, wanted: Decimal) -> bool {
        match self {
            Comparison::AtLeast => seen >= wanted,
            Comparison::MoreThan => seen > wanted,
            Comparison::AtMost => seen <= wanted,
            Comparison::LessThan => seen < wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_read_as_written() {
        assert_eq!(Test::parse(">= 30"), Ok(Test::Compare(Comparison::AtLeast, Decimal::new(30, 0))));
        assert_eq!(Test::parse("won"), Ok(Test::Is("won".into())));
        assert_eq!(Test::parse("one of a, b"), Ok(Test::OneOf(vec!["a".into(), "b".into()])));
        assert!(Test::parse(">= many").is_err());
    }

    #[test]
    fn a_comparison_holds_on_its_side() {
        let holds = |sign: &str| {
            let Ok(Test::Compare(comparison, wanted)) = Test::parse(&format!("{sign} 5")) else { panic!("{sign}") };
            [4, 5, 6].map(|seen| comparison.holds(Decimal::from(seen), wanted))
        };
        assert_eq!(holds(">="), [false, true, true]);
        assert_eq!(holds(">"), [false, false, true]);
        assert_eq!(holds("<="), [true, true, false]);
        assert_eq!(holds("<"), [true, false, false]);
    }
}
