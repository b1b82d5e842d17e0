#!/bin/sh
# Creates the namespace with a week's retention, and the search attributes; safe to repeat.
set -eu

if temporal operator namespace describe --namespace default >/dev/null 2>&1; then
    temporal operator namespace update --namespace default --retention 7d
else
    temporal operator namespace create --namespace default --retention 7d
fi
for name in SkyflowService SkyflowPhase SkyflowVersion SkyflowCloud SkyflowRegion; do
    temporal operator search-attribute create --namespace default --name "$name" --type Keyword
done
