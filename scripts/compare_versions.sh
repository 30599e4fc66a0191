#!/usr/bin/env bash
# Do two versions of the program give the same results, byte for byte? For changes that should change none.
#
#     scripts/compare_versions.sh OLD NEW [STEPS]
#
# OLD and NEW are `compress` programs, or commits of this repository, which are built. Both run frac_prevs, sort_unique,
# hist, an untied run, one with a W for each layer and a small sweep, of STEPS updates (default: 3000), and analyse them.
# Compared are all tables, W and the analysis; seconds, versions and commits are not. The new program also reads the old
# one's runs: it takes them for complete, analyses them and draws them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[[ $# -ge 2 ]] || { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
steps=${3:-3000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# program NAME WHAT: the program itself, or that of a commit.
program() {
    if [[ -x $2 && -f $2 ]]; then
        cp "$2" "$work/$1"
    else
        git worktree add --quiet --detach "$work/tree-$1" "$2"
        CARGO_TARGET_DIR="$work/target" cargo build --release --quiet --manifest-path "$work/tree-$1/Cargo.toml"
        cp "$work/target/release/compress" "$work/$1"
        git worktree remove --force "$work/tree-$1"
    fi
}
program old "$1"
program new "$2"

cat > "$work/study.toml" <<EOF
name = "versions"
base = "$PWD/configs/frac_prevs.toml"
[grid]
"compression.dim" = [6, 8]
"training.seed" = [0, 1]
[[include]]
"compression.method" = ["pca", "subset"]
"compression.dim" = [6]
[override.training]
steps = $steps
log_every = 500
EOF

# runs PROGRAM DIR
runs() {
    local short=(--quiet --set "training.steps=$steps" --set training.log_every=500)
    for name in frac_prevs sort_unique hist; do
        "$1" --config "configs/$name.toml" "${short[@]}" --output "$2/$name" > /dev/null
    done
    "$1" --config configs/frac_prevs.toml "${short[@]}" --set compression.tied=false --output "$2/untied" > /dev/null
    "$1" --config configs/frac_prevs.toml "${short[@]}" --set compression.per_layer=true \
        --output "$2/per_layer" > /dev/null
    "$1" sweep "$work/study.toml" --quiet --output "$2/study" > /dev/null
    "$1" analyze "$2/study" > /dev/null 2>&1
}

# comparable FILE: without what differs from call to call, and from version to version.
comparable() {
    case $1 in
        */metrics.csv | */runs.csv) sed 's/,[^,]*$//' "$1" ;;
        *.json) sed -E 's/"(wall_time_seconds|version|git_commit|threads)": [^,]*/"\1": -/' "$1" ;;
        *checkpoint*.safetensors | */.*lock) ;; # they hold the time; nothing
        *) cat "$1" ;;
    esac
}

runs "$work/old" "$work/results/old"
runs "$work/new" "$work/results/new"
same=0 different=()
while IFS= read -r file; do
    if cmp -s <(comparable "$work/results/old/$file") <(comparable "$work/results/new/$file"); then
        same=$((same + 1))
    else
        different+=("$file")
    fi
done < <(cd "$work/results" && { (cd old && find . -type f); (cd new && find . -type f); } | sort -u)
echo "$same files are the same, ${#different[@]} differ"
for file in ${different[@]+"${different[@]}"}; do
    echo "differs: $file"
    diff <(comparable "$work/results/old/$file" 2> /dev/null) <(comparable "$work/results/new/$file" 2> /dev/null) |
        sed -n '2,5s/^\(.\{160\}\).*/\1.../;2,5p' || true
done

for name in frac_prevs sort_unique hist untied per_layer; do
    "$work/new" --config "$work/results/old/$name/config.toml" --output "$work/results/old/$name" --quiet > /dev/null
    "$work/new" analyze "$work/results/old/$name" > /dev/null
    "$work/new" report "$work/results/old/$name" > /dev/null
done
"$work/new" sweep --collect "$work/results/old/study" > /dev/null
"$work/new" plot "$work/results/old/study" > /dev/null
echo "the new program reads the old one's runs"
[[ ${#different[@]} -eq 0 ]]
