//! The issuer of development tokens: RS256, with a key of the data folder that it publishes like any issuer. On AWS an issuer of
//! the vendor's does this.

use std::path::Path;
use std::sync::OnceLock;

use ambient::{Clock, NoRandom, Random};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use rsa::RsaPrivateKey;
use rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey};
use rsa::rand_core::{CryptoRng, RngCore};
use rsa::traits::PublicKeyParts;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::private::write_private;

/// Whom local tokens are for.
const AUDIENCE: &str = "laurel";
/// How long a development token is valid, in seconds: a working day and a night.
const VALID_SECONDS: i64 = 24 * 3600;
/// Length of the key, in bits.
const KEY_BITS: usize = 2_048;
/// The key's name, in tokens and in the published set.
const KEY_ID: &str = "local";
/// The issuer where `serve` has not said another one.
const USUAL_ISSUER: &str = "http://127.0.0.1:8787";

/// Files of the data folder: the private key (PKCS #1), and the issuer's address.
const KEY_FILE: &str = "token-key.der";
const ISSUER_FILE: &str = "issuer";

/// What a development token says.
#[derive(Clone, Debug, Serialize)]
struct Claims<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    partner_id: Option<&'a str>,
    program: &'a str,
    /// Scopes, a blank between them.
    scope: String,
    /// Patterns of the sources under which it may send, a blank between them.
    sources: String,
    iss: &'a str,
    aud: &'a str,
    exp: i64,
}

