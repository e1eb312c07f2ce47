//! Cursors: opaque, bound to the list they came from, and refused if changed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use event::ids::{PartnerId, ProgramId};
use sha2::{Digest, Sha256};

use axum::http::StatusCode;

use crate::Problem;

/// Bytes of the checksum. It guards against mistakes, not attacks: a cursor only ever points into the caller's own list.
const CHECK_BYTES: usize = 6;

fn check(list: &str, program: &ProgramId, partner: &PartnerId, place: &str) -> Vec<u8> {
    let text = serde_json::json!([list, program, partner, place]).to_string();
    Sha256::digest(text)[..CHECK_BYTES].to_vec()
}

/// A cursor that continues `list` after `place`.
pub fn write(list: &str, program: &ProgramId, partner: &PartnerId, place: &str) -> String {
    URL_SAFE_NO_PAD.encode([&check(list, program, partner, place)[..], place.as_bytes()].concat())
}

/// Where a cursor continues.
///
/// # Errors
/// A [`Problem`] `bad_cursor`: it is of another list, or was changed.
pub fn read(list: &str, program: &ProgramId, partner: &PartnerId, cursor: &str) -> Result<String, Problem> {
    let bad = || Problem::new(StatusCode::BAD_REQUEST, "bad_cursor", "use the `next_cursor` of this list as it came");
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad())?;
    let (sum, place) = bytes.split_at_checked(CHECK_BYTES).ok_or_else(bad)?;
    let place = String::from_utf8(place.to_vec()).map_err(|_| bad())?;
    if sum == check(list, program, partner, &place) { Ok(place) } else { Err(bad()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_only_where_it_was_written() {
        let (program, a, b) = ("p".try_into().expect("id"), "a".try_into().expect("id"), "b".try_into().expect("id"));
        let cursor = write("statement", &program, &a, "17");
        assert_eq!(read("statement", &program, &a, &cursor).expect("place"), "17");
        assert!(read("events", &program, &a, &cursor).is_err());
        assert!(read("statement", &program, &b, &cursor).is_err());
        let mut tampered = cursor.into_bytes();
        let last = tampered.len() - 1;
        tampered[last] = if tampered[last] == b'A' { b'B' } else { b'A' };
        assert!(read("statement", &program, &a, &String::from_utf8(tampered).expect("text")).is_err());
        assert!(read("statement", &program, &a, "").is_err());
        assert!(read("statement", &program, &a, "%%%").is_err());
    }
}
