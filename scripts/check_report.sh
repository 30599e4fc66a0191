#!/usr/bin/env bash
# Makes two short runs, the study that they form, and a run of which every name is hostile, and opens their
# reports in headless Chromium: nothing in the console, no dialog, nothing loaded from elsewhere, no horizontal
# overflow at 400 and 1400 pixels, no clipped text in a figure, tables that sort. Screenshots and PDFs stay in
# OUTPUT (target/report). Needs Rust, Python 3.11 or newer (PYTHON=... chooses one) with pip, and Chromium, which
# is installed from Debian's packages where it is missing and the script may do so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

output=${OUTPUT:-${CARGO_TARGET_DIR:-target}/report}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
export PYTHONDONTWRITEBYTECODE=1

if ! command -v chromium chromium-browser google-chrome > /dev/null; then
    echo "== install Chromium"
    if [[ $(id -u) != 0 ]] || ! command -v apt-get > /dev/null; then
        echo "no Chromium: install it, or run this as root on a Debian system" >&2
        exit 1
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium > "$work/log"
fi
echo "== install the pinned requirements"
"${PYTHON:-python3}" -m venv "$work/venv"
python=$work/venv/bin/python
"$python" -m pip install --quiet --disable-pip-version-check --no-cache-dir playwright==1.65.2

cargo build --release --quiet
compress=${CARGO_TARGET_DIR:-target}/release/compress
reports=()
for name in frac_prevs sort_unique; do
    "$compress" --config "configs/$name.toml" --set training.steps=300 --set training.log_every=20 \
        --output "$work/study/$name" --quiet > "$work/log"
    # With the sections about what is asked for apart; a run as short as this is right nowhere.
    "$compress" certify "$work/study/$name" > "$work/log" 2>&1 || [[ $? -eq 1 ]]
    "$compress" circuit "$work/study/$name" > "$work/log"
    "$compress" recover "$work/study/$name" --method pca -o "$work/pca_$name" --quiet > "$work/log"
    "$compress" score "$work/study/$name" "$work/pca_$name/seed=0" --output "$work/study/$name" > "$work/log"
    "$compress" report "$work/study/$name" > "$work/log"
    reports+=("$work/study/$name/report.html")
done
for dim in 4 6; do
    "$compress" --config configs/frac_prevs.toml --set training.steps=100 --set "compression.dim=$dim" \
        --output "$work/study/d$dim" --quiet > "$work/log"
done
"$compress" analyze "$work/study" > "$work/log" 2>&1
"$compress" report "$work/study" > "$work/log"
mkdir "$work/hostile"
cat > "$work/hostile/names.rasp" << 'END'
#! vocab: "<script>alert(1)</script>", "</td></svg><img src=x onerror=alert(2)>", "' onmouseover='alert(3)", "\u202eexe.txt", "\u001b[31m", "\u0000", "a,b", "&lt;&#0;", "e\u0301\u0323\u0323", "", "\n", "a name that goes on and on, with no end to it at all, and then some more, because it can, and nobody stops it"
#! max_seq_len: 2
turned = aggregate(select(indices, length - indices - 1, ==), tokens);
END
cat > "$work/hostile/run.toml" << 'END'
name = "</h1><script>alert(4)</script>\u202e\n'; alert 5; '"
model.program = "names.rasp"
compression.dim = 6
training = { steps = 100, log_every = 20, diagnostics_every = 20 }
output.dir = "run"
END
"$compress" --config "$work/hostile/run.toml" --quiet > "$work/log"
"$compress" report "$work/hostile/run" > "$work/log"
reports+=("$work/hostile/run/report.html")
rm -rf "$output"
"$python" scripts/check_report.py "$output" "${reports[@]}" "$work/study/report.html"
echo "screenshots in $output"
