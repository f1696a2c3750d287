#!/usr/bin/env bash
# Draws the pictures of the documentation from what the binary really prints.
#
#     docs/render.sh [DIR]      (default: docs/images)
#
# Every picture is made from files and image layouts in this repository, so no
# network, cluster or cache has a say in it. BIN names another binary.
set -euo pipefail
out="${1:-$(dirname "$0")/images}"
mkdir -p "$out"
out="$(cd "$out" && pwd)"
cd "$(dirname "$0")/.."

if [ -z "${BIN:-}" ]; then
    cargo build --quiet
    BIN="$(cargo metadata --format-version 1 --no-deps | python3 -c \
        'import json, sys; print(json.load(sys.stdin)["target_directory"])')/debug/kubectl-imgpolicy"
fi

# Under the name and the folder that a reader would use.
stage="$(mktemp -d)"
trap 'rm -rf "$stage"' EXIT
mkdir "$stage/bin" "$stage/home"
ln -s "$(realpath "$BIN")" "$stage/bin/kubectl-imgpolicy"

rm -f "$out"/*.svg

# picture NAME COLUMNS WORDS…: what `kubectl imgpolicy WORDS…` prints.
picture() {
    local name="$1" columns="$2"
    shift 2
    env -i PATH="$stage/bin:/usr/bin:/bin" HOME="$stage/home" LANG=C.UTF-8 TZ=UTC TERM=xterm-256color \
        docs/svg/terminal-svg.py --columns "$columns" --title "kubectl imgpolicy $1" \
        --prompt "kubectl imgpolicy $*" --output "$out/$name.svg" \
        -- kubectl-imgpolicy "$@"
}

# Nothing with a date, an age or the hour in it: the same picture on every day.
images=(--oci-layout docs/quickstart/images)
picture status 100 status -f docs/quickstart/manifests "${images[@]}"
picture test 100 test org/my-app:1.0.0 --policy semver:~1.0 "${images[@]}"
