//! Walks over JSON text without making anything of it: where a value ends, and whether it is in good form (RFC 8259).
//!
//! An event is read once, and most of what deciding it takes was the reading; so this is written out. What it refuses, and what it
//! takes, is what `serde_json` does: a property test holds them against each other.

use std::borrow::Cow;

/// A place in a text.
pub(super) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

/// Arrays and objects that are open, the innermost in the lowest bit: 1 for an object. A body holds more levels than a stack of
/// calls would.
#[derive(Default)]
struct Open {
    bits: u64,
    depth: usize,
    outer: Vec<u64>,
}

impl Open {
    fn push(&mut self, is_object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.bits);
        }
        self.bits = self.bits << 1 | u64::from(is_object);
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.bits >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.bits = self.outer.pop().unwrap_or_default();
        }
    }

    /// Whether the innermost is an object; none where nothing is open.
    fn is_object(&self) -> Option<bool> {
        (self.depth > 0).then_some(self.bits & 1 == 1)
    }
}

/// How many bytes from the start are plain in a string: neither its end, nor an escape, nor a control character.
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES << 7;
    // The lowest bit that is set stands in the first byte of the wanted kind; above it nothing is said.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let (words, _) = bytes.as_chunks::<8>();
    for (place, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let found = control | zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\')));
        if found != 0 {
            return place * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let whole = words.len() * 8;
    let end = bytes[whole..].iter().position(|byte| *byte < b' ' || matches!(byte, b'"' | b'\\'));
    end.map_or(bytes.len(), |end| whole + end)
}

/// Whether nothing in a text is escaped in JSON.
pub(super) fn is_plain(text: &str) -> bool {
    plain(text.as_bytes()) == text.len()
}

impl<'a> Scan<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// The next byte that is no white space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Goes past `byte`, if it is next.
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Whether nothing is left.
    pub(super) fn is_done(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Behind a string whose first quote was passed; whether anything in it is escaped.
    fn past_string(&mut self) -> Option<bool> {
        let mut escaped = false;
        loop {
            self.at += plain(self.rest());
            match *self.rest().first()? {
                b'"' => {
                    self.at += 1;
                    return Some(escaped);
                }
                b'\\' => {
                    escaped = true;
                    let digits = match self.rest().get(1)? {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 0,
                        b'u' => 4,
                        _ => return None,
                    };
                    let end = 2 + digits;
                    self.rest().get(2..end)?.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                    self.at += end;
                }
                _ => return None,
            }
        }
    }

    fn digits(&mut self) -> Option<()> {
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += digits;
        (digits > 0).then_some(())
    }

    /// Behind a number whose first byte was passed.
    fn past_number(&mut self, first: u8) -> Option<()> {
        let first = if first == b'-' {
            self.at += 1;
            *self.text.as_bytes().get(self.at - 1)?
        } else {
            first
        };
        match first {
            // Nothing stands behind a leading zero; another digit there is no end of a value.
            b'0' => {}
            b'1'..=b'9' => self.at += self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count(),
            _ => return None,
        }
        if self.rest().first() == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.rest().first(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.rest().first(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Some(())
    }

    fn past_word(&mut self, rest: &str) -> Option<()> {
        let is_next = self.rest().starts_with(rest.as_bytes());
        self.at += rest.len();
        is_next.then_some(())
    }

    fn past_key(&mut self) -> Option<()> {
        (self.next()? == b'"').then_some(())?;
        self.past_string()?;
        (self.next()? == b':').then_some(())
    }

    /// The text of the next value, which is in good form. `None` if it is not.
    pub(super) fn value(&mut self) -> Option<&'a str> {
        self.peek()?;
        let start = self.at;
        self.past_value()?;
        self.text.get(start..self.at)
    }

    fn past_value(&mut self) -> Option<()> {
        let mut open = Open::default();
        loop {
            match self.next()? {
                b'{' if !self.eat(b'}') => {
                    open.push(true);
                    self.past_key()?;
                    continue;
                }
                b'[' if !self.eat(b']') => {
                    open.push(false);
                    continue;
                }
                b'{' | b'[' => {}
                b'"' => {
                    self.past_string()?;
                }
                b't' => self.past_word("rue")?,
                b'f' => self.past_word("alse")?,
                b'n' => self.past_word("ull")?,
                first => self.past_number(first)?,
            }
            // A value has ended: so may what it stands in.
            loop {
                let Some(is_object) = open.is_object() else { return Some(()) };
                match (self.next()?, is_object) {
                    (b',', true) => {
                        self.past_key()?;
                        break;
                    }
                    (b',', false) => break,
                    (b'}', true) | (b']', false) => open.pop(),
                    _ => return None,
                }
            }
        }
    }

    /// The next string, unescaped. `None` if none in good form is next.
    pub(super) fn string(&mut self) -> Option<Cow<'a, str>> {
        (self.next()? == b'"').then_some(())?;
        let start = self.at;
        let escaped = self.past_string()?;
        if escaped {
            return serde_json::from_str(self.text.get(start - 1..self.at)?).ok().map(Cow::Owned);
        }
        self.text.get(start..self.at - 1).map(Cow::Borrowed)
    }

    /// The next number, by its text. `None` if none in good form is next.
    pub(super) fn number(&mut self) -> Option<&'a str> {
        let first = self.next()?;
        let start = self.at - 1;
        self.past_number(first)?;
        self.text.get(start..self.at)
    }

    /// Takes each member of the object that is next: its name, and behind it what `each` reads.
    pub(super) fn members<E>(
        &mut self,
        mut each: impl FnMut(Cow<'a, str>, &mut Self) -> Result<(), E>,
        broken: impl Fn() -> E,
    ) -> Result<(), E> {
        if !self.eat(b'{') {
            return Err(broken());
        }
        if self.eat(b'}') {
            return Ok(());
        }
        loop {
            let name = self.string().filter(|_| self.eat(b':')).ok_or_else(&broken)?;
            each(name, self)?;
            match self.next() {
                Some(b',') => {}
                Some(b'}') => return Ok(()),
                _ => return Err(broken()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    /// Pieces of which texts are made that are nearly JSON.
    const PIECES: [&str; 44] = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\"a\"",
        "\"b\"",
        "\"\\u00e9\"",
        "\"\\ud800\"",
        "\"\\u12g4\"",
        "\\",
        "\\n",
        "\\x",
        "\u{7f}",
        "\u{1f}",
        "\n",
        " ",
        "\t",
        "\r",
        "\u{a0}",
        "0",
        "-0",
        "-",
        "1",
        "01",
        "12345678901234567890",
        ".",
        "1.5",
        "1.",
        "e",
        "1e9",
        "1E+2",
        "1e",
        "+1",
        "true",
        "tru",
        "false",
        "null",
        "nul",
        "é",
        "\"longer than one word of eight\"",
        "{\"a\":1}",
    ];

    fn texts() -> impl Strategy<Value = String> {
        let pieces = prop::collection::vec(prop::sample::select(&PIECES[..]), 1..12).prop_map(|pieces| pieces.concat());
        let value = prop_oneof![
            prop::sample::select(&PIECES[..]).prop_map(str::to_owned),
            any::<(i64, u8, i16)>().prop_map(|(whole, part, power)| format!("{whole}.{part}e{power}")),
            any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
        ];
        let tree = value.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" , "))),
                prop::collection::vec((any::<String>(), inner), 0..4).prop_map(|members| {
                    let member = |(name, value)| format!("{}\t:{value}", serde_json::Value::from(name));
                    format!("{{{}}}", members.into_iter().map(member).collect::<Vec<_>>().join(","))
                }),
            ]
        });
        prop_oneof![pieces, tree]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn takes_what_serde_json_takes(text in texts()) {
            let theirs: Result<&RawValue, _> = serde_json::from_str(&text);
            let mut scan = Scan::of(&text);
            let ours = scan.value().filter(|_| scan.is_done());
            prop_assert_eq!(ours, theirs.as_ref().ok().map(|raw| raw.get()), "{}", text);
        }

        #[test]
        fn unescapes_as_serde_json_does(text in texts()) {
            let theirs: Option<String> = serde_json::from_str(&text).ok();
            let mut scan = Scan::of(&text);
            let ours = scan.string().filter(|_| scan.is_done());
            prop_assert_eq!(ours.as_deref(), theirs.as_deref(), "{}", text);
        }

        #[test]
        fn finds_the_first_byte_that_is_not_plain(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let slow = bytes.iter().position(|byte| *byte < b' ' || matches!(byte, b'"' | b'\\'));
            prop_assert_eq!(plain(&bytes), slow.unwrap_or(bytes.len()));
        }
    }

    #[test]
    fn levels_are_told_apart_however_deep() {
        for depth in [63, 64, 65, 128, 129, 30_000] {
            let (open, close) = (r#"[{"a":"#.repeat(depth), "}]".repeat(depth));
            let text = format!("{open}1{close}");
            assert_eq!(Scan::of(&text).value(), Some(&*text), "{depth}");
            assert_eq!(Scan::of(&text.replacen("}]", "]}", 1)).value(), None, "{depth}");
        }
    }
}
