#!/bin/sh
# Apply to staging:  ./apply-migration-staging.sh migrations/008_add_teacher_mode.sql
exec npx --no -- drydock apply staging "$@"
