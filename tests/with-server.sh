#!/usr/bin/env bash
# Runs a command beside a server of its own: its address is in WISP_APIHOST, the one over TLS in WISP_TLS_APIHOST, a key
# in WISP_AUTH. When the command fails, the end of the server's log is shown.
set -euo pipefail

wisp=${WISP:-$CARGO_TARGET_DIR/debug/wisp}
home=$(mktemp -d)
"$wisp" serve --dev --listen 127.0.0.1:0 --tls-listen 127.0.0.1:0 --data "$home/data" >"$home/log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$home"' EXIT

for _ in $(seq 600); do
  [[ -f $home/data/endpoints.json ]] && break
  kill -0 $server 2>/dev/null || { cat "$home/log" >&2; exit 1; }
  sleep 0.05
done
address() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" "$home/data/endpoints.json"; }
WISP_APIHOST=$(address http)
WISP_TLS_APIHOST=$(address https)
WISP_AUTH=23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP
export WISP_APIHOST WISP_TLS_APIHOST WISP_AUTH
"$@" || { tail -40 "$home/log" >&2; exit 1; }
