#!/bin/sh
# Restore from a backup:  ./restore-database.sh production backups/production/FILE.dump
exec npx --no -- drydock restore "$@"
