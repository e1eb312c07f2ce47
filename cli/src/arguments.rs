//! Arguments of commands, read alike.

use jiff::Timestamp;

/// Reads an instant of the years in which days can be reckoned with.
pub(crate) fn instant(text: &str) -> Result<Timestamp, String> {
    let instant: Option<Timestamp> = text.parse().ok();
    let usual =
        |instant: &Timestamp| (*instant).to_string().get(..4).is_some_and(|year| ("2000".."9000").contains(&year));
    instant
        .filter(usual)
        .ok_or_else(|| "write an instant, as 2027-01-01T00:00:00Z, of the years 2000 to 8999".to_owned())
}
