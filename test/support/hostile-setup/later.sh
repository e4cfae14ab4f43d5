# What a later phase sees of set-up's: names in environments, and the proxy.
echo "named $(cat /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n' | grep -c -e ^SETUP_TOKEN= -e ^HTTP_PROXY=) times"
node -e 'require("net").connect(+process.argv[1], "127.0.0.1").on("connect", () => { console.log("proxy reached"); process.exit(); }).on("error", (e) => console.log("proxy " + e.code))' "$(cat "$HOME/proxy-port")"
