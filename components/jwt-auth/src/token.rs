//! Whose token it is, or why it does not count. Nothing in here knows of HTTP or of the host.

use crate::algorithms;
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};

/// How far the clock of whoever signs may be from ours.
const LEEWAY_SECONDS: u64 = 5;
/// A secret should have as many bytes as the hash it goes into (RFC 7518, 3.2).
const SECRET_BYTES_ADVISED: usize = 32;

/// Why a token does not count, in words that a client may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is none.
    NoToken,
    /// There is something else in its place, or something is wrong with it.
    Invalid(String),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoToken => "send a token: the header authorization is missing",
            Self::Invalid(why) => why,
        })
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Invalid(match error.into_kind() {
            ErrorKind::InvalidSignature => "the signature does not match".to_owned(),
            ErrorKind::ExpiredSignature => "the token has expired".to_owned(),
            ErrorKind::ImmatureSignature => "the token is not valid yet".to_owned(),
            ErrorKind::InvalidIssuer => "the token is from another issuer".to_owned(),
            ErrorKind::InvalidAudience => "the token is for another audience".to_owned(),
            ErrorKind::MissingRequiredClaim(claim) => format!("the token has no claim {claim}"),
            ErrorKind::InvalidClaimFormat(claim) => format!("the claim {claim} is malformed"),
            _ => "the token is malformed".to_owned(),
        })
    }
}

/// The token in the values of the header `authorization`.
pub(crate) fn bearer(values: &[Vec<u8>]) -> Result<&str, Refusal> {
    let value = match values {
        [] => return Err(Refusal::NoToken),
        [value] => std::str::from_utf8(value).unwrap_or_default(),
        _ => return Err(Refusal::Invalid("the header authorization is there twice".to_owned())),
    };
    match value.trim().split_once(' ') {
        // The name of a scheme may be written in any case (RFC 9110, 11.1).
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim_start()),
        _ => Err(Refusal::Invalid("the header authorization holds no bearer token".to_owned())),
    }
}

/// Knows a valid token when it sees one.
pub(crate) struct Verifier {
    algorithm: Algorithm,
    key: DecodingKey,
    validation: Validation,
}

