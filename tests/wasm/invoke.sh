#!/usr/bin/env bash
# Beside a server: deploys what $EXAMPLES holds, and compares what it returns.
set -euo pipefail

wisp() { "$WISP" --apihost "$WISP_APIHOST" --auth "$WISP_AUTH" "$@"; }
passed=0 failed=0
expect() { # NAME EXPECTED ARGUMENTS...
  local name=$1 expected=$2 seen
  shift 2
  seen=$(wisp action invoke "$name" --result "$@" | tr -d ' \n') || true
  if [[ $seen == "$expected" ]]; then
    ((++passed))
  else
    ((++failed))
    echo "$name $*: expected $expected, got $seen" >&2
  fi
}

for language in rust python javascript; do
  wisp action create "$language" "$EXAMPLES/$language.wasm" --timeout 300000 >/dev/null
done
expect rust '{"factors":[2,2,3,5,7]}' --param n 420
expect rust '{"factors":[97]}' --param n 97
expect python '{"words":{"a":2,"rose":2,"is":1}}' --param text "A rose is a rose"
expect javascript '{"greeting":"Hello,Wisp!"}' --param name Wisp
expect javascript '{"greeting":"Hello,world!"}'
echo "wasm: $passed passed, $failed failed"
((failed == 0))
