//! The keys of voucher cards, and what they seal.

use std::collections::BTreeMap;

use ambient::Random;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf;
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// Fewest characters of the text of a key.
const KEY_TEXT_MIN: usize = 32;
/// The member of the ring that names the key with which cards are sealed now.
const CURRENT: &str = "current";
/// The first key of a ring. It also makes the fingerprints that tell whether a card was loaded before, so it stays.
const FIRST: &str = "first";

/// The keys of voucher cards: seals codes with the current one (AES-256-GCM) and opens what any of them sealed.
///
/// A ring is a JSON object: `current` names a member, every other member is the text of a key, of which the key proper is
/// derived (HKDF-SHA-256). A new key is one more member; what was sealed before says which key opens it.
#[derive(Clone)]
pub struct Sealer {
    ring: std::sync::Arc<BTreeMap<String, String>>,
    random: Random,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(..)")
    }
}

impl Sealer {
    /// A sealer with the keys of a ring.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`]: it is no JSON object of texts, `first` or the current key is missing, or a key has less
    /// than 32 characters.
    pub fn from_ring(text: &str, random: Random) -> Result<Self, StoreError> {
        let bad = |why: &str| StoreError::Unreadable { what: "ring of card keys", why: why.to_owned() };
        let ring: BTreeMap<String, String> =
            serde_json::from_str(text).map_err(|_| bad("it is no JSON object of texts"))?;
        let current = ring.get(CURRENT).ok_or_else(|| bad("it has no `current`"))?;
        if current == CURRENT || !ring.contains_key(current) || !ring.contains_key(FIRST) {
            return Err(bad("`current` must name another member, and `first` must be there"));
        }
        if ring.iter().any(|(name, key)| name != CURRENT && key.len() < KEY_TEXT_MIN) {
            return Err(bad("a key has at least 32 characters"));
        }
        Ok(Self { ring: std::sync::Arc::new(ring), random })
    }

    /// A ring with one random key.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: the system gives no random bytes.
    pub fn new_ring(random: &Random) -> Result<String, StoreError> {
        let ring = BTreeMap::from([(CURRENT, FIRST.to_owned()), (FIRST, random_key(random)?)]);
        Ok(serde_json::json!(ring).to_string())
    }

    /// This ring with one more random key under `name`, with which cards are sealed from now on.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`]: the name is taken. [`StoreError::Unavailable`]: the system gives no random bytes.
    pub fn with_new_key(&self, name: &str) -> Result<String, StoreError> {
        let mut ring = (*self.ring).clone();
        if ring.insert(name.to_owned(), random_key(&self.random)?).is_some() {
            return Err(StoreError::Unreadable { what: "ring of card keys", why: format!("it has a `{name}`") });
        }
        ring.insert(CURRENT.to_owned(), name.to_owned());
        Ok(serde_json::json!(ring).to_string())
    }

    /// Whether the ring has a member of this name.
    pub fn has(&self, name: &str) -> bool {
        self.ring.contains_key(name)
    }

    /// The keys that take part when a card is loaded, by name: the one that seals it, and the one that makes its fingerprint.
    pub(super) fn in_use(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let current = self.ring.get(CURRENT).ok_or(StoreError::Sealed)?;
        let key = |name: &str| Ok((name.to_owned(), self.fingerprint(name)?));
        [current, FIRST].into_iter().map(key).collect()
    }

    /// Tells a key from another of the same name, and nothing of what it is.
    pub(super) fn fingerprint(&self, name: &str) -> Result<String, StoreError> {
        Ok(hex::encode(&self.derived(name, "name")?[..8]))
    }

