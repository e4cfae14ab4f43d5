# PATH ends with the Node that Codebay itself runs on, which can open abstract sockets.
exec "${PATH##*:}/node" probe.mjs "$1"
