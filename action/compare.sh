#!/usr/bin/env bash
# Simulates a model as it is here and as it is in the commit BASE, and compares the two.
#
# MODEL, BOARD, INPUTS, OPTIONS, MAX_REGRESSION: the inputs of action.yml. Writes compare.md below RUNNER_TEMP, its path
# to GITHUB_OUTPUT, and the same text to GITHUB_STEP_SUMMARY. Exits 1 when MAX_REGRESSION is exceeded.
set -euo pipefail

work=$(mktemp -d "${RUNNER_TEMP:-/tmp}/tinyml-XXXXXX")
markdown=$work/compare.md
base=$work/base
trap 'git worktree remove --force "$base" 2> /dev/null || true' EXIT

# A shallow clone, which actions/checkout makes, lacks the base.
git cat-file -e "$BASE^{commit}" 2> /dev/null || git fetch --quiet --depth 1 origin "$BASE"
git worktree add --quiet --detach "$base" "$BASE"

read -r -a options <<< "${OPTIONS:-}"
simulate() { # a folder with the model, and where the build goes
    (cd "$1" && tinyml simulate "$MODEL" --board "$BOARD" --output "$2" \
        ${INPUTS:+--inputs "$INPUTS"} ${options[@]+"${options[@]}"}) >&2
}

simulate . "$work/after"
if [ -e "$base/$MODEL" ]; then
    simulate "$base" "$work/before"
    status=0
    tinyml compare "$work/before" "$work/after" --markdown \
        ${MAX_REGRESSION:+--max-regression "$MAX_REGRESSION"} > "$markdown" || status=$?
else # a new model: nothing to hold it against
    status=0
    tinyml report "$work/after" --markdown > "$markdown"
fi
[ -s "$markdown" ] || exit "$status" # an error, which has said what it is

echo "markdown=$markdown" >> "${GITHUB_OUTPUT:-/dev/null}"
cat "$markdown" >> "${GITHUB_STEP_SUMMARY:-/dev/null}"
exit "$status"
