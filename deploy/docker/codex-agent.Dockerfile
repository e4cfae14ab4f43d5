# What the agent of a run works in: `docker build -f deploy/docker/codex-agent.Dockerfile -t codex-agent:0.1.0 .` at the root of the repository.
ARG BASE=debian:trixie-20260610-slim

# Node and npm as the packages that hold them; Debian's own npm only fetches them.
FROM ${BASE} AS node
ARG NODE_VERSION=24.21.0
ARG NPM_VERSION=11.21.2
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates npm \
 && rm -rf /var/lib/apt/lists/*
RUN --mount=type=secret,id=ca \
    if [ -f /run/secrets/ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca; fi \
 && npm install --global --prefix /fetched "node@${NODE_VERSION}" "npm@${NPM_VERSION}" \
 && install -m 755 "$(readlink -f /fetched/bin/node)" /usr/local/bin/node \
 && mv /fetched/lib/node_modules/npm /usr/local/lib/npm \
 && ln -s ../lib/npm/bin/npm-cli.js /usr/local/bin/npm \
 && ln -s ../lib/npm/bin/npx-cli.js /usr/local/bin/npx \
 && rm -rf /fetched /root/.npm

FROM node AS packages
WORKDIR /opt/codebay
COPY package.json package-lock.json ./
RUN --mount=type=secret,id=ca --mount=type=cache,target=/root/.npm \
    if [ -f /run/secrets/ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca; fi \
 && npm ci --omit=dev --ignore-scripts --no-audit --no-fund

# The agent's own code and no more; the compile cache is per user, so it is made as the user of the runs.
FROM node AS agent
WORKDIR /opt/codebay
COPY --from=packages /opt/codebay/node_modules/openai node_modules/openai
COPY --from=packages /opt/codebay/node_modules/zod node_modules/zod
COPY package.json ./
COPY agent agent
COPY tasks tasks
COPY deploy/docker/compile.mjs /tmp/compile.mjs
RUN rm -r agent/sidecar node_modules/openai/src node_modules/zod/src \
 && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete \
 && install -d -o 10002 node_modules/.cache/codebay/modules
USER 10002
RUN NODE_COMPILE_CACHE=/opt/codebay/node_modules/.cache/codebay/modules node /tmp/compile.mjs agent/forwarder.ts agent/main.ts \
 && chmod -R a+rX node_modules/.cache/codebay/modules

# Go as the toolchain module that Debian's Go fetches and checks.
FROM ${BASE} AS go
ARG GO_VERSION=1.27.3
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates golang-go \
 && rm -rf /var/lib/apt/lists/*
RUN --mount=type=secret,id=ca \
    if [ -f /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi \
 && GOPATH=/fetched GOTOOLCHAIN="go${GO_VERSION}" go version \
 && mv /fetched/pkg/mod/golang.org/toolchain@* /usr/local/go \
 && chmod -R u+w,a+rX /usr/local/go \
 && echo 'GOFLAGS=-modcacherw' >> /usr/local/go/go.env \
 && rm -rf /fetched

FROM ${BASE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      bash ca-certificates curl diffutils file findutils g++ gcc git jq less libc6-dev make patch pkg-config procps \
      python-is-python3 python3 python3-dev python3-pip python3-venv ripgrep tini unzip xz-utils zip zstd \
 && rm -rf /var/lib/apt/lists/* \
 && echo 'codebay:x:10000:' >> /etc/group \
 && echo 'agent:x:10002:10000::/app/home:/bin/bash' >> /etc/passwd \
 && install -d -o 10002 -g 10000 /app/code /app/home /app/output /app/side /app/sockets /app/task \
 && ln -s task/task.json /app/task.json \
 && git config --system safe.directory /app/code \
 && printf '[global]\nbreak-system-packages = true\ndisable-pip-version-check = true\n' > /etc/pip.conf
COPY --from=go /usr/local/go /usr/local/go
COPY --from=node /usr/local /usr/local
COPY deploy/docker/npmrc /usr/local/lib/npm/npmrc
COPY LICENSE /opt/codebay/
COPY --from=agent --chown=0:0 /opt/codebay /opt/codebay
# Only the home folder and /tmp can be written: caches, and what is installed without root, land there.
ENV HOME=/app/home \
    TMPDIR=/tmp \
    LANG=C.UTF-8 \
    PATH=/app/home/.local/bin:/app/home/go/bin:/usr/local/bin:/usr/local/go/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin \
    XDG_CACHE_HOME=/app/home/.cache \
    XDG_CONFIG_HOME=/app/home/.config \
    XDG_DATA_HOME=/app/home/.local/share \
    XDG_STATE_HOME=/app/home/.local/state \
    PYTHONPYCACHEPREFIX=/app/home/.cache/pycache \
    NODE_COMPILE_CACHE=/opt/codebay/node_modules/.cache/codebay/modules
USER 10002:10000
WORKDIR /app/code
ENTRYPOINT ["tini", "--"]
CMD ["bash"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="codex-agent" \
      org.opencontainers.image.description="Codebay's agent with Node, Python, Go, git and build tools: what a run works in" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
