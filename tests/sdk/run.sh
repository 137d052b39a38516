#!/usr/bin/env bash
# Runs the original JavaScript SDK against a server of its own.
set -euo pipefail
cd "$(dirname "$0")"

cache=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/wisp}
export NODE_PATH=$cache/npm-$(sha256sum <package-lock.json | cut -c1-12)/node_modules
exec ../with-server.sh node --test --test-reporter=spec smoke.js
