#!/bin/sh
# Creates Temporal's two databases and brings their tables up to date; safe to repeat.
set -eu

for database in temporal temporal_visibility; do
    case $database in
    temporal) schema=temporal ;;
    *) schema=visibility ;;
    esac
    tool="temporal-sql-tool --plugin postgres12 --ep postgresql -p 5432 -u temporal --db $database"
    $tool create
    # Fails where the tables exist; then they are only updated.
    $tool setup-schema -v 0.0 || true
    $tool update-schema -d "/etc/temporal/schema/postgresql/v12/$schema/versioned"
done
