#!/usr/bin/env bash
# Runs every test there is and ends with one line of counts. What could not run has failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

passed=0
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

say() { printf '\n==> %s\n' "$*" >&2; }

# step NAME COMMAND...: runs a command that counts nothing itself: it passes or fails as one.
step() {
  say "$1"; shift
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $*" >&2; fi
}

# counted NAME COMMAND...: runs tests, and adds what they say of themselves.
counted() {
  say "$1"; shift
  "$@" 2>&1 | tee "$log"
  local status=${PIPESTATUS[0]} p f
  # cargo's harness says `test result: ok. 3 passed; 0 failed; …`, the suite `3 passed, 0 failed`.
  p=$(grep -oE '[0-9]+ passed' "$log" | awk '{ n += $1 } END { print n + 0 }')
  f=$(grep -oE '[0-9]+ failed' "$log" | awk '{ n += $1 } END { print n + 0 }')
  if [ "$status" -ne 0 ] && [ "$f" -eq 0 ] || [ "$p" -eq 0 ]; then
    f=$((f + 1))
    echo "FAILED: $*" >&2
  fi
  passed=$((passed + p))
  failed=$((failed + f))
}

# The Workers host is bundled and judged with npm's tools; `selvedge` finds a newer Node itself where this is old.
need_node() {
  command -v npm >/dev/null && return
  local root=()
  [ "$(id -u)" -eq 0 ] || root=(sudo -n)
  "${root[@]}" apt-get update && "${root[@]}" apt-get install -y --no-install-recommends nodejs npm ||
    { echo "npm is missing and apt could not install it; install Node with npm, then run this again" >&2; return 1; }
}
step "Node, for the Workers host" need_node

# The compiler for guests. Unset where it is the ordinary one: an empty RUSTC breaks cargo.
guest_rustc=$(components/setup.sh --print-rustc) || guest_rustc=rustc
for_wasm() { env RUSTC="$guest_rustc" CARGO_TARGET_DIR=target/wasm "$@"; }

step "contract, for wasm32" \
  for_wasm cargo build --release --package selvedge-contract --target wasm32-unknown-unknown
step "host" cargo build --release --workspace --all-targets
step "demo app" target/release/selvedge build --app components
step "demo app's origin" target/release/selvedge build --app components/origin
step "demo app, checked" target/release/selvedge check --app components
step "every language" target/release/selvedge build --app components/languages
counted "guests' units" cargo test --manifest-path components/Cargo.toml --workspace
counted "units, host and conformance" cargo test --release --workspace --no-fail-fast

say "took $SECONDS s"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
