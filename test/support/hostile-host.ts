import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What stands on a machine for everybody, so that only isolation keeps a program from it. */
export interface HostTargets {
  /** A word that no other test uses. */
  readonly word: string;
  /** Everyone may write in it. */
  readonly folder: string;
  /** In the folder; everyone may read it. */
  readonly file: string;
  /** Paths as the hostile program takes them. */
  readonly sockets: { readonly abstract: string; readonly file: string };
  /** An HTTP server on loopback that says `says` to everyone. */
  readonly mirror: { readonly host: string; readonly port: number; readonly says: string };
  /** A process whose command line holds `word`. */
  readonly bystander: { readonly pid: number; readonly word: string; readonly folder: string };
}

/** Puts them there until the stack ends. */
export const openHostTargets = async (stack: AsyncDisposableStack): Promise<HostTargets> => {
  const folder = await mkdtemp(join(tmpdir(), 'cb-host-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const word = `hostile-${process.pid}-${folder.slice(-6)}`;
  const file = join(folder, 'file');
  await writeFile(file, 'host');
  const sockets = { abstract: `@${word}`, file: join(folder, 'host.sock') };
  for (const path of [sockets.file, `\0${word}`]) {
    const server = createServer((socket) => socket.on('error', () => undefined).end());
    await once(server.listen(path), 'listening');
    stack.defer(() => void server.close());
  }
  for (const path of [folder, sockets.file]) await chmod(path, 0o777);
  const says = `${word} says hello`;
  const mirror = createHttpServer((_, response) => response.end(says));
  await once(mirror.listen(0, '127.0.0.1'), 'listening');
  stack.defer(() => {
    mirror.close();
    mirror.closeAllConnections();
  });
  const bystander = spawn('sh', ['-c', 'cat', word], { stdio: ['pipe', 'ignore', 'ignore'] });
  await once(bystander, 'spawn');
  stack.defer(() => void bystander.stdin.end());
  return {
    word,
    folder,
    file,
    sockets,
    mirror: { host: '127.0.0.1', port: (mirror.address() as AddressInfo).port, says },
    bystander: { pid: bystander.pid ?? 0, word, folder },
  };
};
