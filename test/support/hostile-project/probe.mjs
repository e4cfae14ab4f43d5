import { readFileSync } from 'node:fs';
import { forkAll, leaveDaemon, waysOut } from './escape.mjs';
import { readableOf, writableOf } from './files.mjs';
import { askDoors, connectTo, listening } from './network.mjs';
import { findSecrets, findSockets } from './search.mjs';

/** Everything that a hostile program would try in one phase of a task, and on the last line what it got. */
const [phase] = process.argv.slice(2);
const targets = JSON.parse(readFileSync('targets.json', 'utf8'));
const daemon = await leaveDaemon(`${targets.daemon}-${phase}`);
const ports = listening();
const found = {
  phase,
  uid: process.getuid(),
  connected: await connectTo(targets.connect),
  interfaces:
    readFileSync('/proc/net/dev', 'utf8')
      .match(/^ *[\w.-]+(?=:)/gm)
      ?.map((name) => name.trim()) ?? [],
  listening: ports.length,
  doors: await askDoors(targets.sandboxed ? ports : [], targets.mirror),
  sockets: findSockets(targets.socketFolders),
  proxy: Object.keys(process.env).filter((name) => /_proxy$/i.test(name) && !/^no_/i.test(name)).length,
  read: readableOf(targets.read),
  wrote: writableOf(targets.write),
  ...findSecrets(targets),
  ...waysOut(targets),
  daemon,
  forked: await forkAll(targets.forks),
};
console.log(`\nFOUND ${JSON.stringify(found)}`);
