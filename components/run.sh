#!/usr/bin/env bash
# Builds and serves the demo app, and the server that its `profile` asks: run.sh SELVEDGE [FLAGS]
# The flags go to `selvedge serve`; the lines to try are for its default address.
set -euo pipefail

selvedge=$(realpath "$1"); shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# A secret that everybody knows, and a token that it signs: sub "ada", valid to the year 2100.
export JWT_KEY="${JWT_KEY:-only-for-the-demo-0123456789abcdef}"
token=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZGEiLCJleHAiOjQxMDI0NDQ4MDB9.GgkzBxX3ArH6gZMWgqbMkMI3bgO74BL2fSE7usGHiAs

"$selvedge" build --app "$here"
"$selvedge" build --app "$here/origin"

"$selvedge" serve --app "$here/origin" --listen 127.0.0.1:8788 --log warn >/dev/null &
origin=$!
trap 'kill "$origin" 2>/dev/null || true' EXIT

cat >&2 <<TRY

Try, in another terminal:

  curl http://127.0.0.1:8787/hello
  curl -i http://127.0.0.1:8787/api/fast-user -H 'cf-connecting-ip: 203.0.113.7' -H 'cf-ipcountry: CH'
  curl -i http://127.0.0.1:8787/home
  curl -i http://127.0.0.1:8787/api/profile
  curl -i http://127.0.0.1:8787/api/profile -H 'authorization: Bearer $token'
  curl -i http://127.0.0.1:8787/api/validate -d '{"customer":{"email":"ada@example.com"},"items":[{"sku":"A-17","qty":0}]}'
  curl -i -X POST 'http://127.0.0.1:8787/counter/apples?by=3'
  curl -i http://127.0.0.1:8787/counter/apples
  for i in 1 2 3 4 5 6; do curl -i http://127.0.0.1:8787/limited -H 'cf-connecting-ip: 203.0.113.7'; done
  curl -i -c /tmp/cookies -X POST http://127.0.0.1:8787/session
  curl -i -b /tmp/cookies -X PUT http://127.0.0.1:8787/session -d '{"cart":["A-17"]}'
  curl -i -b /tmp/cookies http://127.0.0.1:8787/session
  curl -i -X PUT http://127.0.0.1:8787/flags/staging/dark-mode -d '{"enabled":true,"percent":25}'
  curl -i 'http://127.0.0.1:8787/flags/staging/dark-mode?user=ada'
  curl -i http://127.0.0.1:8787/flags/staging
  curl -i 'http://127.0.0.1:8787/room/lobby?after=0&wait=25' & sleep 1; curl -i http://127.0.0.1:8787/room/lobby -d 'Hello'; wait

TRY
# Not `exec`: the trap must outlive it. Ctrl-C reaches both; a signal to this script is passed on.
"$selvedge" serve --app "$here" "$@" &
serve=$!
trap 'kill "$serve" 2>/dev/null || true' INT TERM
while kill -0 "$serve" 2>/dev/null; do wait "$serve" && status=0 || status=$?; done
exit "$status"
