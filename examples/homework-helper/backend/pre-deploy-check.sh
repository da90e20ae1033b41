#!/bin/sh
# Where an environment stands, and its checklist:  ./pre-deploy-check.sh production
exec npx --no -- drydock preflight "$@"
