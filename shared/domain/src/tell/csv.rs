//! Fields of CSV, for spreadsheets and banks.

use event::money::parse_decimal;

/// A field (RFC 4180). What a spreadsheet would run as a formula is made plain text.
pub fn csv_field(text: &str) -> String {
    let number = parse_decimal(text.strip_prefix('-').unwrap_or(text)).is_ok();
    let text = if !number && text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::csv_field;

    #[test]
    fn fields_are_quoted_and_no_formula_runs() {
        assert_eq!(csv_field("a,b"), "\"a,b\"");
        assert_eq!(csv_field("a\"b"), "\"a\"\"b\"");
        assert_eq!(csv_field("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(csv_field("-50"), "-50");
        assert_eq!(csv_field("-5250.00"), "-5250.00");
    }
}
