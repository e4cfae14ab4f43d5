import { homedir } from 'node:os';
import { delimiter } from 'node:path';
import { run, which } from './command.mjs';

/** What test/cluster/kube/go.mod asks for. */
export const OLDEST_GO = '1.24';

/** Where Go's own installer puts it, which PATH often lacks. */
const OFFICIAL = '/usr/local/go/bin';

/** Without a C compiler, and with the compiler that is here, not one that it would fetch. */
export const goEnvironment = (env = process.env) => ({ HOME: homedir(), ...env, CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOFLAGS: '' });

/** The Go command, if it is recent enough; else null. */
export const goProgram = async () => {
  const go = which('go', { PATH: [process.env.PATH ?? '', OFFICIAL].join(delimiter) });
  if (go === null) return null;
  const { output } = await run(go, ['version'], { env: goEnvironment() });
  const [, major, minor] = /go(\d+)\.(\d+)/.exec(output) ?? [];
  const [oldestMajor, oldestMinor] = OLDEST_GO.split('.').map(Number);
  const recent = Number(major) > oldestMajor || (Number(major) === oldestMajor && Number(minor) >= oldestMinor);
  return recent ? go : null;
};
