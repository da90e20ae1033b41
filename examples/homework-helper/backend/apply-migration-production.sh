#!/bin/sh
# Apply to production, with backup, proof, rehearsal and confirmations:
#   ./apply-migration-production.sh migrations/008_add_teacher_mode.sql
exec npx --no -- drydock apply production "$@"
