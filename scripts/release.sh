#!/usr/bin/env bash
# The archive of a release: the program for Linux, linked against glibc 2.17 so that it runs on any distribution of the last ten
# years, with shell completions and manual pages. It is unpacked and tried before its size and checksum are printed.
#
#     scripts/release.sh [--binary FILE] [DIRECTORY]        (default: target/release-archives)
#
# --binary packs a program that is built already instead of building one. GLIBC=2.28 is for newer distributions alone.
# Needs Rust, and Python 3 with pip, from which cargo-zigbuild and the linker, ziglang, are installed into target/. Publishes
# nothing.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
binary=
if [[ ${1:-} == --binary ]]; then
    binary=$(realpath "${2:?--binary needs a file}")
    shift 2
fi
output=$(mkdir -p "${1:-target/release-archives}" && cd "${1:-target/release-archives}" && pwd)
glibc=${GLIBC:-2.17}
target=$(rustc -vV | sed -n 's/^host: //p')
case $target in
    *-linux-gnu) ;;
    *)
        echo "scripts/release.sh builds for Linux with glibc, and this is $target" >&2
        exit 2
        ;;
esac
version=$(cargo metadata --no-deps --format-version 1 |
    python3 -c 'import json, sys; print(next(p["version"] for p in json.load(sys.stdin)["packages"] if p["name"] == "tracr-compress"))')

if [[ -z $binary ]]; then
    echo "== tools"
    tools=target/release-tools
    test -x "$tools/bin/pip" || python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check cargo-zigbuild==0.24.1 ziglang==0.17.1
    export PATH="$root/$tools/bin:$PATH"

    echo "== build for $target, glibc $glibc"
    rustup target add "$target"
    cargo zigbuild --release --locked --bin compress --target "$target.$glibc"
    binary=${CARGO_TARGET_DIR:-target}/$target/release/compress
fi

echo "== pack"
name=compress-$version-$target
staging=$(mktemp -d)
trap 'rm -rf "$staging"' EXIT
mkdir -p "$staging/$name/completions" "$staging/$name/man"
install -m 755 "$binary" "$staging/$name/compress"
cp LICENSE README.md "$staging/$name/"
"$binary" completions bash > "$staging/$name/completions/compress.bash"
"$binary" completions zsh > "$staging/$name/completions/_compress"
"$binary" completions fish > "$staging/$name/completions/compress.fish"
"$binary" man "$staging/$name/man" > "$staging/pages"
archive=$output/$name.tar.gz
# The same files give the same archive: no names of users, no times of today.
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct 2> /dev/null || echo 0)" \
    -C "$staging" -cf - "$name" | gzip -n -9 > "$archive"

echo "== try it, unpacked"
mkdir "$staging/try"
tar -C "$staging/try" -xzf "$archive"
cd "$staging/try"
program=$staging/try/$name/compress
"$program" --version
python3 - "$program" "$glibc" << 'PYTHON'
import re
import sys

# The versions of glibc that the dynamic linker will ask for stand in the file as text.
program, limit = sys.argv[1:]
number = lambda text: tuple(map(int, text.split(".")))
versions = {match.decode() for match in re.findall(rb"\0GLIBC_([0-9.]+)(?=\0)", open(program, "rb").read())}
newest = max(versions, key=number)
print(f"needs glibc {newest}")
if number(newest) > number(limit):
    sys.exit(f"that is newer than {limit}")
PYTHON
"$program" init frac_prevs example
"$program" train example/frac_prevs.toml --set training.steps=3000 --quiet --output run
"$program" report run
test -s run/report.html
test -s "$name/completions/_compress"
test -s "$name/man/compress-train.1"

echo "== done"
cd "$output"
sha256sum "$name.tar.gz" | tee "$name.tar.gz.sha256"
ls -l "$name.tar.gz" "$program" | awk '{ printf "%.1f MB  %s\n", $5 / 1e6, $NF }'
