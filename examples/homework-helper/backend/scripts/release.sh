#!/bin/sh
# Brings a version of the application to an environment on this machine:
#   DRYDOCK_RELEASE=<commit, default HEAD> ./scripts/release.sh production
set -eu
cd "$(dirname "$0")/.."
exec node --import jiti/register scripts/release.ts "$@"
