//! Development tokens: signed and checked with a key of the data folder. On AWS an issuer of the vendor's does this.

use std::io::Write;
use std::path::Path;

use ambient::{Clock, NoRandom, Random};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

/// Who signs local tokens.
const ISSUER: &str = "laurel-local";
/// Whom local tokens are for.
const AUDIENCE: &str = "laurel";
/// How long a development token is valid, in seconds: a working day and a night.
const VALID_SECONDS: u64 = 24 * 3600;
/// Length of a key, in bytes.
const KEY_BYTES: usize = 32;

/// What a token says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// The partner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner_id: Option<String>,
    /// The program.
    pub program: String,
    /// Scopes, a blank between them.
    pub scope: String,
    /// Patterns of the sources under which it may send, as one text; any where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<String>,
    /// Who signed it.
    pub iss: String,
    /// Whom it is for.
    pub aud: String,
    /// When it ends, in seconds since 1970.
    pub exp: u64,
}

/// Why there is no key or no valid token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The key file cannot be read or made.
    #[error("the key file cannot be used: {0}")]
    Key(#[from] std::io::Error),
    /// The token is not valid here.
    #[error("the token is not valid: {0}")]
    Invalid(#[from] jsonwebtoken::errors::Error),
    /// The system gives no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandom),
}

/// Signs and checks tokens.
#[derive(Clone)]
pub struct Tokens {
    sign: EncodingKey,
    check: DecodingKey,
    clock: Clock,
}

impl Tokens {
    /// With the key of a data folder, which is made where it is missing; without a folder with a key of this process.
    ///
    /// # Errors
    /// [`TokenError::Key`], [`TokenError::Random`].
    pub fn open(data: Option<&Path>, clock: Clock, random: &Random) -> Result<Self, TokenError> {
        let key = key(data, random)?;
        Ok(Self { sign: EncodingKey::from_secret(&key), check: DecodingKey::from_secret(&key), clock })
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
        let now = u64::try_from(self.clock.now().as_second()).unwrap_or(0);
        let claims = Claims {
            partner_id: partner.map(str::to_owned),
            program: program.to_owned(),
            scope: scopes.join(" "),
            sources: Some(sources.join(" ")).filter(|sources| !sources.is_empty()),
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            exp: now + VALID_SECONDS,
        };
        Ok(encode(&Header::new(Algorithm::HS256), &claims, &self.sign)?)
    }

    /// The claims of a token that is signed with our key, by our algorithm, for us, and has not ended.
    ///
    /// # Errors
    /// [`TokenError::Invalid`].
    pub fn check(&self, token: &str) -> Result<Claims, TokenError> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_audience(&[AUDIENCE]);
        rules.set_issuer(&[ISSUER]);
        rules.set_required_spec_claims(&["exp", "aud", "iss"]);
        rules.leeway = 0;
        rules.validate_nbf = true;
        Ok(decode::<Claims>(token, &self.check, &rules)?.claims)
    }
}

fn key(data: Option<&Path>, random: &Random) -> Result<[u8; KEY_BYTES], TokenError> {
    let Some(folder) = data else { return Ok(random.bytes()?) };
    let path = folder.join("token-key");
    if let Ok(found) = std::fs::read(&path) {
        return found.try_into().map_err(|_| {
            TokenError::Key(std::io::Error::other(format!("{} does not hold {KEY_BYTES} bytes", path.display())))
        });
    }
    std::fs::create_dir_all(folder)?;
    let fresh = random.bytes()?;
    write_private(&path, &fresh)?;
    Ok(fresh)
}

/// Opens a file that only its owner can read, and makes it where it is missing; one that others could read they can no more.
pub(crate) fn open_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(())
}

/// Writes a file that only its owner can read.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C5: a token of the future was taken.
    #[test]
    fn c5_a_token_that_is_not_valid_yet_is_refused() {
        let tokens = Tokens::open(None, Clock::system(), &Random::system()).expect("keys");
        let now = Clock::system().now().as_second();
        let signed = |nbf: i64| {
            let claims = serde_json::json!({ "program": "p", "scope": "read", "iss": ISSUER, "aud": AUDIENCE, "exp": now + 600, "nbf": nbf });
            encode(&Header::new(Algorithm::HS256), &claims, &tokens.sign).expect("a token")
        };
        assert!(tokens.check(&signed(now - 1)).is_ok());
        assert!(tokens.check(&signed(now + 300)).is_err());
    }
}
