#!/usr/bin/env bash
# Installs what the tests need beside Rust, if it is missing: Debian packages when root, and npm packages (clients, and
# those that every Node function can require, workerd) into a cache outside the checkout. Arguments: folders below tests/
# of further clients.
set -euo pipefail
cd "$(dirname "$0")/.."

# command:package
needs=(node:nodejs npm:npm python3:python3 cc:build-essential ip:iproute2 redis-server:redis-server nats-server:nats-server mosquitto:mosquitto /usr/sbin/rabbitmq-server:rabbitmq-server pg_lsclusters:postgresql busybox:busybox-static docker-registry:docker-registry pip3:python3-pip)

missing=()
for need in "${needs[@]}"; do
  command -v "${need%%:*}" >/dev/null || missing+=("${need##*:}")
done
if ((${#missing[@]})); then
  if [[ $EUID -ne 0 ]] || ! command -v apt-get >/dev/null; then
    echo "the tests need these packages: ${missing[*]}; install them and try again" >&2
    exit 1
  fi
  echo "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  # The tests start servers themselves: none shall start because its package is installed.
  policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
  fi
  apt-get update -qq && apt-get install -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# The targets that WebAssembly for tests and examples is compiled for.
targets=(wasm32-wasip1 wasm32-wasip2)
for target in "${targets[@]}"; do
  [[ ! -d $(rustc --print sysroot)/lib/rustlib/$target ]] || continue
  echo "installing the Rust target $target"
  rustup --quiet target add "$target"
done

cache=${CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/wisp}
sources=tests/live/hostile/intruder
intruder=${WISP_TEST_INTRUDER:-$cache/intruder-$(cat $sources/manifest.toml $sources/src/*.rs | sha256sum | cut -c1-12).wasm}
if [[ ! -f $intruder ]]; then
  echo "compiling a hostile component"
  place=$(mktemp -d)
  cp -r $sources/src "$place" && cp $sources/manifest.toml "$place/Cargo.toml"
  (cd "$place" && cargo build --quiet --release --target wasm32-wasip2 --target-dir target)
  mkdir -p "$cache" && cp "$place/target/wasm32-wasip2/release/intruder.wasm" "$intruder"
  rm -r "$place"
fi
bundled=crates/runtimes/src/languages/nodejs/packages
for client in sdk composer durabletask durable-functions clients/serverless "$@"; do
  modules=$cache/npm-$(sha256sum <tests/$client/package-lock.json | cut -c1-12)
  [[ ! -d $modules/node_modules ]] || continue
  echo "installing the npm packages of tests/$client"
  rm -rf "$modules.new" && mkdir -p "$modules.new"
  cp tests/$client/package.json tests/$client/package-lock.json "$modules.new"
  # Not `npm ci`: that insists on other systems' packages in the lock, and not every registry has them all.
  npm install --prefix "$modules.new" --no-save --loglevel error --ignore-scripts --no-audit --no-fund --no-update-notifier >/dev/null
  mv "$modules.new" "$modules"
done
modules=${WISP_LANGUAGES_NODE_MODULES:-$cache/node-packages-$(sha256sum <$bundled/package-lock.json | cut -c1-12)}
if [[ ! -d $modules ]]; then
  echo "installing the npm packages of Node functions"
  sh $bundled/install.sh "$modules" >/dev/null
fi
isolates=crates/runtimes/src/languages/js/package
workerd=${WISP_LANGUAGES_WORKERD:-$cache/workerd-$(sha256sum <$isolates/package-lock.json | cut -c1-12)}
if [[ ! -d $workerd ]]; then
  echo "installing workerd"
  sh $isolates/install.sh "$workerd" >/dev/null
fi
node=${WISP_TEST_NODE:-$cache/node-22.23.3/bin/node}
if [[ ! -x $node ]]; then
  echo "installing a Node.js that keeps compiled code"
  installer=$(mktemp -d)
  cp crates/runtimes/src/languages/nodejs/release/install.sh "$installer"
  echo 22.23.3 >"$installer/major"
  sh "$installer/install.sh" "$cache/node-22.23.3" >/dev/null
  rm -r "$installer"
fi

python=${PYTHON:-/usr/bin/python3}
clients=$cache/workflows-$(sha256sum <tests/workflows/requirements.txt | cut -c1-12)
if [[ ! -d $clients ]]; then
  echo "installing the AWS CLI and SDK"
  rm -rf "$clients.new"
  "$python" -m venv "$clients.new"
  "$clients.new/bin/python" -m pip install --quiet --only-binary :all: -r tests/workflows/requirements.txt
  mv "$clients.new" "$clients"
fi
orchestrations=$cache/durabletask-$(sha256sum <tests/durabletask/requirements.txt | cut -c1-12)
if [[ ! -d $orchestrations ]]; then
  echo "installing the Durable Task library for Python"
  rm -rf "$orchestrations.new"
  "$python" -m venv "$orchestrations.new"
  "$orchestrations.new/bin/python" -m pip install --quiet --only-binary :all: -r tests/durabletask/requirements.txt
  mv "$orchestrations.new" "$orchestrations"
fi
durable=$cache/durable-$(sha256sum <tests/durable-functions/requirements.txt | cut -c1-12)
if [[ ! -d $durable ]]; then
  echo "installing Azure Durable Functions for Python"
  rm -rf "$durable.new"
  "$python" -m pip install --quiet --root-user-action=ignore --only-binary :all: --target "$durable.new" -r tests/durable-functions/requirements.txt
  mv "$durable.new" "$durable"
fi
packages=${WISP_LANGUAGES_PYTHON_PACKAGES:-$cache/python-packages-$(sha256sum <tests/python/requirements.txt | cut -c1-12)}
if [[ ! -d $packages ]]; then
  echo "installing the packages of Python functions"
  rm -rf "$packages.new"
  "$python" -m pip install --quiet --root-user-action=ignore --only-binary :all: --target "$packages.new" -r tests/python/requirements.txt
  mv "$packages.new" "$packages"
fi
readers=$cache/live-$(sha256sum <tests/live/requirements.txt | cut -c1-12)
if [[ ! -d $readers ]]; then
  echo "installing what the tests of a whole platform read events with"
  rm -rf "$readers.new"
  "$python" -m pip install --quiet --root-user-action=ignore --only-binary :all: --target "$readers.new" -r tests/live/requirements.txt
  mv "$readers.new" "$readers"
fi
