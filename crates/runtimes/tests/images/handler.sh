#!/bin/sh
# OpenWhisk's HTTP protocol for one connection; what the function does is in the request.
read -r method path version
length=0
while read -r header; do
  header=${header%?}
  [ -z "$header" ] && break
  case "$header" in [Cc]ontent-[Ll]ength:*) length=${header#*: } ;; esac
done
body=$(busybox head -c "$length")
answer() { printf 'HTTP/1.1 %s\r\nContent-Length: %s\r\nConnection: close\r\n\r\n%s' "$1" "${#2}" "$2"; }
mark() {
  echo XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX >&5
  echo XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX >&2
}
case "$path $body" in
/init*'"code":"fail"'*) echo "cannot load" >&5; answer '502 Bad' '{"error":"no good"}'; mark ;;
/init*'"code":"exit"'*) busybox kill -9 $PPID ;;
/init*'"code":"slow"'*) busybox sleep 100 ;;
/init*) answer '200 OK' '{"ok":true}' ;;
/run*'"do":"exit"'*) busybox kill -9 $PPID ;;
/run*'"do":"slow"'*) busybox sleep 100 ;;
/run*'"do":"fail"'*) answer '502 Bad' '{"error":"it broke"}'; mark ;;
/run*'"do":"text"'*) answer '200 OK' 'just text'; mark ;;
/run*'"do":"flood"'*) busybox yes 'a long line of log' | busybox head -c 3000000 >&5; answer '200 OK' '{"flooded":true}'; mark ;;
/run*'"do":"forge"'*) mark; echo "after the mark" >&5; answer '200 OK' '{"forged":true}'; mark ;;
/run*) echo "to stdout" >&5; echo "to stderr" >&2; answer '200 OK' "{\"user\":$(busybox id -u),\"request\":$body}"; mark ;;
esac
