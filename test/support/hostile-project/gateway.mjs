import { readFileSync } from 'node:fs';
import { request } from 'node:http';

const ask = (url, { body, ...options }) =>
  new Promise((resolve) => {
    const { hostname: host, port } = new URL(url);
    const asked = request({ host, port, agent: false, ...options });
    asked.on('response', (answer) => resolve(answer.resume().statusCode));
    asked.on('connect', (answer, socket) => {
      socket.destroy();
      resolve(answer.statusCode);
    });
    asked.on('error', (error) => resolve(error.code));
    asked.end(body);
  });

const SETUP = JSON.stringify({ script: { path: 'setup.sh', sha256: 'a'.repeat(64) } });

/** The statuses that the gateway gives to who shows this token, or none: about the run, for set-up's secrets, and as a way to the mirror. */
export const askGateway = async ({ url, mirror, token }) => {
  const bearer = token === null ? undefined : `Bearer ${token}`;
  const own = bearer && { authorization: bearer };
  const proxy = bearer && { 'proxy-authorization': bearer };
  return {
    itself: await ask(url, { method: 'GET', path: '/run', headers: own }),
    secrets: await ask(url, { method: 'POST', path: '/run/setup', headers: own, body: SETUP }),
    tunnel: await ask(url, { method: 'CONNECT', path: mirror, headers: proxy }),
    page: await ask(url, { method: 'GET', path: `http://${mirror}/`, headers: proxy }),
  };
};

/** The same for the identity in a run's order, which only the sidecar can read. */
export const askAsSidecar = ({ order, ...given }) => askGateway({ ...given, token: JSON.parse(readFileSync(order, 'utf8')).identity });
