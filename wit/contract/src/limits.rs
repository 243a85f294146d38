//! The bounds that both hosts keep, each with its unit and its source.
//!
//! A constant is a bound that no manifest can move; [`Limits`] are the ones that a manifest sets for
//! a service and [`ObjectLimits`] those for a class of objects, both with safe defaults. Times are
//! in milliseconds, sizes in bytes.

use serde::{Deserialize, Serialize};

pub use self::fields::{LimitError, LimitField, Limited, LimitsPatch};
pub use self::object::{
    ALARM_RETRIES_MAX, ALARM_RETRY_MS, OBJECT_NAME_BYTES_MAX, OBJECTS_OPEN_MAX, ObjectLimits,
    SQL_COLUMNS_MAX, SQL_MS_MAX, SQL_PARAMETERS_MAX, SQL_PATTERN_BYTES_MAX, SQL_RESULT_BYTES_MAX,
    SQL_ROWS_MAX, SQL_STATEMENT_BYTES_MAX, SQL_STATEMENTS_MAX, STORAGE_KEY_BYTES_MAX,
    STORAGE_KEYS_MAX, STORAGE_VALUE_BYTES_MAX, alarm_retry_delay_ms,
};

mod fields;
mod object;

/// Longest key of a key-value store, in bytes of UTF-8.
///
/// Source: Workers KV limits, read 2026-11-21. The native host keeps the same bound so that no
/// service works on one host only. The same holds for the next four.
pub const KEY_BYTES_MAX: usize = 512;
/// Largest value of a key-value store, in bytes.
pub const VALUE_BYTES_MAX: usize = 25 * 1024 * 1024;
/// Largest metadata of a key, in bytes.
pub const METADATA_BYTES_MAX: usize = 1024;
/// Shortest time to live of a key, in seconds.
pub const TTL_SECONDS_MIN: u64 = 60;
/// Most keys in one page of a listing.
pub const LIST_KEYS_MAX: usize = 1000;

/// Longest time to live of a key, in seconds: ten years, so that no clock overflows.
pub const TTL_SECONDS_MAX: u64 = 10 * 365 * 24 * 3600;

/// Longest name of an app, component, service, class of objects, store or secret, in bytes.
///
/// Source: RFC 1035 section 2.3.4, a label of DNS, so that a service's name can be a host's.
pub const NAME_BYTES_MAX: usize = 63;
/// Longest route of a manifest, in bytes.
///
/// Ours: many times what people write, and it bounds the depth of the routes' tree.
pub const ROUTE_BYTES_MAX: usize = 1024;

/// Most header fields in a request.
///
/// Source: hyper's default for HTTP/1, read 2026-11-21; nginx and Workers allow about as many.
pub const HEADER_COUNT_MAX: usize = 100;
/// Largest head of a request that a manifest can allow, in bytes.
///
/// Ours: a head is read before its service is known, so that every connection may cost as much.
pub const HEADER_BYTES_MAX: u64 = 1024 * 1024;
/// Longest a client may take to send the head of a request, in milliseconds.
///
/// Source: nginx `client_header_timeout` is 60 s, Apache's `RequestReadTimeout` starts at 20 s;
/// this host takes the stricter, since a waiting connection costs a place.
pub const HEADER_READ_MS: u64 = 20_000;
/// Most connections that the native host keeps open at once.
///
/// Source: half of what the usual soft limit of 16 384 file descriptors leaves.
pub const CONNECTIONS_MAX: usize = 8_192;
/// Most requests that one HTTP/2 connection may have open at once.
///
/// Source: RFC 9113 section 6.5.2 recommends no fewer than 100; hyper's default is 200.
pub const STREAMS_PER_CONNECTION_MAX: u32 = 200;
/// How often the native host looks at the processor time of running guests, in milliseconds.
///
/// A guest that computes is interrupted this often so that others run; ours, measured: 10 ms costs
/// under a hundredth of the throughput.
pub const EPOCH_TICK_MS: u64 = 10;
/// How long a stopping host waits for requests to end before it ends them, in milliseconds.
///
/// Source: the grace period of Kubernetes is 30 s; a host must be done well before.
pub const DRAIN_MS: u64 = 10_000;
/// What `Retry-After` says when a host is full, in seconds.
pub const RETRY_AFTER_SECONDS: u64 = 1;
/// Longest line of a guest's output that is logged whole, in bytes; the rest of the line is cut.
pub const LOG_LINE_BYTES_MAX: usize = 16 * 1024;

/// What one service may use. Every field has a default that protects the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    /// Milliseconds from a request's head to the start of its response, and the most that may pass
    /// between two pieces of a body.
    pub wall_ms: u64,
    /// Milliseconds of processor time that an instance may compute without waiting for anything.
    pub cpu_ms: u64,
    /// Milliseconds that work may go on after the last response of an instance.
    pub after_response_ms: u64,
    /// Bytes of linear memory of one instance.
    pub memory_bytes: u64,
    /// Bytes of a request's body.
    pub request_body_bytes: u64,
    /// Bytes of a response's body.
    pub response_body_bytes: u64,
    /// Bytes of a request's head: request line and header fields.
    pub header_bytes: u64,
    /// Requests of this service that are answered at once; one more is told to come back.
    pub concurrent_requests: u32,
    /// Instances of this service that live at once.
    pub instances: u32,
    /// Requests that share one instance at once; 1 keeps each request to itself.
    pub requests_per_instance: u32,
    /// Requests that one instance answers before it is replaced.
    pub instance_requests_total: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Source: the gateway time-outs of nginx and Envoy are 60 s and 15 s.
            wall_ms: 30_000,
            // Source: Workers allow 30 s a request on the paid plan, 10 ms on the free one; an
            // endless loop should end while its caller still listens.
            cpu_ms: 10_000,
            // Source: Workers' `waitUntil` may go on for 30 s.
            after_response_ms: 30_000,
            // Source: Workers' limit of an isolate is 128 MB.
            memory_bytes: 128 * 1024 * 1024,
            // Source: Workers' free and pro plans allow 100 MB a request.
            request_body_bytes: 100 * 1024 * 1024,
            // Ours: an endless body ends before it fills a proxy's disk. Workers set no bound.
            response_body_bytes: 1024 * 1024 * 1024,
            // Source: Workers allow 128 KB of request headers.
            header_bytes: 128 * 1024,
            // Ours: at 128 MiB and 16 requests an instance, 1 000 requests stay under 8 GiB.
            concurrent_requests: 1_000,
            instances: 1_000,
            // Source: `wasmtime serve` shares an instance between 16; more brings no speed and puts
            // more requests at the mercy of one trap.
            requests_per_instance: 16,
            // Ours: bounds what a leaking guest can gather, and the engine beside it. A thread that was kept
            // busy by 64 connections stood still for 50 ms when an instance ended after 100 000 requests,
            // and for less than 1 ms after 2 000; one start more in 2 000 requests cannot be measured.
            instance_requests_total: 2_000,
        }
    }
}
