#!/bin/sh
# Deploy the committed code to production:  ./deploy-production.sh
exec npx --no -- drydock deploy production "$@"
