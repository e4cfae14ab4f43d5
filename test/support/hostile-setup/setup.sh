set -e
node setup.mjs
sh later.sh
