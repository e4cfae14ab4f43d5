import { KUBE_SCORE, KUBERNETES_VERSION } from '../setup/deploy-tools.mjs';
import { DeployError, runTool } from './programs.ts';
import { SCORE_EXCEPTIONS } from './score-exceptions.ts';

interface Scored {
  readonly object_name: string;
  readonly checks: readonly {
    readonly check: { readonly id: string };
    readonly grade: number;
    readonly skipped: boolean;
    readonly comments: readonly { readonly path: string; readonly summary: string }[] | null;
  }[];
}

const PERFECT = 10;

/** Throws what kube-score finds in these manifests beside the listed exceptions, and the exceptions that it no longer needs. */
export const checkScore = (manifests: readonly string[]): void => {
  const used = new Set<number>();
  const findings = manifests.flatMap((input) => {
    const args = ['score', `--kubernetes-version=v${KUBERNETES_VERSION.replace(/\.\d+$/, '')}`, '--output-format=json', '-'];
    const scored = JSON.parse(runTool(KUBE_SCORE, args, { mayFail: true, input })) as readonly Scored[];
    return scored.flatMap(({ object_name: name, checks }) =>
      checks
        .filter(({ grade, skipped }) => grade < PERFECT && !skipped)
        .filter(({ check }) => {
          const at = SCORE_EXCEPTIONS.findIndex((exception) => exception.check === check.id && exception.objects.test(name));
          used.add(at);
          return at < 0;
        })
        .flatMap(({ check, comments }) =>
          (comments ?? [{ path: '', summary: '' }]).map(({ path, summary }) => `${check.id}: ${name} ${path} ${summary}`),
        ),
    );
  });
  const idle = SCORE_EXCEPTIONS.filter((_, at) => !used.has(at)).map(
    ({ check, objects }) => `${check}: ${objects} is no exception any more`,
  );
  if (findings.length + idle.length > 0) throw new DeployError([...findings, ...idle].join('\n'));
};
