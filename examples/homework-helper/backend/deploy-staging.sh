#!/bin/sh
# Deploy the committed code to staging:  ./deploy-staging.sh
exec npx --no -- drydock deploy staging "$@"
