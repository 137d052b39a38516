#!/usr/bin/env bash
# Runs the original Composer against servers of its own: one that runs compositions itself, as they are and durable, and
# one that leaves them to their conductor. There, `parallel` and `map` need a Redis that functions reach; they do not reach
# the host, so it gets a network of its own, for which this must be root.
set -euo pipefail
cd "$(dirname "$0")"

cache=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/wisp}
export NODE_PATH=$cache/npm-$(sha256sum <package-lock.json | cut -c1-12)/node_modules

net=wisp-redis-$$
# A /30 of the range for tests of networks (RFC 2544), another one for each run.
subnet=198.18.$(($$ / 64 % 256)).$(($$ % 64 * 4))
host=${subnet%.*}.$((${subnet##*.} + 1))
redis=${subnet%.*}.$((${subnet##*.} + 2))
cleanup() {
  [[ -z ${pid:-} ]] || { kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; }
  ip netns delete "$net" 2>/dev/null || true
}
if ip netns add "$net" 2>/dev/null; then
  trap cleanup EXIT
  ip link add "wr$$" type veth peer name redis netns "$net"
  ip addr add "$host/30" dev "wr$$"
  ip link set "wr$$" up
  ip -n "$net" addr add "$redis/30" dev redis
  ip -n "$net" link set redis up
  ip netns exec "$net" redis-server --bind "$redis" --protected-mode no --save '' --dir /tmp --loglevel warning >/dev/null &
  pid=$!
  export WISP_REDIS=redis://$redis:6379
else
  echo "SKIPPED: parallel and map: no network namespace can be made here" >&2
fi
tests=(../with-server.sh node --test --test-reporter=spec smoke.js)
"${tests[@]}"
WISP_COMPOSER_DURABLE=true "${tests[@]}"
WISP_WORKFLOWS_NATIVE_COMPOSITIONS=false "${tests[@]}"
