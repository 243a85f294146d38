//! What a client gets when a request could not be answered by its service.
//!
//! Each failure has one name, one status and one sentence, the same on both hosts. The body is a
//! problem document (RFC 9457); the header [`FAILURE_HEADER`] carries the name, so that a proxy or
//! a test can tell a host's answer from a service's.

use crate::limits::RETRY_AFTER_SECONDS;

/// The response header that carries the failure's name.
pub const FAILURE_HEADER: &str = "selvedge-failure";

/// Why a host answered in the place of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// No service claims the host and path.
    NoRoute,
    /// The request cannot be understood: a bad target or host header.
    BadRequest,
    /// The request's head is over its bound.
    HeadersTooLarge,
    /// The request's body is over its bound.
    RequestBodyTooLarge,
    /// The client sent its body too slowly.
    RequestBodyTimeout,
    /// The service answers as many requests as it may.
    TooManyRequests,
    /// The service has as many instances as it may, and all are taken.
    TooManyInstances,
    /// The component could not be instantiated.
    StartFailed,
    /// The component trapped.
    Trap,
    /// The component used up its processor time.
    CpuTime,
    /// The component did not answer in time.
    WallTime,
    /// The component asked for more memory than it may have.
    Memory,
    /// The component ended without an answer, answered with an error, or with an invalid response.
    InvalidResponse,
    /// The response's body is over its bound.
    ResponseBodyTooLarge,
    /// The host is stopping.
    Stopping,
}

impl Failure {
    /// Every failure there is.
    pub const ALL: [Self; 15] = [
        Self::NoRoute,
        Self::BadRequest,
        Self::HeadersTooLarge,
        Self::RequestBodyTooLarge,
        Self::RequestBodyTimeout,
        Self::TooManyRequests,
        Self::TooManyInstances,
        Self::StartFailed,
        Self::Trap,
        Self::CpuTime,
        Self::WallTime,
        Self::Memory,
        Self::InvalidResponse,
        Self::ResponseBodyTooLarge,
        Self::Stopping,
    ];

    /// The name, as [`FAILURE_HEADER`] carries it and logs spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoRoute => "no-route",
            Self::BadRequest => "bad-request",
            Self::HeadersTooLarge => "headers-too-large",
            Self::RequestBodyTooLarge => "request-body-too-large",
            Self::RequestBodyTimeout => "request-body-timeout",
            Self::TooManyRequests => "too-many-requests",
            Self::TooManyInstances => "too-many-instances",
            Self::StartFailed => "start-failed",
            Self::Trap => "trap",
            Self::CpuTime => "cpu-time",
            Self::WallTime => "wall-time",
            Self::Memory => "memory",
            Self::InvalidResponse => "invalid-response",
            Self::ResponseBodyTooLarge => "response-body-too-large",
            Self::Stopping => "stopping",
        }
    }

    /// The HTTP status (RFC 9110; 431 RFC 6585; 507 RFC 4918; 508 RFC 5842).
    pub const fn status(self) -> u16 {
        match self {
            Self::NoRoute => 404,
            Self::BadRequest => 400,
            Self::HeadersTooLarge => 431,
            Self::RequestBodyTooLarge => 413,
            Self::RequestBodyTimeout => 408,
            Self::TooManyRequests | Self::TooManyInstances | Self::Stopping => 503,
            Self::StartFailed | Self::Trap => 500,
            Self::CpuTime => 508,
            Self::WallTime => 504,
            Self::Memory => 507,
            Self::InvalidResponse | Self::ResponseBodyTooLarge => 502,
        }
    }

    /// One sentence for the client: what happened and, where there is one, the next step.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NoRoute => "no service is routed at this host and path",
            Self::BadRequest => "the request could not be understood",
            Self::HeadersTooLarge => {
                "the head of the request is too large; send fewer or smaller headers"
            }
            Self::RequestBodyTooLarge => "the body of the request is over the limit of the service",
            Self::RequestBodyTimeout => "the body of the request did not arrive in time",
            Self::TooManyRequests => {
                "the service is answering as many requests as it may; try again"
            }
            Self::TooManyInstances => "the service has no free instance; try again",
            Self::StartFailed => "the service could not be started",
            Self::Trap => "the service failed while answering this request",
            Self::CpuTime => "the service used up its processor time",
            Self::WallTime => "the service did not answer in time",
            Self::Memory => "the service ran out of the memory it may use",
            Self::InvalidResponse => "the service gave no valid response",
            Self::ResponseBodyTooLarge => {
                "the body of the response is over the limit of the service"
            }
            Self::Stopping => "the host is stopping; try again",
        }
    }

    /// The field of the service's limits that decides it, as a manifest spells it
    /// (`[services.NAME.limits]`): for the log, where whoever may change it reads.
    pub const fn limit(self) -> Option<&'static str> {
        match self {
            Self::HeadersTooLarge => Some("header-bytes"),
            Self::RequestBodyTooLarge => Some("request-body-bytes"),
            Self::TooManyRequests => Some("concurrent-requests"),
            Self::TooManyInstances => Some("instances"),
            Self::CpuTime => Some("cpu-ms"),
            Self::RequestBodyTimeout | Self::WallTime => Some("wall-ms"),
            Self::Memory => Some("memory-bytes"),
            Self::ResponseBodyTooLarge => Some("response-body-bytes"),
            Self::NoRoute
            | Self::BadRequest
            | Self::StartFailed
            | Self::Trap
            | Self::InvalidResponse
            | Self::Stopping => None,
        }
    }

    /// Seconds for `Retry-After`, where trying the same again makes sense.
    pub const fn retry_after_seconds(self) -> Option<u64> {
        match self {
            Self::TooManyRequests | Self::TooManyInstances | Self::Stopping => {
                Some(RETRY_AFTER_SECONDS)
            }
            _ => None,
        }
    }

    /// The body: a problem document of media type `application/problem+json`.
    pub fn problem(self, request_id: &str) -> String {
        // The id is ours (hexadecimal), the rest constant: nothing here needs escaping.
        format!(
            "{{\"type\":\"about:blank\",\"title\":\"{}\",\"status\":{},\"detail\":\"{}\",\"request-id\":\"{}\"}}\n",
            self.name(),
            self.status(),
            self.sentence(),
            request_id,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Failure;
    use crate::limits::{Limited as _, Limits};
    use std::collections::HashSet;

    #[test]
    fn every_failure_has_a_name_of_its_own() {
        let names: HashSet<_> = Failure::ALL.iter().map(|failure| failure.name()).collect();
        assert_eq!(names.len(), Failure::ALL.len());
    }

    #[test]
    fn limit_is_one_that_a_manifest_may_set() {
        for limit in Failure::ALL.into_iter().filter_map(Failure::limit) {
            assert!(Limits::fields().iter().any(|field| field.key == limit), "{limit}");
        }
    }

    #[test]
    fn whoever_may_try_again_is_told_when() {
        for failure in Failure::ALL {
            assert_eq!(
                failure.status() == 503,
                failure.retry_after_seconds().is_some(),
                "{failure:?}"
            );
        }
    }
}
