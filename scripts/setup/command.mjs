import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The first executable file of that name in PATH, or null. */
export const which = (name, env = process.env) => {
  for (const folder of (env.PATH ?? '').split(delimiter)) {
    const path = join(folder || '.', name);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {}
  }
  return null;
};

/**
 * Runs a program and resolves with `{code, output}`: never rejects, `code` is null when it could not be started or was ended.
 * `abort` is asked every 100 ms; once it answers true the program is ended. `onOutput` gets each piece of what the program says.
 */
export const run = (program, args, { env = process.env, cwd, abort, onOutput } = {}) =>
  new Promise((resolve) => {
    const child = spawn(program, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const poll = abort && setInterval(() => abort() && child.kill('SIGKILL'), 100);
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-20_000);
      onOutput?.(String(chunk));
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const finish = (code) => {
      clearInterval(poll);
      resolve({ code, output });
    };
    child.on('error', (error) => {
      output += error.message;
      finish(null);
    });
    child.on('close', finish);
  });

/** The last few lines of what a failed program said. */
export const lastLines = (output, count = 8) => output.trimEnd().split('\n').slice(-count).join('\n');
