//! `GET /api/fast-user`: who is asking, and have we seen them before?
//!
//! The visitor's address is looked up in the key-value store `visitors`. On a miss the record is
//! stored *after* the response was sent: the visitor waits for one read and never for a write. The
//! component goes on for as long as a task of its own does, and the host keeps it alive for that.

use bindings::selvedge::keyvalue::store::{self, Bucket, SetOptions};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{Method, StatusCode};
use std::net::IpAddr;
use wasip3::exports::http::handler::Guest;
use wasip3::http::types::{ErrorCode, Request, Response};
use wasip3::{http_compat::http_into_wasi_response, spawn_local};

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "selvedge:app/capabilities",
        generate_all,
    });
}

const STORE: &str = "visitors";
const REMEMBERED_SECONDS: u64 = 3600;
/// What the header says of an address that belongs to no country.
const NO_COUNTRY: &str = "XX";

/// What is kept of a visitor; the key is the address.
#[derive(serde::Serialize, serde::Deserialize)]
struct Visitor {
    country: String,
}

/// What the visitor is told.
#[derive(serde::Serialize)]
struct Answer {
    status: &'static str,
    ip: IpAddr,
    country: String,
}

/// Why the visitor is told nothing.
#[derive(serde::Serialize)]
struct Reason {
    reason: &'static str,
}

struct FastUser;

wasip3::http::service::export!(FastUser);

impl Guest for FastUser {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let method: Method = request.get_method().try_into().unwrap_or_default();
        if method != Method::GET && method != Method::HEAD {
            return reply(StatusCode::METHOD_NOT_ALLOWED, &Reason { reason: "use GET" });
        }
        let headers = request.get_headers();
        let address = match address(&headers.get("cf-connecting-ip")) {
            Ok(address) => address,
            Err(why) => return reply(StatusCode::BAD_REQUEST, &Reason { reason: why }),
        };
        match look_up(address, country(&headers.get("cf-ipcountry"))).await {
            Ok(answer) => reply(StatusCode::OK, &answer),
            Err(error) => {
                eprintln!("store {STORE:?} could not be read: {error}");
                reply(
                    StatusCode::SERVICE_UNAVAILABLE,
                    &Reason { reason: "the visitors cannot be looked up now" },
                )
            }
        }
    }
}

/// The answer about a visitor. One whom we do not know yet is stored when the answer is on its way.
async fn look_up(address: IpAddr, country: String) -> Result<Answer, store::Error> {
    let visitors = store::open(STORE.to_owned()).await?;
    let known = visitors.get(address.to_string()).await?;
    // A record that cannot be read is as good as none: it is written anew.
    let known = known.and_then(|bytes| serde_json::from_slice::<Visitor>(&bytes).ok());
    let (status, visitor) = match known {
        Some(visitor) => ("hit", visitor),
        None => {
            spawn_local(remember(visitors, address, country.clone()));
            ("miss", Visitor { country })
        }
    };
    Ok(Answer { status, ip: address, country: visitor.country })
}

/// Stores a visitor. Nobody waits for it, so a failure is told to the log.
async fn remember(visitors: Bucket, address: IpAddr, country: String) {
    let options = SetOptions { ttl_seconds: Some(REMEMBERED_SECONDS), metadata: None };
    let stored = match serde_json::to_vec(&Visitor { country }) {
        Ok(value) => visitors
            .set(address.to_string(), value, Some(options))
            .await
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = stored {
        eprintln!("visitor {address} was not stored: {error}");
    }
}

/// The address in the values of the header `cf-connecting-ip`, which the proxy in front sets.
fn address(values: &[Vec<u8>]) -> Result<IpAddr, &'static str> {
    let [value] = values else {
        return Err(match values.len() {
            0 => "the header cf-connecting-ip is missing",
            _ => "the header cf-connecting-ip is there more than once",
        });
    };
    std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .ok_or("the header cf-connecting-ip holds no IP address")
}

/// The country in the values of the header `cf-ipcountry`: two letters (T1 is the Tor network).
fn country(values: &[Vec<u8>]) -> String {
    match values {
        [value] if value.len() == 2 && value.iter().all(u8::is_ascii_alphanumeric) => {
            String::from_utf8_lossy(value).to_ascii_uppercase()
        }
        _ => NO_COUNTRY.to_owned(),
    }
}

fn reply(status: StatusCode, answer: &impl serde::Serialize) -> Result<Response, ErrorCode> {
    let body = serde_json::to_string(answer).map_err(internal)?;
    let mut response = http::Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json")
        .header(CONTENT_LENGTH, body.len())
        .header(CACHE_CONTROL, "no-store")
        .header("x-served-by", "selvedge");
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response = response.header(ALLOW, "GET, HEAD");
    }
    http_into_wasi_response(response.body(body).map_err(internal)?)
}

fn internal(error: impl std::fmt::Display) -> ErrorCode {
    ErrorCode::InternalError(Some(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::{address, country};

    fn values(values: &[&str]) -> Vec<Vec<u8>> {
        values.iter().map(|value| value.as_bytes().to_vec()).collect()
    }

    #[test]
    fn addresses_of_both_families_are_understood_and_spelled_in_one_way() {
        let spelled = |text| address(&values(&[text])).map(|address| address.to_string());
        assert_eq!(spelled("203.0.113.7"), Ok("203.0.113.7".to_owned()));
        assert_eq!(spelled("2001:DB8:0::1"), Ok("2001:db8::1".to_owned()));
    }

    #[test]
    fn no_address_two_addresses_and_other_text_are_refused() {
        for refused in [vec![], vec!["1.2.3.4", "1.2.3.5"], vec!["localhost"], vec![""]] {
            assert!(address(&values(&refused)).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn a_country_is_two_letters_or_unknown() {
        assert_eq!(country(&values(&["de"])), "DE");
        assert_eq!(country(&values(&["T1"])), "T1");
        for unknown in [vec![], vec!["Germany"], vec!["{}"], vec!["DE", "FR"]] {
            assert_eq!(country(&values(&unknown)), "XX", "{unknown:?}");
        }
    }
}