    /// The key derived from a member for one purpose.
    fn derived(&self, name: &str, purpose: &str) -> Result<[u8; 32], StoreError> {
        let text = self.ring.get(name).filter(|_| name != CURRENT).ok_or(StoreError::Sealed)?;
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"laurel card").extract(text.as_bytes());
        let mut key = [0; 32];
        prk.expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut key))
            .map_err(|_| StoreError::Sealed)?;
        Ok(key)
    }

    fn cipher(&self, name: &str) -> Result<LessSafeKey, StoreError> {
        let key = self.derived(name, "seal")?;
        UnboundKey::new(&AES_256_GCM, &key).map(LessSafeKey::new).map_err(|_| StoreError::Sealed)
    }

    /// Seals `code`, bound to `context`: moved to another card it does not open.
    pub(crate) fn seal(&self, code: &str, context: &str) -> Result<SealedCode, StoreError> {
        let key = self.ring.get(CURRENT).ok_or(StoreError::Sealed)?;
        let nonce: [u8; NONCE_LEN] = self.random.bytes()?;
        let mut sealed = code.as_bytes().to_vec();
        let aad = Aad::from(context.as_bytes());
        self.cipher(key)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .map_err(|_| StoreError::Sealed)?;
        Ok(SealedCode { key: key.clone(), sealed: STANDARD.encode([&nonce[..], &sealed].concat()) })
    }

    pub(crate) fn open(&self, code: &SealedCode, context: &str) -> Result<String, StoreError> {
        let mut bytes = STANDARD.decode(&code.sealed).map_err(|_| StoreError::Sealed)?;
        if bytes.len() < NONCE_LEN {
            return Err(StoreError::Sealed);
        }
        let mut body = bytes.split_off(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(&bytes).map_err(|_| StoreError::Sealed)?;
        let opened = self
            .cipher(&code.key)?
            .open_in_place(nonce, Aad::from(context.as_bytes()), &mut body)
            .map_err(|_| StoreError::Sealed)?;
        String::from_utf8(opened.to_vec()).map_err(|_| StoreError::Sealed)
    }

    /// A keyed fingerprint: tells two codes apart without holding either.
    pub(crate) fn print(&self, code: &str) -> Result<String, StoreError> {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &self.derived(FIRST, "print")?);
        Ok(hex::encode(&ring::hmac::sign(&key, code.as_bytes()).as_ref()[..16]))
    }
}

fn random_key(random: &Random) -> Result<String, StoreError> {
    Ok(STANDARD.encode(random.bytes::<32>()?))
}

/// A code that cannot be read, and the name of the key that opens it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SealedCode {
    pub(super) key: String,
    sealed: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer() -> Sealer {
        Sealer::from_ring(&Sealer::new_ring(&Random::system()).expect("a ring"), Random::system()).expect("a sealer")
    }

    #[test]
    fn a_sealed_code_opens_only_where_it_belongs() {
        let one = sealer();
        let sealed = one.seal("STAR-1234", "reward a print").expect("sealed");
        assert!(!sealed.sealed.contains("STAR"));
        assert_eq!(one.open(&sealed, "reward a print").expect("open"), "STAR-1234");
        assert!(one.open(&sealed, "reward b print").is_err());
        assert!(sealer().open(&sealed, "reward a print").is_err());
        assert!(one.open(&SealedCode { sealed: "AAAA".to_owned(), ..sealed.clone() }, "reward a print").is_err());
        assert!(one.open(&SealedCode { key: CURRENT.to_owned(), ..sealed }, "reward a print").is_err());
    }

    #[test]
    fn a_new_key_seals_and_the_old_one_still_opens_and_fingerprints() {
        let old = sealer();
        let before = old.seal("STAR-1", "card").expect("sealed");
        let new = Sealer::from_ring(&old.with_new_key("2027").expect("a ring"), Random::system()).expect("a sealer");
        let after = new.seal("STAR-2", "card").expect("sealed");
        assert_eq!((before.key.as_str(), after.key.as_str()), ("first", "2027"));
        assert_eq!(new.open(&before, "card").expect("open"), "STAR-1");
        assert!(old.open(&after, "card").is_err(), "the old ring does not have the new key");
        assert_eq!(old.print("STAR-1").expect("print"), new.print("STAR-1").expect("print"));
        assert!(new.with_new_key("2027").is_err(), "a key is never replaced");
    }

    #[test]
    fn a_ring_in_bad_form_is_refused() {
        let key = "k".repeat(KEY_TEXT_MIN);
        let cases = [
            String::new(),
            "[]".to_owned(),
            r#"{"first":1}"#.to_owned(),
            format!(r#"{{"first":"{key}"}}"#),
            format!(r#"{{"current":"current","first":"{key}"}}"#),
            format!(r#"{{"current":"second","first":"{key}"}}"#),
            format!(r#"{{"current":"second","second":"{key}"}}"#),
            r#"{"current":"first","first":"short"}"#.to_owned(),
        ];
        for ring in cases {
            assert!(Sealer::from_ring(&ring, Random::system()).is_err(), "{ring}");
        }
    }

    #[test]
    fn a_sealer_does_not_print_its_keys() {
        assert_eq!(format!("{:?}", sealer()), "Sealer(..)");
    }
}
