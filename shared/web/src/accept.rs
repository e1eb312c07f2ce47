//! Which form of an answer a request prefers (RFC 9110, 12.5.1).

use axum::http::{HeaderMap, header};

/// The place of the media type among `offered` that a request prefers: the first one where it has no preference, or takes none of
/// them.
pub fn preferred(headers: &HeaderMap, offered: &[&str]) -> usize {
    let given: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let ranges: Vec<Range<'_>> = given.iter().flat_map(|value| value.split(',')).filter_map(Range::read).collect();
    let wanted = |kind: &&str| {
        let of = ranges.iter().filter_map(|range| Some((range.specificity(kind)?, range.weight)));
        // The most specific range that names it decides, and of two that are equally wanted the one that is named.
        of.max().map_or((0, 0), |(specificity, weight)| (weight, if weight > 0 { specificity } else { 0 }))
    };
    let best = offered.iter().map(wanted).enumerate().rev().max_by_key(|(_, wanted)| *wanted);
    best.map_or(0, |(place, _)| place)
}

/// A media range, and how much it is wanted in thousandths.
struct Range<'a> {
    kind: &'a str,
    weight: u16,
}

impl<'a> Range<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let kind = parts.next().filter(|kind| !kind.is_empty())?;
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        Some(Self { kind, weight: weight.map_or(Some(1_000), thousandths)? })
    }

    /// How exactly it names a media type; `None` if it does not.
    fn specificity(&self, kind: &str) -> Option<u8> {
        let (family, _) = kind.split_once('/')?;
        match self.kind.split_once('/')? {
            ("*", "*") => Some(1),
            (of, "*") if of.eq_ignore_ascii_case(family) => Some(2),
            _ if self.kind.eq_ignore_ascii_case(kind) => Some(3),
            _ => None,
        }
    }
}

/// A weight from 0 to 1 with at most three decimals; `None` for anything else.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|b| b.is_ascii_digit()) || !matches!(whole, "0" | "1") {
        return None;
    }
    let weight = format!("{whole}{decimals:0<3}").parse().ok()?;
    (weight <= 1_000).then_some(weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e4_weights_and_lists_are_read_as_http_says() {
        let csv = |accept: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in accept {
                headers.append(header::ACCEPT, value.parse().expect("a value"));
            }
            preferred(&headers, &["application/json", "text/csv"]) == 1
        };
        let wants_csv: [&[&str]; 8] = [
            &["text/csv"],
            &["Text/CSV; charset=utf-8"],
            &["text/csv, */*"],
            &["text/*"],
            &["application/json;q=0.5, text/csv"],
            &["application/json;q=0.5", "text/csv;q=0.51"],
            &["application/json;q=0, */*;q=0.1"],
            &["text/csv;q=0.9, application/*;q=0.8"],
        ];
        for accept in wants_csv {
            assert!(csv(accept), "{accept:?}");
        }
        let wants_json: [&[&str]; 12] = [
            &[],
            &["*/*"],
            &["application/json, text/csv"],
            &["text/csv;q=0"],
            &["text/csv;q=0.0, */*"],
            &["text/csv;q=0.2, application/json;q=0.3"],
            &["text/csv;q=0.5, */*"],
            &["text/csvx"],
            &["application/xml"],
            &["text/csv;q=high, application/json;q=0.1"],
            &["text/csv;q=1.001, application/json"],
            &[", ,"],
        ];
        for accept in wants_json {
            assert!(!csv(accept), "{accept:?}");
        }
    }
}
