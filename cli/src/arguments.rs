//! Arguments of commands, read alike.

use event::TEXT_CHARS_MAX;
use jiff::Timestamp;

/// Reads why something is done, in words for people.
pub(crate) fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    let fits = !text.is_empty() && text.chars().count() <= TEXT_CHARS_MAX && !text.contains(char::is_control);
    fits.then(|| text.to_owned()).ok_or_else(|| format!("write a line of at most {TEXT_CHARS_MAX} characters"))
}

/// Reads an instant of the years in which days can be reckoned with.
pub(crate) fn instant(text: &str) -> Result<Timestamp, String> {
    let instant: Option<Timestamp> = text.parse().ok();
    let usual =
        |instant: &Timestamp| (*instant).to_string().get(..4).is_some_and(|year| ("2000".."9000").contains(&year));
    instant
        .filter(usual)
        .ok_or_else(|| "write an instant, as 2027-01-01T00:00:00Z, of the years 2000 to 8999".to_owned())
}
