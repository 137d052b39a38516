#!/bin/sh
# Fetches the address `payload` with the program curl, which must be on the machine.
while read -r line; do
  address=$(printf '%s' "$line" | sed -n 's/.*"payload" *: *"\([^"\\]*\)".*/\1/p')
  if body=$(curl --silent --show-error --max-time 30 -- "$address"); then
    # As a JSON text: without control characters, backslashes and quotation marks escaped, lines joined.
    text=$(printf '%s' "$body" | tr -d '\000-\011\013-\037' | sed 's/[\\"]/\\&/g' | awk '{ printf "%s%s", sep, $0; sep = "\\n" }')
    printf '{"msg":"%s"}\n' "$text" >&3
  else
    printf '{"error":"curl ended with %d"}\n' "$?" >&3
  fi
done
