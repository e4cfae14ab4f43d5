import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { KUBERNETES_VERSION } from '../setup/deploy-tools.mjs';
import { findGoTool, type GoTool } from '../setup/go-tool.mjs';

export const ROOT = join(import.meta.dirname, '../..');
export const CHART = 'deploy/helm/codebay';
export const INSTALL = 'deploy/kubernetes/install.yaml';
export const VALUES = ['values-evaluation.yaml', 'values-production.yaml'] as const;

/** A check that found something; its message is for whoever changed the chart. */
export class DeployError extends Error {
  override readonly name = 'DeployError';
}

const said = (error: unknown): string => {
  const { stdout = '', stderr = '' } = error as { readonly stdout?: string; readonly stderr?: string };
  return `${stdout}${stderr}`.trim();
};

/** Runs a tool at the root of the repository and returns what it printed; `mayFail`: its findings are in that, whatever its exit code. */
export const runTool = (tool: GoTool, args: readonly string[], { mayFail = false, input = '' } = {}): string => {
  const program = findGoTool(tool);
  if (program === null) throw new DeployError(`${tool.name} is missing: run \`node scripts/setup.mjs --deploy-tools\`.`);
  try {
    return execFileSync(program, args, {
      cwd: ROOT,
      encoding: 'utf8',
      input,
      maxBuffer: 64 * 1024 * 1024,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  } catch (error) {
    const output = said(error);
    if (mayFail && output !== '') return output;
    throw new DeployError(`${tool.name} ${args[0]}: ${output || String(error)}`);
  }
};

export const templateArguments = (values: string, ...more: readonly string[]): readonly string[] => [
  'template',
  'codebay',
  CHART,
  '--namespace=codebay',
  `--kube-version=${KUBERNETES_VERSION}`,
  `--values=${CHART}/${values}`,
  ...more,
];
