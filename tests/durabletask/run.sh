#!/usr/bin/env bash
# Runs the published Durable Task libraries for Python and JavaScript, as they are, against a server of its own.
set -euo pipefail
cd "$(dirname "$0")"

cache=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/wisp}
venv=$cache/durabletask-$(sha256sum <requirements.txt | cut -c1-12)
export NODE_PATH=$cache/npm-$(sha256sum <package-lock.json | cut -c1-12)/node_modules
export WISP=${WISP:-$CARGO_TARGET_DIR/debug/wisp}
if [[ ${1:-} == python || ! ${1:-} ]]; then
  ../with-server.sh "$venv/bin/python" -m unittest "${@:2}"
fi
if [[ ${1:-} == javascript || ! ${1:-} ]]; then
  ../with-server.sh "${WISP_TEST_NODE:-$cache/node-22.23.3/bin/node}" --test --test-reporter=spec orchestrations.test.mjs
fi
