//! Components in text, so that these tests need no compiler of guests. Their HTTP types are the
//! real ones; they run.

/// `wasi:http/types` in a version, as far as it is used, with aliases of its types.
fn http_types(version: &str) -> String {
    r#"
  (import "wasi:http/types@VERSION" (instance $types
    (type $dns' (record (field "rcode" (option string)) (field "info-code" (option u16))))
    (export "DNS-error-payload" (type $dns (eq $dns')))
    (type $tls' (record (field "alert-id" (option u8)) (field "alert-message" (option string))))
    (export "TLS-alert-received-payload" (type $tls (eq $tls')))
    (type $size' (record (field "field-name" (option string)) (field "field-size" (option u32))))
    (export "field-size-payload" (type $size (eq $size')))
    (type $error' (variant
      (case "DNS-timeout") (case "DNS-error" $dns) (case "destination-not-found")
      (case "destination-unavailable") (case "destination-IP-prohibited")
      (case "destination-IP-unroutable") (case "connection-refused")
      (case "connection-terminated") (case "connection-timeout")
      (case "connection-read-timeout") (case "connection-write-timeout")
      (case "connection-limit-reached") (case "TLS-protocol-error")
      (case "TLS-certificate-error") (case "TLS-alert-received" $tls)
      (case "HTTP-request-denied") (case "HTTP-request-length-required")
      (case "HTTP-request-body-size" (option u64)) (case "HTTP-request-method-invalid")
      (case "HTTP-request-URI-invalid") (case "HTTP-request-URI-too-long")
      (case "HTTP-request-header-section-size" (option u32))
      (case "HTTP-request-header-size" (option $size))
      (case "HTTP-request-trailer-section-size" (option u32))
      (case "HTTP-request-trailer-size" $size) (case "HTTP-response-incomplete")
      (case "HTTP-response-header-section-size" (option u32))
      (case "HTTP-response-header-size" $size) (case "HTTP-response-body-size" (option u64))
      (case "HTTP-response-trailer-section-size" (option u32))
      (case "HTTP-response-trailer-size" $size)
      (case "HTTP-response-transfer-coding" (option string))
      (case "HTTP-response-content-coding" (option string)) (case "HTTP-response-timeout")
      (case "HTTP-upgrade-failed") (case "HTTP-protocol-error") (case "loop-detected")
      (case "configuration-error") (case "internal-error" (option string))))
    (export "error-code" (type $error (eq $error')))
    (export "fields" (type $fields (sub resource)))
    (export "request" (type $request (sub resource)))
    (export "response" (type $response (sub resource)))
    (export "[constructor]fields" (func (result (own $fields))))
    (export "[static]response.new" (func
      (param "headers" (own $fields))
      (param "contents" (option (stream u8)))
      (param "trailers" (future (result (option (own $fields)) (error $error))))
      (result (tuple (own $response) (future (result (error $error)))))))
    (export "[method]response.get-status-code"
      (func (param "self" (borrow $response)) (result u16)))
    (export "[method]response.set-status-code"
      (func (param "self" (borrow $response)) (param "status-code" u16) (result (result))))))
  (alias export $types "error-code" (type $error))
  (alias export $types "fields" (type $fields))
  (alias export $types "request" (type $request))
  (alias export $types "response" (type $response))
  (core module $memory
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (global.get $next)
      (global.set $next (i32.add (global.get $next) (local.get 3)))))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $mem))
  (alias core export $memory "realloc" (core func $realloc))
  (core func $get-status (canon lower (func $types "[method]response.get-status-code")))
  (core func $set-status (canon lower (func $types "[method]response.set-status-code")))
"#
    .replace("VERSION", version)
}

/// What follows the core instance `$main`: its `handle`, exported.
fn handler_export(version: &str) -> String {
    r#"
  (func $handle async (param "request" (own $request))
    (result (result (own $response) (error $error)))
    (canon lift (core func $main "handle") (memory (core memory $mem)) (realloc (core func $realloc))))
  (instance $handler
    (export "request" (type $request))
    (export "response" (type $response))
    (export "error-code" (type $error))
    (export "handle" (func $handle)))
  (export "wasi:http/handler@VERSION" (instance $handler))"#
        .replace("VERSION", version)
}

/// A 0.3 service that answers with a status, which is the constant `status`, or what a function
/// `offset` of `acme:math/offset` makes of it.
pub(crate) fn service(version: &str, status: u16, math: Option<&str>) -> Vec<u8> {
    let (import, compute) = match math {
        None => (String::new(), format!("(i32.const {status})")),
        Some(math) => (
            format!(
                r#"
  (import "acme:math/offset@{math}" (instance $math
    (export "offset" (func (param "number" u32) (result u32)))))
  (core func $offset (canon lower (func $math "offset")))"#
            ),
            format!("(call $offset (i32.const {status}))"),
        ),
    };
    let (import_core, with) = match math {
        None => ("", ""),
        Some(_) => (
            r#"(import "host" "offset" (func $offset (param i32) (result i32)))"#,
            r#"(export "offset" (func $offset))"#,
        ),
    };
    let types = http_types(version);
    let export = handler_export(version);
    parse(&format!(
        r#"(component {types} {import}
  (type $trailers (future (result (option (own $fields)) (error $error))))
  (type $sent (future (result (error $error))))
  (core func $fields-new (canon lower (func $types "[constructor]fields")))
  (core func $response-new
    (canon lower (func $types "[static]response.new") (memory (core memory $mem)) (realloc (core func $realloc))))
  (core func $request-drop (canon resource.drop $request))
  (core func $trailers-new (canon future.new $trailers))
  (core func $trailers-write
    (canon future.write $trailers async (memory (core memory $mem)) (realloc (core func $realloc))))
  (core func $sent-drop (canon future.drop-readable $sent))
  (core module $main
    (import "host" "memory" (memory 1))
    (import "host" "fields-new" (func $fields-new (result i32)))
    (import "host" "response-new" (func $response-new (param i32 i32 i32 i32 i32)))
    (import "host" "set-status" (func $set-status (param i32 i32) (result i32)))
    (import "host" "request-drop" (func $request-drop (param i32)))
    (import "host" "trailers-new" (func $trailers-new (result i64)))
    (import "host" "trailers-write" (func $trailers-write (param i32 i32) (result i32)))
    (import "host" "sent-drop" (func $sent-drop (param i32)))
    {import_core}
    (func (export "handle") (param $request i32) (result i32)
      (local $trailers i64)
      (call $request-drop (local.get $request))
      (local.set $trailers (call $trailers-new))
      ;; What lies at 2048 stays zero: no trailers.
      (drop (call $trailers-write
        (i32.wrap_i64 (i64.shr_u (local.get $trailers) (i64.const 32))) (i32.const 2048)))
      (call $response-new (call $fields-new) (i32.const 0) (i32.const 0)
        (i32.wrap_i64 (local.get $trailers)) (i32.const 1536))
      (call $sent-drop (i32.load (i32.const 1540)))
      (drop (call $set-status (i32.load (i32.const 1536)) {compute}))
      (i32.store8 (i32.const 1024) (i32.const 0))
      (i32.store (i32.const 1032) (i32.load (i32.const 1536)))
      (i32.const 1024)))
  (core instance $main (instantiate $main (with "host" (instance
    (export "memory" (memory $mem))
    (export "fields-new" (func $fields-new))
    (export "response-new" (func $response-new))
    (export "set-status" (func $set-status))
    (export "request-drop" (func $request-drop))
    (export "trailers-new" (func $trailers-new))
    (export "trailers-write" (func $trailers-write))
    (export "sent-drop" (func $sent-drop))
    {with}))))
  {export})"#
    ))
}

/// A middleware that changes the status of what is behind it: `add` or `mul` by a number.
pub(crate) fn middleware(version: &str, operation: &str, number: u16) -> Vec<u8> {
    let types = http_types(version);
    let export = handler_export(version);
    parse(&format!(
        r#"(component {types}
  (import "wasi:http/handler@{version}" (instance $inner
    (export "request" (type $request' (eq $request)))
    (export "response" (type $response' (eq $response)))
    (export "error-code" (type $error' (eq $error)))
    (export "handle" (func async (param "request" (own $request'))
      (result (result (own $response') (error $error')))))))
  (core func $inner
    (canon lower (func $inner "handle") (memory (core memory $mem)) (realloc (core func $realloc))))
  (core module $main
    (import "host" "memory" (memory 1))
    (import "host" "inner" (func $inner (param i32 i32)))
    (import "host" "get-status" (func $get-status (param i32) (result i32)))
    (import "host" "set-status" (func $set-status (param i32 i32) (result i32)))
    (func (export "handle") (param $request i32) (result i32)
      (local $response i32)
      (call $inner (local.get $request) (i32.const 1024))
      (if (i32.eqz (i32.load8_u (i32.const 1024))) (then
        (local.set $response (i32.load (i32.const 1032)))
        (drop (call $set-status (local.get $response)
          (i32.{operation} (call $get-status (local.get $response)) (i32.const {number}))))))
      (i32.const 1024)))
  (core instance $main (instantiate $main (with "host" (instance
    (export "memory" (memory $mem))
    (export "inner" (func $inner))
    (export "get-status" (func $get-status))
    (export "set-status" (func $set-status))))))
  {export})"#
    ))
}

/// A library that exports `acme:math/offset`, which adds a number.
pub(crate) fn library(version: &str, number: u32) -> Vec<u8> {
    parse(&format!(
        r#"(component
  (core module $main
    (func (export "offset") (param i32) (result i32)
      (i32.add (local.get 0) (i32.const {number}))))
  (core instance $main (instantiate $main))
  (func $offset (param "number" u32) (result u32) (canon lift (core func $main "offset")))
  (instance $math (export "offset" (func $offset)))
  (export "acme:math/offset@{version}" (instance $math)))"#
    ))
}

/// A library whose `offset` has another type than [`service`] imports.
pub(crate) fn odd_library() -> Vec<u8> {
    parse(
        r#"(component
  (core module $main (func (export "offset") (param i64) (result i64) (local.get 0)))
  (core instance $main (instantiate $main))
  (func $offset (param "number" u64) (result u64) (canon lift (core func $main "offset")))
  (instance $math (export "offset" (func $offset)))
  (export "acme:math/offset@1.0.0" (instance $math)))"#,
    )
}

/// An object whose method `add` takes a number of one type.
pub(crate) fn object(number: &str) -> Vec<u8> {
    let core = if number == "u64" { "i64" } else { "i32" };
    parse(&format!(
        r#"(component
  (core module $main
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 16))
    (func (export "new") (param i32 i32) (result i32) unreachable)
    (func (export "add") (param i32 {core}) (result i64) unreachable))
  (core instance $main (instantiate $main))
  (type $counter (resource (rep i32)))
  (func $new (param "name" string) (result (own $counter))
    (canon lift (core func $main "new")
      (memory (core memory $main "memory")) (realloc (core func $main "realloc"))))
  (func $add (param "self" (borrow $counter)) (param "number" {number}) (result u64)
    (canon lift (core func $main "add")))
  (component $counters
    (import "counter" (type $own (sub resource)))
    (import "new" (func $new (param "name" string) (result (own $own))))
    (import "add"
      (func $add (param "self" (borrow $own)) (param "number" {number}) (result u64)))
    (export $counter "counter" (type $own))
    (export "[constructor]counter" (func $new)
      (func (param "name" string) (result (own $counter))))
    (export "[method]counter.add" (func $add)
      (func (param "self" (borrow $counter)) (param "number" {number}) (result u64))))
  (instance $exported (instantiate $counters
    (with "counter" (type $counter)) (with "new" (func $new)) (with "add" (func $add))))
  (export "acme:counter/counters@0.1.0" (instance $exported)))"#
    ))
}

/// A 0.2 service that imports such an object's interface, and is never called.
pub(crate) fn calling(number: &str) -> Vec<u8> {
    service_02_with(&format!(
        r#"(import "acme:counter/counters@0.1.0" (instance
    (export "counter" (type $counter (sub resource)))
    (export "[constructor]counter" (func (param "name" string) (result (own $counter))))
    (export "[method]counter.add"
      (func (param "self" (borrow $counter)) (param "number" {number}) (result u64)))))"#
    ))
}

/// A 0.2 service, which is never called.
pub(crate) fn service_02() -> Vec<u8> {
    service_02_with("")
}

fn service_02_with(import: &str) -> Vec<u8> {
    parse(&format!(
        r#"(component {import}
  (import "wasi:http/types@0.2.0" (instance $types
    (export "incoming-request" (type (sub resource)))
    (export "response-outparam" (type (sub resource)))))
  (alias export $types "incoming-request" (type $request))
  (alias export $types "response-outparam" (type $out))
  (core module $main (func (export "handle") (param i32 i32) unreachable))
  (core instance $main (instantiate $main))
  (func $handle (param "request" (own $request)) (param "response-out" (own $out))
    (canon lift (core func $main "handle")))
  (instance $handler (export "handle" (func $handle)))
  (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))"#
    ))
}

/// A component that imports interfaces without using them, and exports nothing that answers.
pub(crate) fn importer(imports: &[&str]) -> Vec<u8> {
    let imports: String =
        imports.iter().map(|name| format!("(import \"{name}\" (instance))\n")).collect();
    parse(&format!(
        "(component {imports} (instance $e) (export \"acme:some/thing@1.0.0\" (instance $e)))"
    ))
}

/// The binary form of a text.
pub(crate) fn parse(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}
