import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { aptInstall } from './apt.mjs';
import { lastLines, run, which } from './command.mjs';
import { exclusively } from './exclusive.mjs';
import { goEnvironment, goProgram, OLDEST_GO } from './go.mjs';
import { serverPath } from './servers.mjs';
import { SetupError } from './setup-error.mjs';
import { cacheFolder } from './temporal-cli.mjs';

/** Must be what test/cluster/kube/go.mod requires. */
export const KUBERNETES_VERSION = '1.34.4';

/** What a cluster of this machine stands on. Each command stands for the Debian package that brings it. */
const DEBIAN = {
  containerd: 'containerd',
  runc: 'runc',
  ip: 'iproute2',
  nsenter: 'util-linux',
  nft: 'nftables',
  conntrack: 'conntrack',
  sysctl: 'procps',
  busybox: 'busybox-static',
  openssl: 'openssl',
};
export const CNI_PLUGINS = '/usr/lib/cni';

const missing = () => [
  ...Object.keys(DEBIAN)
    .filter((name) => which(name, { PATH: serverPath() }) === null)
    .map((name) => DEBIAN[name]),
  ...(existsSync(join(CNI_PLUGINS, 'bridge')) ? [] : ['containernetworking-plugins']),
];

/** containerd, runc and what sets up a network of its own. */
export const clusterPackages = () => ({
  title: 'containerd, runc, CNI plugins, nftables',
  isDone: async () => missing().length === 0,
  install: async () => {
    const packages = missing();
    await aptInstall(packages, `install them with your package manager (e.g. \`sudo apt-get install ${packages.join(' ')}\`)`);
  },
});

const sourcesOf = (root) => join(root, 'test/cluster/kube');
const SOURCES = ['go.mod', 'go.sum', 'main.go', 'pause/main.go', 'dns/go.mod', 'dns/go.sum', 'dns/main.go'];

/** Where the programs built from these very sources are kept between clones: `kube`, `dns` and `pause`. */
export const kubernetesFolder = (root, env = process.env) => {
  const hash = createHash('sha256');
  for (const file of SOURCES) hash.update(readFileSync(join(sourcesOf(root), file)));
  return join(cacheFolder(env), `kubernetes-${KUBERNETES_VERSION}-${hash.digest('hex').slice(0, 12)}`);
};

/** The components print and report the version that they were linked with. */
const versionFlags = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((name) => {
  const [major, minor] = KUBERNETES_VERSION.split('.');
  const values = {
    gitVersion: `v${KUBERNETES_VERSION}`,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
  };
  return Object.entries(values).map(([variable, value]) => `-X ${name}.${variable}=${value}`);
});

const SAY_EVERY_MS = 30_000;

/** What builds that were killed left; nobody else builds now. */
const removeDrafts = (target) => {
  const folder = dirname(target);
  if (!existsSync(folder)) return;
  const drafts = readdirSync(folder).filter((name) => name.startsWith(`${basename(target)}.`) && name.endsWith('.draft'));
  for (const draft of drafts) rmSync(join(folder, draft), { recursive: true });
};

const build = async (root, target, say) => {
  const go = await goProgram();
  if (go === null) throw new SetupError(`Go ${OLDEST_GO} or newer is missing: install it so that \`go\` is in PATH, then start again.`);
  removeDrafts(target);
  const draft = `${target}.${process.pid}.draft`;
  const began = Date.now();
  let compiled = 0;
  const progress = setInterval(() => {
    say(`${compiled} packages compiled in ${Math.round((Date.now() - began) / 1000)} s (about 3,300 in all; once a machine)`);
  }, SAY_EVERY_MS);
  const compile = async (output, folder, ...flags) => {
    const args = ['build', '-v', '-mod=readonly', '-trimpath', ...flags, '-o', join(draft, output), '.'];
    const result = await run(go, args, {
      cwd: join(sourcesOf(root), folder),
      env: goEnvironment(),
      onOutput: (text) => {
        compiled += text.split('\n').length - 1;
      },
    });
    if (result.code !== 0)
      throw new SetupError(`go build of ${output} (Kubernetes ${KUBERNETES_VERSION}) failed:\n${lastLines(result.output)}`);
  };
  try {
    mkdirSync(draft, { recursive: true });
    await compile('pause', 'pause', '-ldflags=-s -w');
    await compile('dns', 'dns', '-ldflags=-s -w');
    await compile('kube', '', '-tags=grpcnotrace', `-ldflags=-s -w ${versionFlags.join(' ')}`);
    renameSync(draft, target);
  } finally {
    clearInterval(progress);
    rmSync(draft, { recursive: true, force: true });
  }
};

/** Kubernetes, etcd and kubectl as one program, and CoreDNS, built from Go modules: minutes the first time, kept by the hash of its sources. */
export const kubernetes = (root) => {
  const target = kubernetesFolder(root);
  const isDone = async () => existsSync(join(target, 'kube'));
  return {
    title: `Kubernetes ${KUBERNETES_VERSION} (a build from Go modules, 9–13 min on 2 cores)`,
    isDone,
    install: (say) =>
      exclusively(
        target,
        () => say('another clone builds it; waiting for that'),
        async () => (await isDone()) || build(root, target, say),
      ),
  };
};
