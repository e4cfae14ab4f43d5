import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { CNI_PLUGINS } from '../../scripts/setup/kubernetes.mjs';
import { renderTemplate } from '../servers/render-template.ts';
import { findServer, type ServerProcess, startServerProcess } from '../servers/server-process.ts';
import { PAUSE_IMAGE } from './images.ts';
import { type ClusterNetwork, inNamespace } from './network.ts';

export const POD_BRIDGE = 'cni0';
export const containerdState = (folder: string): string => join(folder, 'containerd/state');
export const containerdSocket = (folder: string): string => join(folder, 'containerd/containerd.sock');

/** The command that does what `importImage` does; the file comes last. */
export const importCommand = (socket: string): [string, ...string[]] => [
  findServer('ctr'),
  '--address',
  socket,
  '--namespace',
  'k8s.io',
  'images',
  'import',
];

/** Puts a docker-archive or OCI tar where pods of the cluster find it, under the names that stand in it. Use `imagePullPolicy: Never`. */
export const importImage = async (socket: string, tarFile: string): Promise<void> => {
  const [program, ...args] = importCommand(socket);
  await execa(program, [...args, tarFile]);
};

const accepts = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

/** Pods get an address of the cluster's range on one bridge, and the node as their way out. */
const cniConfiguration = ({ name, podCidr }: ClusterNetwork, folder: string) => ({
  cniVersion: '0.4.0',
  name,
  plugins: [
    {
      type: 'bridge',
      bridge: POD_BRIDGE,
      isGateway: true,
      ipMasq: false,
      hairpinMode: true,
      ipam: { type: 'host-local', ranges: [[{ subnet: podCidr }]], routes: [{ dst: '0.0.0.0/0' }], dataDir: join(folder, 'cni-addresses') },
    },
    { type: 'loopback' },
  ],
});

/** containerd with every file of its own below `folder`, in the cluster's network namespace. */
export const startContainerd = async (folder: string, network: ClusterNetwork): Promise<ServerProcess> => {
  const own = join(folder, 'containerd');
  const cni = join(own, 'cni');
  await mkdir(cni, { recursive: true });
  await writeFile(join(cni, '10-pods.conflist'), JSON.stringify(cniConfiguration(network, folder)));
  const configuration = join(own, 'containerd.toml');
  const template = renderTemplate(join(import.meta.dirname, 'setup/containerd.toml.template'), {
    FOLDER: own,
    STATE: containerdState(folder),
    SOCKET: containerdSocket(folder),
    PAUSE_IMAGE,
    CNI_PLUGINS,
    CNI_CONFIGURATION: cni,
  });
  await writeFile(configuration, template);
  return startServerProcess({
    command: inNamespace(network.name, [findServer('containerd'), '--config', configuration]),
    logFile: join(folder, 'log/containerd.log'),
    isReady: () => accepts(containerdSocket(folder)),
  });
};
