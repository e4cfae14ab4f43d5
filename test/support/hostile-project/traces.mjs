import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

const SERVER = `
  const [word, file, port] = process.argv.slice(1);
  const { createServer } = require('net');
  let left = 3;
  for (const address of ['\\0' + word, file, { host: '0.0.0.0', port: +port }])
    createServer((socket) => socket.end()).listen(address, () => --left || console.log('ready'));
`;

/** Leaves what one process can leave for another: files, shared memory, and a process that listens and outlives its command. */
export const leaveTraces = async ({ word, folders, port }) => {
  const name = word.join('');
  for (const folder of folders) writeFileSync(`${folder}/${name}`, 'x');
  execFileSync('ipcmk', ['--shmem', '4096']);
  const server = spawn(process.execPath, ['-e', SERVER, name, `/tmp/${name}.sock`, port], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(server.stdout, 'data');
  server.stdout.destroy();
  server.unref();
  return 'left';
};

const commandOf = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
};

/** Which of them can be seen. The halves of the word are joined here only, so that the look doesn't see itself. */
export const findTraces = ({ word, folders }) => {
  const name = word.join('');
  const pids = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid));
  return [
    ...folders.filter((folder) => existsSync(`${folder}/${name}`)),
    ...(pids.some((pid) => commandOf(pid).includes(name)) ? ['process'] : []),
    ...(readFileSync('/proc/net/unix', 'latin1').includes(name) ? ['sockets'] : []),
    ...(readFileSync('/proc/sysvipc/shm', 'utf8').trim().split('\n').length > 1 ? ['shared memory'] : []),
  ];
};
