import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const bind = (address) =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(address, () => resolve(server));
  });

/**
 * Runs `work` while no other process of this user does so for the same `name`.
 * The lock is an abstract socket: the kernel frees it when its holder dies, so it is never stale. Only Linux has them; elsewhere there is no lock.
 */
export const exclusively = async (name, onWait, work) => {
  if (process.platform !== 'linux') return work();
  const address = `\0codebay-${process.getuid()}-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
  let waited = false;
  let held;
  while (!held) {
    try {
      held = await bind(address);
    } catch (error) {
      if (error.code !== 'EADDRINUSE') throw error;
      if (!waited) onWait();
      waited = true;
      await sleep(200);
    }
  }
  try {
    return await work();
  } finally {
    await new Promise((resolve) => held.close(resolve));
  }
};
