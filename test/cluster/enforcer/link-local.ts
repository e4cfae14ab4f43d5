import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { findServer } from '../../servers/server-process.ts';

interface Link {
  readonly addr_info: readonly { readonly local: string; readonly scope: string }[];
}

/** Of the pod in that network namespace; empty where it is gone, or has none yet. */
const addressesIn = async (file: string): Promise<readonly string[]> => {
  const { stdout, exitCode } = await execa(
    findServer('nsenter'),
    [`--net=${file}`, '--', findServer('ip'), '-json', 'addr', 'show', 'eth0'],
    {
      reject: false,
    },
  );
  if (exitCode !== 0) return [];
  const links = JSON.parse(stdout) as readonly Link[];
  return links.flatMap((link) => link.addr_info.map(({ local }) => local));
};

/**
 * A pod's IPv6 link-local address stands in no object of the API, and reaches the node and the other pods like any other. Answers with all
 * addresses of the pod that has this one, from the network namespaces that containerd made for the pods.
 */
export const podAddressBook = (containerdState: string) => {
  const folder = join(containerdState, 'io.containerd.grpc.v1.cri/netns');
  const known = new Map<string, readonly string[]>();
  const look = async (): Promise<void> => {
    const files = existsSync(folder) ? await readdir(folder) : [];
    for (const file of known.keys()) if (!files.includes(file)) known.delete(file);
    await Promise.all(
      files
        .filter((file) => !known.has(file))
        .map(async (file) => {
          const addresses = await addressesIn(join(folder, file));
          if (addresses.length > 1) known.set(file, addresses);
        }),
    );
  };
  return {
    async allOf(addresses: readonly string[]): Promise<readonly (readonly string[])[]> {
      await look();
      return addresses.map((address) => [...known.values()].find((all) => all.includes(address)) ?? [address]);
    },
  };
};
