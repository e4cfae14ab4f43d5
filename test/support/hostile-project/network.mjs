import { Resolver } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';

const PATIENCE_MS = 2000;

const opens = (address) =>
  new Promise((resolve) => {
    const socket = connect(address);
    const end = (opened) => {
      socket.destroy();
      resolve(opened);
    };
    socket.setTimeout(PATIENCE_MS, () => end(false));
    socket.on('connect', () => end(true)).on('error', () => end(false));
  });

const answers = (server, question) => {
  const resolver = new Resolver({ timeout: PATIENCE_MS, tries: 1 });
  resolver.setServers([server]);
  return resolver.resolve4(question).then(
    () => true,
    () => false,
  );
};

const reaches = ({ path, nameServer, question, ...address }) => {
  if (nameServer !== undefined) return answers(nameServer, question);
  return opens(path === undefined ? address : { path: path.replace(/^@/, '\0') });
};

/**
 * The names of the addresses that a connection could be opened to, or that answered a question for a name. An abstract socket is written
 * with a leading `@`.
 */
export const connectTo = async (addresses) => {
  const reached = await Promise.all(Object.values(addresses).map(reaches));
  return Object.keys(addresses).filter((_, at) => reached[at]);
};

/** The TCP ports that something listens on in this network namespace. */
export const listening = () => {
  const rows = ['tcp', 'tcp6'].flatMap((name) => readFileSync(`/proc/net/${name}`, 'utf8').split('\n').slice(1));
  const fields = rows.map((row) => row.trim().split(/\s+/)).filter(([, , , state]) => state === '0A');
  return [...new Set(fields.map(([, local]) => Number.parseInt(local.split(':').at(-1), 16)))];
};

const ask = (port, method, path, headers = {}) =>
  new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, method, path, headers, timeout: PATIENCE_MS, agent: false });
    let body = '';
    asked.on('connect', (answer, socket) => {
      socket.destroy();
      resolve({ status: answer.statusCode, body });
    });
    asked.on('response', (answer) => {
      answer.on('data', (chunk) => {
        body += chunk;
      });
      answer.on('close', () => resolve({ status: answer.statusCode, body }));
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve({ status: 0, body }));
    asked.end();
  });

const PATHS = [
  '/',
  '/run',
  '/run/code',
  '/run/setup',
  '/run/phase',
  '/run/complete',
  '/llm/v1/models',
  '/v1/tasks',
  '/metrics',
  '/openapi.json',
];
const TOKENS = [undefined, `cbr_${'a'.repeat(43)}`, `cbk_${'a'.repeat(43)}`, 'placeholder'];

/** The statuses that each listening port gives to guesses, and whether it can be made a proxy. 0 is no answer. */
export const askDoors = async (ports, mirror) => {
  const statuses = new Set();
  let proxies = 0;
  for (const port of ports) {
    for (const path of PATHS) {
      for (const token of TOKENS) {
        const headers = token === undefined ? {} : { authorization: `Bearer ${token}`, 'proxy-authorization': `Bearer ${token}` };
        for (const method of ['GET', 'POST']) statuses.add((await ask(port, method, path, headers)).status);
      }
    }
    const plain = await ask(port, 'GET', `http://${mirror.host}:${mirror.port}/`);
    const tunnel = await ask(port, 'CONNECT', `${mirror.host}:${mirror.port}`);
    if (plain.body.includes(mirror.says)) proxies += 1;
    if (tunnel.status === 200) proxies += 1;
  }
  return { statuses: [...statuses].sort((one, other) => one - other), proxies };
};
