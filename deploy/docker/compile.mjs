/**
 * Fills NODE_COMPILE_CACHE: `compile.mjs ENTRY…`. Each entry is started with settings and arguments that it refuses, so it ends once all that it
 * imports is compiled; one that ends for another reason, such as a module that is not in the image, fails the build.
 */
import { spawnSync } from 'node:child_process';

const REFUSAL = /SettingsError|--help|[Uu]sage:|missing|can't be read/;
const env = { ...process.env, CODEBAY_PORT: 'none' };

for (const entry of process.argv.slice(2)) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry], { env, encoding: 'utf8', timeout: 60_000 });
  if (status === null || status === 0 || !REFUSAL.test(stderr + stdout))
    throw new Error(`${entry} did not refuse to start (${status}): ${stderr}${stdout}`);
  process.stdout.write(`${entry} compiled\n`);
}
