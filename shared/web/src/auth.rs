//! Who calls. Identity comes from the claims that the JWT authorizer verified, and from nothing else.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use event::ids::{PartnerId, ProgramId, Source, matches_pattern};

use crate::{Edge, Problem, Token};

/// What the issuer of tokens calls what Laurel looks for in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimNames {
    /// The claim that names the partner.
    pub partner: String,
    /// The claim that names the program.
    pub program: String,
    /// The claim that names the sources under which events may be sent.
    pub sources: String,
    /// What stands before `read`, `redeem`, `ingest` and `admin` in scopes, as `laurel/`.
    pub scope_prefix: String,
}

impl Default for ClaimNames {
    fn default() -> Self {
        let [partner, program, sources] = ["partner_id", "program", "sources"].map(str::to_owned);
        Self { partner, program, sources, scope_prefix: String::new() }
    }
}

impl ClaimNames {
    /// As the environment says: `PARTNER_CLAIM`, `PROGRAM_CLAIM`, `SOURCES_CLAIM`, `SCOPE_PREFIX`, each as usual where it is not set.
    pub fn from_env() -> Self {
        let usual = Self::default();
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            partner: text("PARTNER_CLAIM").unwrap_or(usual.partner),
            program: text("PROGRAM_CLAIM").unwrap_or(usual.program),
            sources: text("SOURCES_CLAIM").unwrap_or(usual.sources),
            scope_prefix: text("SCOPE_PREFIX").unwrap_or_default(),
        }
    }
}

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// See accounts.
    Read,
    /// Spend points.
    Redeem,
    /// Send events.
    Ingest,
    /// See any partner of the program.
    Admin,
}

impl Scope {
    fn word(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Redeem => "redeem",
            Scope::Ingest => "ingest",
            Scope::Admin => "admin",
        }
    }
}

/// A verified caller.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The program that the token is for.
    pub program: ProgramId,
    partner: Option<PartnerId>,
    scopes: Vec<String>,
    /// Patterns of the sources it may send under.
    sources: Vec<String>,
}

impl Caller {
    /// Whether the caller may send events of this source: that one names another system's is a forgery, or a slip. A token that
    /// names no sources sends none.
    pub fn may_send_as(&self, source: &Source) -> bool {
        self.sources.iter().any(|pattern| matches_pattern(pattern, source))
    }

    /// The caller may do this.
    ///
    /// # Errors
    /// A [`Problem`] `missing_scope`.
    pub fn may(&self, scope: Scope) -> Result<(), Problem> {
        if self.scopes.iter().any(|s| s == scope.word()) {
            return Ok(());
        }
        let detail = format!("the token lacks the scope `{}`", scope.word());
        Err(Problem::new(StatusCode::FORBIDDEN, "missing_scope", detail))
    }

    /// The partner of a path: the caller's own, or any for the vendor's staff. Others' are not found.
    ///
    /// # Errors
    /// A [`Problem`]: `missing_scope` or `not_found`.
    pub fn partner(&self, path: &str, scope: Scope) -> Result<PartnerId, Problem> {
        self.may(scope)?;
        let asked =
            PartnerId::try_from(path).ok().filter(|asked| !asked.is_internal()).ok_or_else(Problem::not_found)?;
        let own = self.partner.as_ref() == Some(&asked);
        let staff = scope == Scope::Read && self.may(Scope::Admin).is_ok();
        if own || staff { Ok(asked) } else { Err(Problem::not_found()) }
    }

    /// The partner the token is for.
    ///
    /// # Errors
    /// A [`Problem`] `no_partner`.
    pub fn own_partner(&self) -> Result<PartnerId, Problem> {
        self.partner
            .clone()
            .ok_or_else(|| Problem::new(StatusCode::FORBIDDEN, "no_partner", "the token is for no partner"))
    }
}

fn unauthorized() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "a valid token is needed")
}

impl<S: Edge> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &S) -> Result<Self, Problem> {
        let jwt = parts.extensions.get::<Token>().ok_or_else(unauthorized)?;
        let claim = |name: &str| jwt.claims.get(name).map(String::as_str);
        // The gateway refuses expired tokens; a token that never expires is refused here.
        let expires: i64 = claim("exp").and_then(|exp| exp.parse().ok()).unwrap_or(0);
        if expires <= edge.clock().now().as_second() {
            return Err(unauthorized());
        }
        let names = parts.extensions.get::<ClaimNames>().cloned().unwrap_or_default();
        let program = claim(&names.program).and_then(|p| ProgramId::try_from(p).ok()).ok_or_else(unauthorized)?;
        let partner = claim(&names.partner).and_then(|p| PartnerId::try_from(p).ok()).filter(|p| !p.is_internal());
        // As the gateway does: `scope`, or `scp` where an issuer calls it so.
        let given = ["scope", "scp"].into_iter().filter_map(claim).flat_map(words);
        let scopes = given.chain(jwt.scopes.iter().flatten().cloned());
        let scopes = scopes.filter_map(|scope| scope.strip_prefix(&names.scope_prefix).map(str::to_owned)).collect();
        Ok(Self { program, partner, scopes, sources: claim(&names.sources).map(words).unwrap_or_default() })
    }
}

/// The words of a claim: the gateway hands a list on as one text, as `[a b]`.
fn words(claim: &str) -> Vec<String> {
    let words = claim.split(|c: char| c.is_whitespace() || matches!(c, ',' | '[' | ']' | '"'));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
