# Everything that people and CI run. `just` alone lists it.

set shell := ["bash", "-euo", "pipefail", "-c"]

# Incremental builds make the second change quick and cost the first build nothing that matters.
export CARGO_INCREMENTAL := env("CARGO_INCREMENTAL", "1")

selvedge := "target/release/selvedge"

# List what there is
@default:
    just --list --unsorted

# Set this machine up: the compiler for guests
setup:
    @components/setup.sh

# Build the host
build: setup
    cargo build --release --workspace --all-targets

# Build and serve the demo app at http://127.0.0.1:8787
run *flags: setup
    cargo build --release --workspace --all-targets
    @components/run.sh {{ selvedge }} {{ flags }}

# Make a Cloudflare Worker of the demo app, and try it in workerd
worker *flags: setup
    cargo build --release --workspace --all-targets
    @{{ selvedge }} bundle --app components {{ flags }}

# Run every test: units, the contract on wasm32, the host's own, the guests', the conformance suite
test: setup
    tests/run.sh

# Run the conformance suite alone: `just conformance keyvalue/`, `just conformance --host workers`
conformance *filter: setup
    cargo build --release --workspace --all-targets
    cargo test --release --workspace --test conformance -- {{ filter }}

# Judge format, lints, licences and duplicates
check: setup
    cargo fmt --all --check
    cargo fmt --all --check --manifest-path components/Cargo.toml
    cargo fmt --all --check --manifest-path tests/guests/Cargo.toml
    cargo fmt --all --check --manifest-path tests/guests/crossing/Cargo.toml
    cargo fmt --all --check --manifest-path host-native/benches/app/Cargo.toml
    cargo fmt --all --check --manifest-path host-worker/Cargo.toml
    cargo clippy --release --workspace --all-targets -- --deny warnings
    just audit

# Judge what we depend on: licences, bans and sources; advisories where their database can be had
audit:
    @command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
    cargo deny --all-features check bans licenses sources
    cargo deny --all-features check advisories || echo "audit: advisories were not judged (see above)" >&2

# Format everything
fmt:
    cargo fmt --all
    cargo fmt --all --manifest-path components/Cargo.toml
    cargo fmt --all --manifest-path tests/guests/Cargo.toml
    cargo fmt --all --manifest-path tests/guests/crossing/Cargo.toml
    cargo fmt --all --manifest-path host-native/benches/app/Cargo.toml
    cargo fmt --all --manifest-path host-worker/Cargo.toml

# Measure what both `bench-http` and `bench-languages` do
bench *flags: (bench-http flags) (bench-languages flags)

# Measure the real server beside a bare hyper one; writes target/bench/summary.json
bench-http *flags: setup
    cargo build --release --workspace --all-targets
    @{{ selvedge }} build --app components
    cargo bench --workspace --bench http -- {{ flags }}

# Measure services in every language on both hosts; writes target/bench/languages.json
bench-languages *flags: setup
    cargo build --release --workspace --all-targets
    cargo bench --workspace --bench languages -- {{ flags }}

# Measure bundles in workerd beside plain JavaScript and stock jco; writes target/bench/edge.json
bench-edge *flags: setup
    cargo build --release --workspace --all-targets
    cargo bench --workspace --bench edge -- {{ flags }}
