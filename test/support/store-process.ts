/*
 * A process of its own over a store, for tests of several processes and of `kill -9`:
 * It first prints `ready` and waits for a line, so that several can begin at once; then it opens the store and prints `open`.
 *   store-process.ts <adapter> <location> open    does nothing more
 *   store-process.ts <adapter> <location> append <task> <source>    appends events one after the other, prints each number, until killed
 *   store-process.ts <adapter> <location> reserve <task> <count> <tokens> <limit>    reserves all at once, prints how many were granted
 */
import { once } from 'node:events';
import { openMysqlStore } from '../../platform/mysql.ts';
import { openSqliteStore } from '../../platform/sqlite.ts';
import type { Stores } from '../../tasks/ports/stores.ts';

const OPENERS: Readonly<Record<string, (location: string) => Promise<Stores>>> = {
  sqlite: openSqliteStore,
  mysql: (url) => openMysqlStore(url, { connections: 10 }),
};

const [adapter = '', location = '', action, taskId = '', ...rest] = process.argv.slice(2);
const open = OPENERS[adapter];
if (open === undefined) throw new Error(`no store adapter ${adapter}`);
process.stdout.write('ready\n');
await once(process.stdin, 'data');
process.stdin.destroy();
const stores = await open(location);
process.stdout.write('open\n');

if (action === 'append') {
  const [source = ''] = rest;
  for (let sourceSeq = 1; ; sourceSeq += 1) {
    const event = { type: 'checkpoint', data: { seq: sourceSeq, turn: 0 }, source_seq: sourceSeq, at: 0 } as const;
    process.stdout.write(`${await stores.events.append(taskId, source, [event])}\n`);
  }
}
if (action === 'reserve') {
  const [count = 0, tokens = 0, limit = 0] = rest.map(Number);
  const answers = await Promise.all(
    Array.from({ length: count }, (_, turn) =>
      stores.ledger.reserve(
        { taskId, runId: `${taskId}-a1`, turn, requestSha256: `${process.pid}`, model: 'm', tokens, costMicros: null },
        { tokens: limit, costMicros: null },
      ),
    ),
  );
  process.stdout.write(`${answers.filter(({ granted }) => granted).length}\n`);
}
await stores.close();
