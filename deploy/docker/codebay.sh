#!/bin/sh
# The services of the image by their first argument; anything else is a command of the codebay command line.
case "${1-}" in
  api | gateway) entry=api/server.ts ;;
  worker) entry=temporal/worker.ts ;;
  ingest) entry=temporal/ingest.ts ;;
  sidecar) entry=agent/sidecar/pod.ts ;;
  *) exec node /opt/codebay/cli/main.ts "$@" ;;
esac
shift
exec node "/opt/codebay/$entry" "$@"
