#!/bin/sh
# Stops the application of an environment on this machine: ./scripts/stop.sh production
set -eu
cd "$(dirname "$0")/.."
exec node --import jiti/register scripts/stop.ts "$@"
