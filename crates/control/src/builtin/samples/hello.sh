#!/bin/sh
# A program reads a line of JSON for each activation, and writes its result as one line to descriptor 3. What it writes
# elsewhere is its log.
while read -r line; do
  name=$(printf '%s' "$line" | sed -n 's/.*"name" *: *"\([^"\\]*\)".*/\1/p')
  echo "greeting ${name:-stranger}"
  printf '{"payload":"Hello, %s!"}\n' "${name:-stranger}" >&3
done
