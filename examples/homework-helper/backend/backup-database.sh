#!/bin/sh
# Create a backup:  ./backup-database.sh staging
exec npx --no -- drydock backup "$@"