/// Why there is no key or no valid token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The key file cannot be read or made.
    #[error("the key file cannot be used: {0}")]
    File(#[from] std::io::Error),
    /// The key cannot be made, or what is in the file is none.
    #[error("the key cannot be used: {0}")]
    Key(String),
    /// The token is not valid here.
    #[error("the token is not valid: {0}")]
    Invalid(#[from] jsonwebtoken::errors::Error),
    /// The token asks for what is not understood here (RFC 7515, 4.1.11).
    #[error("the token is not valid: it has critical headers")]
    Critical,
    /// The system gives no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandom),
}

/// Signs and checks tokens.
#[derive(Clone)]
pub struct Tokens {
    sign: EncodingKey,
    check: DecodingKey,
    key: RsaPrivateKey,
    issuer: String,
    clock: Clock,
}

impl Tokens {
    /// The issuer at `issuer`, with the key of a data folder, which is made where it is missing; without a folder with a key of
    /// this process.
    ///
    /// # Errors
    /// [`TokenError::File`], [`TokenError::Key`], [`TokenError::Random`].
    pub fn open(data: Option<&Path>, issuer: &str, clock: Clock, random: &Random) -> Result<Self, TokenError> {
        let Some(folder) = data else { return Self::new(key_of_process(random)?, issuer, clock) };
        std::fs::create_dir_all(folder)?;
        write_private(&folder.join(ISSUER_FILE), issuer.as_bytes())?;
        Self::new(key_of_folder(folder, random)?, issuer, clock)
    }

    /// Whoever has a data folder may sign as its issuer.
    ///
    /// # Errors
    /// As [`Tokens::open`].
    pub fn of_folder(folder: &Path, clock: Clock, random: &Random) -> Result<Self, TokenError> {
        let issuer = std::fs::read_to_string(folder.join(ISSUER_FILE)).unwrap_or_else(|_| USUAL_ISSUER.to_owned());
        Self::new(key_of_folder(folder, random)?, issuer.trim(), clock)
    }

    fn new(key: RsaPrivateKey, issuer: &str, clock: Clock) -> Result<Self, TokenError> {
        let der = key.to_pkcs1_der().map_err(bad_key)?;
        let check = DecodingKey::from_rsa_raw_components(&key.n().to_bytes_be(), &key.e().to_bytes_be());
        Ok(Self { sign: EncodingKey::from_rsa_der(der.as_bytes()), check, key, issuer: issuer.to_owned(), clock })
    }

    /// A token for a partner (or none) in a program, that may send under any source.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] if it cannot be signed.
    pub fn sign(&self, partner: Option<&str>, program: &str, scopes: &[String]) -> Result<String, TokenError> {
        self.sign_for(partner, program, scopes, &[])
    }

    /// As [`Tokens::sign`]; where sources are named, it may send under these only.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] if it cannot be signed.
    pub fn sign_for(
        &self,
        partner: Option<&str>,
        program: &str,
        scopes: &[String],
        sources: &[String],
    ) -> Result<String, TokenError> {
        let claims = Claims {
            partner_id: partner,
            program,
            scope: scopes.join(" "),
            sources: if sources.is_empty() { "*".to_owned() } else { sources.join(" ") },
            iss: &self.issuer,
            aud: AUDIENCE,
            exp: self.clock.now().as_second() + VALID_SECONDS,
        };
        let header = Header { kid: Some(KEY_ID.to_owned()), ..Header::new(Algorithm::RS256) };
        Ok(encode(&header, &claims, &self.sign)?)
    }

    /// The claims of a token that is signed with our key, by our algorithm, for us, and has not ended: as texts, numbers and lists
    /// too, as the gateway hands them on.
    ///
    /// # Errors
    /// [`TokenError::Invalid`], [`TokenError::Critical`].
    pub fn check(&self, token: &str) -> Result<std::collections::BTreeMap<String, String>, TokenError> {
        let mut rules = Validation::new(Algorithm::RS256);
        rules.set_audience(&[AUDIENCE]);
        rules.set_issuer(&[&self.issuer]);
        rules.set_required_spec_claims(&["exp", "aud", "iss"]);
        rules.leeway = 0;
        rules.validate_nbf = true;
        if decode_header(token)?.crit.is_some() {
            return Err(TokenError::Critical);
        }
        let claims = decode::<Map<String, Value>>(token, &self.check, &rules)?.claims;
        Ok(claims.into_iter().map(|(name, value)| (name, as_text(value))).collect())
    }

    /// What an issuer says of itself (OpenID Connect Discovery).
    pub fn configuration(&self) -> Value {
        json!({
            "issuer": self.issuer, "jwks_uri": format!("{}{KEYS_PATH}", self.issuer), "response_types_supported": ["token"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"],
        })
    }

    /// The keys that check its tokens (RFC 7517).
    pub fn keys(&self) -> Value {
        let [n, e] = [self.key.n(), self.key.e()].map(|number| URL_SAFE_NO_PAD.encode(number.to_bytes_be()));
        json!({ "keys": [{ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "n": n, "e": e }] })
    }
}

/// Where the issuer says what it is, and its keys.
pub(crate) const CONFIGURATION_PATH: &str = "/.well-known/openid-configuration";
pub(crate) const KEYS_PATH: &str = "/.well-known/jwks.json";

/// A claim as the gateway hands it on: a list as `[a b]`.
fn as_text(claim: Value) -> String {
    match claim {
        Value::String(text) => text,
        Value::Array(all) => format!("[{}]", all.into_iter().map(as_text).collect::<Vec<_>>().join(" ")),
        other => other.to_string(),
    }
}

fn bad_key(error: impl std::fmt::Display) -> TokenError {
    TokenError::Key(error.to_string())
}

fn key_of_folder(folder: &Path, random: &Random) -> Result<RsaPrivateKey, TokenError> {
    let path = folder.join(KEY_FILE);
    if let Ok(found) = std::fs::read(&path) {
        let not_one = |error| TokenError::Key(format!("{} holds none: {error}", path.display()));
        return RsaPrivateKey::from_pkcs1_der(&found).map_err(not_one);
    }
    let fresh = fresh_key(random)?;
    write_private(&path, fresh.to_pkcs1_der().map_err(bad_key)?.as_bytes())?;
    Ok(fresh)
}

/// One key for all stacks of this process that have no folder: making one takes a while.
fn key_of_process(random: &Random) -> Result<RsaPrivateKey, TokenError> {
    static KEY: OnceLock<RsaPrivateKey> = OnceLock::new();
    if let Some(key) = KEY.get() {
        return Ok(key.clone());
    }
    let fresh = fresh_key(random)?;
    Ok(KEY.get_or_init(|| fresh).clone())
}

fn fresh_key(random: &Random) -> Result<RsaPrivateKey, TokenError> {
    // What makes keys takes no error of what gives it chance, so the system is asked once before.
    random.bytes::<8>()?;
    RsaPrivateKey::new(&mut Chance(random), KEY_BITS).map_err(bad_key)
}

/// What makes keys asks for chance in its own words.
struct Chance<'a>(&'a Random);

impl RngCore for Chance<'_> {
    fn next_u32(&mut self) -> u32 {
        rsa::rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rsa::rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        for chunk in dest.chunks_mut(32) {
            // Without chance there is no key; the process must not go on with a guessable one.
            let bytes = self.0.bytes::<32>().unwrap_or_else(|error| panic!("no key can be made: {error}"));
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rsa::rand_core::Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl CryptoRng for Chance<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        Tokens::open(None, USUAL_ISSUER, Clock::system(), &Random::system()).expect("keys")
    }

    fn signed(tokens: &Tokens, header: &Header, changed: &Value) -> String {
        let exp = Clock::system().now().as_second() + 600;
        let mut claims = json!({ "program": "p", "scope": "read", "iss": USUAL_ISSUER, "aud": AUDIENCE, "exp": exp });
        for (name, value) in changed.as_object().expect("claims") {
            claims[name] = value.clone();
        }
        encode(header, &claims, &tokens.sign).expect("a token")
    }

    /// C5: what the gateway takes and refuses.
    #[test]
    fn c5_tokens_are_checked_as_the_gateway_does() {
        let tokens = tokens();
        let now = Clock::system().now().as_second();
        let usual = Header::new(Algorithm::RS256);
        let taken = [
            json!({}),
            json!({ "nbf": now - 1 }),
            json!({ "aud": ["other", AUDIENCE] }),
            json!({ "scope": ["read", "redeem"] }),
            json!({ "scp": ["read"] }),
        ];
        for claims in taken {
            assert!(tokens.check(&signed(&tokens, &usual, &claims)).is_ok(), "{claims}");
        }
        let refused = [
            json!({ "nbf": now + 300 }),
            json!({ "exp": now - 1 }),
            json!({ "aud": "other" }),
            json!({ "aud": ["other"] }),
            json!({ "iss": "http://127.0.0.1:1" }),
        ];
        for claims in refused {
            assert!(tokens.check(&signed(&tokens, &usual, &claims)).is_err(), "{claims}");
        }
        let critical = Header { crit: Some(vec!["exp".to_owned()]), ..usual.clone() };
        assert!(matches!(tokens.check(&signed(&tokens, &critical, &json!({}))), Err(TokenError::Critical)));
        let shared = EncodingKey::from_secret(b"laurel");
        let other = encode(&Header::new(Algorithm::HS256), &json!({ "exp": now + 600 }), &shared).expect("a token");
        assert!(tokens.check(&other).is_err(), "another algorithm");
        let claims = tokens.check(&signed(&tokens, &usual, &json!({ "scope": ["read", "redeem"] }))).expect("claims");
        assert_eq!(claims["scope"], "[read redeem]");
    }

    /// C5: anybody can check its tokens with what it publishes.
    #[test]
    fn c5_the_published_key_checks_what_it_signs() {
        let tokens = tokens();
        let key = tokens.keys()["keys"][0].clone();
        let text = |name: &str| key[name].as_str().expect("text").to_owned();
        let check = DecodingKey::from_rsa_components(&text("n"), &text("e")).expect("a key");
        let mut rules = Validation::new(Algorithm::RS256);
        rules.set_audience(&[AUDIENCE]);
        let token = tokens.sign(Some("q"), "p", &["read".to_owned()]).expect("a token");
        assert_eq!(decode_header(&token).expect("a header").kid, Some(text("kid")));
        assert_eq!(decode::<Value>(&token, &check, &rules).expect("valid").claims["partner_id"], "q");
        assert_eq!(tokens.configuration()["issuer"], USUAL_ISSUER);
    }

    #[test]
    fn a_folder_keeps_its_key_and_its_issuer() {
        let folder = std::env::temp_dir().join(format!("laurel-tokens-{}", std::process::id()));
        let (clock, random) = (Clock::system(), Random::system());
        let first = Tokens::open(Some(&folder), "http://127.0.0.1:9", clock.clone(), &random).expect("keys");
        let token = Tokens::of_folder(&folder, clock, &random).expect("keys").sign(None, "p", &[]).expect("a token");
        assert_eq!(first.check(&token).expect("valid")["sources"], "*");
        std::fs::remove_dir_all(folder).expect("removed");
    }
}
