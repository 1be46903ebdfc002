#!/bin/sh
# Runs a node program, and npm over a package of its own. usage: node_program.sh SOURCE
set -u
say() { printf '%s\t%s\n' "$1" "$2" >> "$TRANSPARENCY_RESULTS"; }
timeout 100 node "$1" >> "$TRANSPARENCY_RESULTS"
say end "status $?"
command -v npm >/dev/null || exit 0
mkdir package other && cd package || exit 1
echo '{"name":"package","version":"1.0.0","scripts":{"prebuild":"echo before","build":"node -p 6*7 && echo $npm_lifecycle_event","test":"exit 4"}}' > package.json
echo '{"name":"other","version":"2.0.0","main":"main.js"}' > ../other/package.json
echo 'module.exports = 5' > ../other/main.js
export npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false
say "npm run" "$(npm run -s build 2>&1 | tr '\n' ' ')"
npm test >/dev/null 2>&1; say "npm test" "status $?"
npm install --offline ../other >/dev/null 2>&1; say "npm install" "status $?"
say "require" "$(node -p "require('other')" 2>&1)"
npm pack --offline >/dev/null 2>&1; say "npm pack" "status $? $(tar tzf package-1.0.0.tgz | sort | tr '\n' ' ')"
