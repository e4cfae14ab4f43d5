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
  uninstall(): Promise<void>;
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
  const helm = async (...args: readonly string[]): Promise<void> => {
    await execa(program, [...args, `--namespace=${namespace}`, '--wait', '--timeout=6m'], {
      env: { KUBECONFIG: kubeconfig, HOME: folder },
    });
  };
  // YAML holds JSON.
  const valuesFile = join(folder, 'values.yaml');
  return {
    install: async (values) => {
      await writeFile(valuesFile, JSON.stringify(values), { mode: 0o600 });
      await helm('install', release, CHART, `--values=${valuesFile}`);
    },
    upgrade: async (values) => {
      await writeFile(valuesFile, JSON.stringify(values), { mode: 0o600 });
      await helm('upgrade', release, CHART, `--values=${valuesFile}`);
    },
    uninstall: () => helm('uninstall', release),
  };
};
