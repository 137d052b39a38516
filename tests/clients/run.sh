#!/usr/bin/env bash
# Runs a command-line client as it comes from its registry (`serverless` or `aio`) against a server of its own. As root,
# both are in a network of their own that has nothing but loopback: the client cannot call home.
set -euo pipefail
cd "$(dirname "$0")/$1"

if [[ -z ${WISP_ALONE:-} ]] && unshare --net true 2>/dev/null; then
  export WISP_ALONE=1
  exec unshare --net -- sh -c 'ip link set lo up && exec "$@"' sh "../run.sh" "$1"
fi

cache=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/wisp}
WISP_CLIENT=$cache/npm-$(sha256sum <package-lock.json | cut -c1-12)/node_modules
export WISP_CLIENT
# Ten times what it takes on an idle machine.
exec timeout 900 ../../with-server.sh node --test --test-reporter=spec smoke.js