impl Verifier {
    /// A verifier for tokens that are signed with `key`: RS256 where that is a public key in PEM,
    /// else HS256. The key decides, never the token: otherwise whoever knows the public key could
    /// use it as a secret.
    pub(crate) fn new(key: &str) -> Result<Self, String> {
        let (algorithm, key) = if key.trim_start().starts_with("-----BEGIN ") {
            (Algorithm::RS256, algorithms::rsa_key(key.trim())?)
        } else {
            // A file with a secret often ends with a line break that nobody means.
            let secret = key.trim_end_matches(['\r', '\n']);
            match secret.len() {
                0 => return Err("the secret \"jwt-key\" is empty".to_owned()),
                1..SECRET_BYTES_ADVISED => eprintln!(
                    "the secret \"jwt-key\" has less than {SECRET_BYTES_ADVISED} bytes and may be guessed"
                ),
                _ => {}
            }
            (Algorithm::HS256, DecodingKey::from_secret(secret.as_bytes()))
        };
        algorithms::install();
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "sub"]);
        Ok(Self { algorithm, key, validation })
    }

    /// Has tokens refused that another one issued.
    pub(crate) fn require_issuer(&mut self, issuer: &str) {
        self.validation.set_issuer(&[issuer]);
        self.validation.required_spec_claims.insert("iss".to_owned());
    }

    /// Has tokens refused that are not for `audience`. Without this, a token that names any
    /// audience is refused, for it cannot be us (RFC 7519, 4.1.3).
    pub(crate) fn require_audience(&mut self, audience: &str) {
        self.validation.set_audience(&[audience]);
        self.validation.required_spec_claims.insert("aud".to_owned());
    }

    /// Whose token it is.
    pub(crate) fn subject(&self, token: &str) -> Result<String, Refusal> {
        #[derive(serde::Deserialize)]
        struct Claims {
            sub: Option<String>,
        }
        // Told apart from other mistakes: this one is an attack, or a wrong key in the app.
        let header = jsonwebtoken::decode_header(token).ok();
        let Some(header) = header.filter(|header| header.alg == self.algorithm) else {
            let wanted = self.algorithm;
            return Err(Refusal::Invalid(format!("this is no token signed with {wanted:?}")));
        };
        // What the header calls critical has to be understood (RFC 7515, 4.1.11), and none of it is.
        if header.crit.is_some() {
            return Err(Refusal::Invalid("the token has critical extensions".to_owned()));
        }
        let claims: Claims = jsonwebtoken::decode(token, &self.key, &self.validation)?.claims;
        match claims.sub {
            Some(sub) if !sub.is_empty() && !sub.contains(char::is_control) => Ok(sub),
            _ => Err(Refusal::Invalid("the claim sub is malformed".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Refusal, Verifier, bearer};
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use hmac::{Hmac, Mac};
    use serde_json::{Value, json};
    use sha2::Sha256;
    use std::time::{SystemTime, UNIX_EPOCH};

    const SECRET: &str = "a secret of thirty-two bytes, at least";
    /// A key pair was made with openssl for these documents; its private half is kept nowhere.
    const PUBLIC_KEY: &str = include_str!("../tests/rsa_public.pem");
    const PUBLIC_KEY_PKCS1: &str = include_str!("../tests/rsa_public_pkcs1.pem");
    const PUBLIC_KEY_1024_BITS: &str = include_str!("../tests/rsa_public_1024_bits.pem");
    /// Of alice, until the year 2100.
    const RS256: &str = include_str!("../tests/rs256.jwt");
    /// Of alice, until the year 2011.
    const RS256_EXPIRED: &str = include_str!("../tests/rs256_expired.jwt");

    fn now() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
    }

    fn in_an_hour() -> u64 {
        now() + 3600
    }

    fn encoded(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    fn token(header: &Value, claims: &Value, secret: &str) -> String {
        let message = format!("{}.{}", encoded(header), encoded(claims));
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
        mac.update(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    fn hs256(claims: &Value) -> String {
        token(&json!({ "alg": "HS256" }), claims, SECRET)
    }

    fn verifier(key: &str) -> Verifier {
        Verifier::new(key).expect("a key")
    }

    /// What a verifier with [`SECRET`] says of claims that are signed with it.
    fn verdict(claims: &Value) -> Result<String, String> {
        verifier(SECRET).subject(&hs256(claims)).map_err(|refusal| refusal.to_string())
    }

    fn refused(why: &str) -> Result<String, String> {
        Err(why.to_owned())
    }

    #[test]
    fn a_valid_token_gives_its_subject() {
        assert_eq!(verdict(&json!({ "sub": "alice", "exp": in_an_hour() })), Ok("alice".into()));
        assert_eq!(verifier(PUBLIC_KEY).subject(RS256), Ok("alice".into()));
        assert_eq!(verifier(PUBLIC_KEY_PKCS1).subject(RS256), Ok("alice".into()));
    }

    #[test]
    fn time_is_judged_with_little_leeway() {
        let alice = |exp, nbf| verdict(&json!({ "sub": "alice", "exp": exp, "nbf": nbf }));
        assert_eq!(alice(now() - 30, 0), refused("the token has expired"));
        assert_eq!(alice(in_an_hour(), now() + 30), refused("the token is not valid yet"));
        assert_eq!(alice(now() - 1, now()), Ok("alice".into()));
        let expired = verifier(PUBLIC_KEY).subject(RS256_EXPIRED);
        assert_eq!(expired, Err(Refusal::Invalid("the token has expired".into())));
    }

    #[test]
    fn claims_that_are_missing_or_malformed_are_named() {
        let exp = in_an_hour();
        assert_eq!(verdict(&json!({ "sub": "alice" })), refused("the token has no claim exp"));
        assert_eq!(verdict(&json!({ "exp": exp })), refused("the token has no claim sub"));
        for sub in ["", "a\nb", "a\u{7f}"] {
            let claims = json!({ "sub": sub, "exp": exp });
            assert_eq!(verdict(&claims), refused("the claim sub is malformed"), "{sub:?}");
        }
        assert!(verdict(&json!({ "sub": "alice", "exp": "soon" })).is_err());
    }

    #[test]
    fn another_signature_is_refused() {
        let claims = json!({ "sub": "alice", "exp": in_an_hour() });
        let forged = token(&json!({ "alg": "HS256" }), &claims, "another secret");
        let found = verifier(SECRET).subject(&forged);
        assert_eq!(found, Err(Refusal::Invalid("the signature does not match".into())));

        let token = hs256(&claims);
        let (message, _) = token.rsplit_once('.').expect("three parts");
        let (header, _) = message.split_once('.').expect("three parts");
        let mallory = encoded(&json!({ "sub": "mallory", "exp": in_an_hour() }));
        let (_, signature) = token.rsplit_once('.').expect("three parts");
        assert!(verifier(SECRET).subject(&format!("{header}.{mallory}.{signature}")).is_err());
        assert!(verifier(SECRET).subject(message).is_err());
        assert!(verifier(SECRET).subject(&format!("{message}.")).is_err());
    }

    #[test]
    fn the_key_decides_the_algorithm() {
        let claims = json!({ "sub": "mallory", "exp": in_an_hour() });
        // The public key, which everybody knows, used as a secret.
        let confused = token(&json!({ "alg": "HS256" }), &claims, PUBLIC_KEY);
        let found = verifier(PUBLIC_KEY).subject(&confused);
        assert_eq!(found, Err(Refusal::Invalid("this is no token signed with RS256".into())));
        let found = verifier(SECRET).subject(RS256);
        assert_eq!(found, Err(Refusal::Invalid("this is no token signed with HS256".into())));
        for alg in ["none", "None", "HS384", "RS256", ""] {
            let signed = token(&json!({ "alg": alg }), &claims, SECRET);
            assert!(verifier(SECRET).subject(&signed).is_err(), "{alg}");
            let (message, _) = signed.rsplit_once('.').expect("three parts");
            assert!(verifier(SECRET).subject(&format!("{message}.")).is_err(), "{alg}");
        }
    }

    #[test]
    fn critical_extensions_are_refused() {
        let header = json!({ "alg": "HS256", "crit": ["exp"] });
        let token = token(&header, &json!({ "sub": "alice", "exp": in_an_hour() }), SECRET);
        let found = verifier(SECRET).subject(&token);
        assert_eq!(found, Err(Refusal::Invalid("the token has critical extensions".into())));
    }

    #[test]
    fn issuer_and_audience_count_where_they_are_asked_for() {
        let mut strict = verifier(SECRET);
        strict.require_issuer("https://login.example.com");
        strict.require_audience("profile");
        let with = |iss: &str, aud: &str| {
            hs256(&json!({ "sub": "alice", "exp": in_an_hour(), "iss": iss, "aud": aud }))
        };
        let ours = with("https://login.example.com", "profile");
        assert_eq!(strict.subject(&ours), Ok("alice".into()));
        assert!(strict.subject(&with("https://example.net", "profile")).is_err());
        assert!(strict.subject(&with("https://login.example.com", "shop")).is_err());
        assert!(strict.subject(&hs256(&json!({ "sub": "a", "exp": in_an_hour() }))).is_err());
        // Who is nobody's audience takes no token that is for somebody.
        assert!(verifier(SECRET).subject(&ours).is_err());
    }

    #[test]
    fn text_that_is_no_token_is_refused() {
        for text in ["", ".", "..", "...", "a.b.c", "eyJhbGciOiJIUzI1NiJ9", "\u{0}.\u{0}.\u{0}"] {
            assert!(verifier(SECRET).subject(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_token_is_found_behind_the_scheme() {
        let one = |value: &str| bearer(&[value.as_bytes().to_vec()]).map(str::to_owned);
        assert_eq!(one("Bearer abc"), Ok("abc".into()));
        assert_eq!(one("bearer  abc "), Ok("abc".into()));
        assert_eq!(bearer(&[]), Err(Refusal::NoToken));
        for value in ["", "abc", "Basic abc", "Bearer"] {
            assert!(matches!(one(value), Err(Refusal::Invalid(_))), "{value:?}");
        }
        assert!(bearer(&[b"Bearer a".to_vec(), b"Bearer b".to_vec()]).is_err());
        assert!(bearer(&[vec![0xff]]).is_err());
    }

    #[test]
    fn keys_that_are_empty_broken_or_short_are_refused() {
        for key in ["", "\n", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
            assert!(Verifier::new(key).is_err(), "{key:?}");
        }
        let error = Verifier::new(PUBLIC_KEY_1024_BITS).err().unwrap_or_default();
        assert!(error.contains("2048"), "{error}");
    }

    #[test]
    fn the_line_break_at_the_end_of_a_secret_is_not_meant() {
        let token = hs256(&json!({ "sub": "alice", "exp": in_an_hour() }));
        assert_eq!(verifier(&format!("{SECRET}\n")).subject(&token), Ok("alice".into()));
    }
}
