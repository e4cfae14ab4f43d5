# The services of Codebay, and the sidecar of its runs: `docker build -f deploy/docker/codebay.Dockerfile -t codebay:0.1.0 .` at the root of the repository.
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

# The workflow bundle, made once, and what Node compiled for the user of the services (its caches are per user).
FROM packages AS compiled
COPY activities activities
COPY agent agent
COPY api api
COPY cli cli
COPY platform platform
COPY scripts/setup scripts/setup
COPY sdk sdk
COPY tasks tasks
COPY temporal temporal
COPY workflows workflows
COPY deploy/docker/compile.mjs /tmp/compile.mjs
RUN install -d -o 10001 node_modules/.cache/codebay node_modules/.cache/codebay/modules
USER 10001
ENV NODE_COMPILE_CACHE=/opt/codebay/node_modules/.cache/codebay/modules
RUN node --input-type=module --eval "import { workflowBundle } from './temporal/workflow-bundle.ts'; \
      await workflowBundle({ root: '/opt/codebay', cacheDir: '/opt/codebay/node_modules/.cache/codebay' });" \
 && node /tmp/compile.mjs api/server.ts temporal/worker.ts temporal/ingest.ts cli/main.ts agent/sidecar/pod.ts \
 && chmod -R a+rX node_modules/.cache/codebay

# What only a build needs: other platforms' libraries, the bundler's compiler, sources and maps.
FROM packages AS pruned
RUN find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -r {} + \
 && rm -r node_modules/@swc/core-* node_modules/@temporalio/core-bridge/sdk-core node_modules/@temporalio/*/src node_modules/openai/src \
 && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete

FROM ${BASE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates git tini \
 && rm -rf /var/lib/apt/lists/* \
 && echo 'codebay:x:10000:' >> /etc/group \
 && echo 'codebay:x:10001:10000::/var/lib/codebay:/usr/sbin/nologin' >> /etc/passwd \
 && install -d -o 10001 -g 10000 -m 750 /var/lib/codebay
COPY --from=node /usr/local/bin/node /usr/local/bin/
WORKDIR /opt/codebay
COPY --from=pruned /opt/codebay/node_modules node_modules
COPY --from=compiled --chown=0:0 /opt/codebay/node_modules/.cache node_modules/.cache
COPY LICENSE package.json ./
COPY activities activities
COPY agent agent
COPY api api
COPY cli cli
COPY platform platform
COPY scripts/setup scripts/setup
COPY sdk sdk
COPY tasks tasks
COPY temporal temporal
COPY workflows workflows
COPY deploy/docker/codebay.sh /usr/local/bin/codebay
ENV NODE_ENV=production \
    NODE_COMPILE_CACHE=/opt/codebay/node_modules/.cache/codebay/modules \
    HOME=/var/lib/codebay \
    LANG=C.UTF-8 \
    CODEBAY_DATA=/var/lib/codebay \
    CODEBAY_HOST=0.0.0.0 \
    CODEBAY_GATEWAY_HOST=0.0.0.0
USER 10001:10000
# API, the runs' gateway, ingest.
EXPOSE 8420 8421 8422
ENTRYPOINT ["tini", "--", "codebay"]
CMD ["--help"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="codebay" \
      org.opencontainers.image.description="API, gateway, worker and ingest of Codebay, and the sidecar of its runs" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
