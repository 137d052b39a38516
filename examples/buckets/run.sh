#!/usr/bin/env bash
# Counts the words of the texts given.
set -euo pipefail
cd "$(dirname "$0")"

texts=$(printf '%s\n' "$@" | sed 's/[\\"]/\\&/g; s/.*/"&"/' | paste -sd,)
control=$(seq 0 $(($# - 1)) | sed 's/.*/"done-&"/' | paste -sd,)
letters=$(printf '%s\n' "$@" | tr 'A-Z' 'a-z' | grep -o '[a-z0-9_]*' | cut -c1 | sort -u)

wisp bucket create words >/dev/null
wisp bucket create counts >/dev/null
wisp action update map map.js -a provide-api-key true >/dev/null
wisp action update split split.js -a provide-api-key true >/dev/null
wisp action update reduce reduce.py -a output-bucket '{"bucket": "counts", "keyFrom": "letter"}' >/dev/null
wisp bucket trigger create words reduce --primitive dynamic-group --param control_group "[$control]" \
  --function reduce --pass value >/dev/null
session=$(wisp action invoke split -p texts "[$texts]" -r | grep -o '[0-9a-f]\{32\}')
for letter in $letters; do
  wisp bucket get counts "$letter" --session "$session" --wait 30 --output json
done
