#!/usr/bin/env bash
# Builds the examples in three languages with their own tools, deploys each by its file name, and invokes it.
set -euo pipefail
cd "$(dirname "$0")/../.."

home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
examples/wasm/build.sh "$home"
export EXAMPLES=$home WISP=${WISP:-$CARGO_TARGET_DIR/debug/wisp}
tests/with-server.sh tests/wasm/invoke.sh
