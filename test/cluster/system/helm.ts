import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { HELM } from '../../../scripts/setup/deploy-tools.mjs';
import { findGoTool } from '../../../scripts/setup/go-tool.mjs';
import { ServerMissingError } from '../../servers/server-process.ts';

const CHART = join(import.meta.dirname, '../../../deploy/helm/codebay');

export interface Helm {
  install(values: object): Promise<void>;
  upgrade(values: object): Promise<void>;
  /** Resolves when everything of the release is gone. */
  uninstall(): Promise<void>;
  /** What `helm test --logs` printed; throws that where the test fails. */
  test(): Promise<string>;
}

/** The chart as one release of a cluster; each call resolves when Helm says that it is done. */
export const createHelm = (options: {
  readonly kubeconfig: string;
  readonly release: string;
  readonly namespace: string;
  readonly folder: string;
}): Helm => {
  const program = findGoTool(HELM);
  if (program === null) throw new ServerMissingError('helm');
  const { kubeconfig, release, namespace, folder } = options;
  const helm = async (...args: readonly string[]): Promise<string> => {
    const { stdout } = await execa(program, [...args, `--namespace=${namespace}`, '--timeout=6m'], {
      env: { KUBECONFIG: kubeconfig, HOME: folder },
    });
    return stdout;
  };
  // YAML holds JSON.
  const valuesFile = join(folder, 'values.yaml');
  const withValues = async (command: 'install' | 'upgrade', values: object): Promise<void> => {
    await writeFile(valuesFile, JSON.stringify(values), { mode: 0o600 });
    await helm(command, release, CHART, `--values=${valuesFile}`, '--wait');
  };
  return {
    install: (values) => withValues('install', values),
    upgrade: (values) => withValues('upgrade', values),
    uninstall: async () => void (await helm('uninstall', release, '--wait')),
    test: () => helm('test', release, '--logs'),
  };
};
