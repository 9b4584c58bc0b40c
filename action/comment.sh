#!/usr/bin/env bash
# Comments the comparison of a model on a pull request; brings the comment of an earlier push up to date.
#
# BODY: the file that compare.sh wrote. NUMBER, MODEL, BOARD; GH_TOKEN and GITHUB_REPOSITORY for gh.
set -euo pipefail

mark="<!-- tinyml compare $MODEL $BOARD -->" # by which the own comment is known among others of the same user
body=$(mktemp "${RUNNER_TEMP:-/tmp}/comment-XXXXXX")
{ echo "$mark"; cat "$BODY"; } > "$body"

comment() {
    local comments="repos/$GITHUB_REPOSITORY/issues" id
    id=$(gh api --paginate "$comments/$NUMBER/comments" --jq '.[] | [.id, (.body | split("\n")[0] | rtrimstr("\r"))] | @tsv' \
        | MARK=$mark awk -F '\t' '$2 == ENVIRON["MARK"] && !found { found = $1 } END { print found }') || return
    if [ -n "$id" ]; then
        gh api --silent --method PATCH "$comments/comments/$id" --field "body=@$body"
    else
        gh pr comment "$NUMBER" --repo "$GITHUB_REPOSITORY" --body-file "$body"
    fi
}

# A pull request from a fork has a token that may not write: what there is to say is in the summary as well.
comment || echo "::warning::no comment could be written (the token may not, as in pull requests from forks); see the summary"
