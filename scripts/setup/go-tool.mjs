import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { lastLines, run, which } from './command.mjs';
import { goEnvironment, goProgram, OLDEST_GO } from './go.mjs';
import { SetupError } from './setup-error.mjs';
import { cacheFolder } from './temporal-cli.mjs';

const cached = ({ name, version }, env) => join(cacheFolder(env), `${name}-${version}`, name);

/** The program of PATH, else of the cache, else null. */
export const findGoTool = (tool, env = process.env) => which(tool.name, env) ?? (existsSync(cached(tool, env)) ? cached(tool, env) : null);

/** A program that is built from a Go module at a pinned version: PATH, the cache, then `go install`. */
export const goTool = (tool) => ({
  title: `${tool.name} ${tool.version}`,
  isDone: async () => findGoTool(tool) !== null,
  install: async () => {
    const go = await goProgram();
    if (go === null)
      throw new SetupError(`${tool.name} is missing: install it, or Go ${OLDEST_GO} or newer, which builds it, then start again.`);
    const target = join(cached(tool), '..');
    const draft = `${target}.${process.pid}.draft`;
    try {
      mkdirSync(draft, { recursive: true });
      const env = { ...goEnvironment(), GOBIN: draft };
      const result = await run(go, ['install', '-trimpath', '-ldflags=-s -w', `${tool.package}@${tool.version}`], { env });
      if (result.code !== 0) throw new SetupError(`go could not build ${tool.name} ${tool.version}:\n${lastLines(result.output, 4)}`);
      try {
        renameSync(draft, target);
      } catch (error) {
        // Another clone's set-up put the same version there first.
        if (!existsSync(cached(tool))) throw error;
      }
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  },
});
