/** Lints the Dockerfiles. */
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './setup/command.mjs';
import { ensure } from './setup/ensure.mjs';
import { hadolint, hadolintProgram } from './setup/hadolint.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
await ensure(hadolint());
const files = readdirSync(join(root, 'deploy/docker')).filter((name) => name.endsWith('.Dockerfile'));
const { code, output } = await run(hadolintProgram(), ['--config', '.hadolint.yaml', ...files.map((name) => `deploy/docker/${name}`)], {
  cwd: root,
});
process.stdout.write(output);
process.exitCode = code ?? 1;
