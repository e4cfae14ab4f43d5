import { execa } from 'execa';
import { clusterPrograms } from '../cluster/missing.ts';

export interface Said {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** kubectl with a kubeconfig; never throws for what the cluster says. */
export const kubectlWith =
  (kubeconfig: string) =>
  async (args: readonly string[], input = ''): Promise<Said> => {
    const { exitCode, stdout, stderr } = await execa(clusterPrograms().kube, ['kubectl', ...args], {
      env: { KUBECONFIG: kubeconfig },
      input,
      reject: false,
    });
    return { ok: exitCode === 0, stdout, stderr };
  };
export type Kubectl = ReturnType<typeof kubectlWith>;

/** What it printed; throws what it complained of. */
export const mustSay = async (said: Promise<Said>): Promise<string> => {
  const { ok, stdout, stderr } = await said;
  if (!ok) throw new Error(stderr);
  return stdout;
};
