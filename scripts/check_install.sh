#!/usr/bin/env bash
# Installs the program as its users do and works with it in an empty directory; then unpacks the package that
# `cargo package` makes, builds it on its own and does the same. Needs Rust; uses this repository's target
# directory, so that only the crate itself is compiled again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# works COMMAND: what a new user does first, without a repository in sight.
works() {
    local place
    place=$(mktemp -d -p "$work")
    (
        cd "$place"
        "$1" --version
        "$1" run hist a b a > /dev/null
        "$1" init frac_prevs > /dev/null
        "$1" --config frac_prevs.toml --set training.steps=300 --quiet > /dev/null
        test -s results/frac_prevs/summary.json
        "$1" init hist > /dev/null
        "$1" --config hist.toml --set training.steps=300 --quiet > /dev/null
        test -s results/hist/summary.json
        "$1" man man > /dev/null
        test -s man/compress-sweep.1
    )
}

echo "== install"
CARGO_TARGET_DIR=$target cargo install --locked --path . --quiet --root "$work/installed"
works "$work/installed/bin/compress"

# patches ROOT FORM: the crates below the program are not on a registry; each stands where FORM says, by its name.
patches() {
    for name in base tracr superposition; do
        printf -- '--config\npatch.crates-io.compress-%s.path="%s/%s"\n' "$name" "$1" "${2//NAME/$name}"
    done
}

echo "== package"
mapfile -t here < <(patches "$PWD" crates/NAME)
# Whatever Cargo has to complain about is an error.
cargo package "${here[@]}" -p tracr-compress -p compress-base -p compress-tracr -p compress-superposition \
    --no-verify --allow-dirty --quiet --target-dir "$work/package" 2> "$work/complaints"
if [[ -s $work/complaints ]]; then
    cat "$work/complaints" >&2
    exit 1
fi
for package in "$work"/package/package/*.crate; do
    tar -xzf "$package" -C "$work"
done
crate=$(echo "$work"/tracr-compress-*)
if [[ -e $crate/results ]]; then
    echo "the package has results in it" >&2
    exit 1
fi
echo "== build the package"
# Its binary comes to stand where this repository's belongs, which is put back: the next build here need not
# compile it again.
cargo build --release --locked --quiet
cp -p "$target/release/compress" "$work/own"
# Whether it builds and works is the question, not how fast it is.
slow=()
for name in tracr-compress compress-base compress-tracr compress-superposition; do
    slow+=(--config "profile.release.package.$name.opt-level=0")
done
mapfile -t unpacked < <(patches "$work" "compress-NAME-${crate##*-}")
CARGO_TARGET_DIR=$target cargo build --release --quiet --manifest-path "$crate/Cargo.toml" "${slow[@]}" \
    "${unpacked[@]}"
mv "$target/release/compress" "$work/packaged"
mv "$work/own" "$target/release/compress"
works "$work/packaged"
