import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { type ArtifactName, RUN_ARTIFACTS } from '../../tasks/artifacts.ts';
import type { CompletionReport } from '../../tasks/run-protocol.ts';
import type { StoredBlob } from './gateway-client.ts';
import { GatewayRefusedError } from './gateway-error.ts';
import { takeOutput } from './outputs.ts';
import type { DescribedRun } from './run-parts.ts';
import { FileTooLargeError, nameFile } from './scratch-file.ts';

export interface CollectedArtifacts {
  readonly artifacts: CompletionReport['artifacts'];
  /** What was there and could not be taken, one sentence each. */
  readonly refused: readonly string[];
}

type Found = StoredBlob | string | null;

const ownFile = async (path: string): Promise<Found> =>
  access(path).then(
    () => nameFile(path),
    () => null,
  );

const find = async (run: DescribedRun, name: (typeof RUN_ARTIFACTS)[number]): Promise<Found> => {
  const { folders, workspace, life, description } = run;
  switch (name) {
    case 'setup.log':
    case 'agent.log':
    case 'verify.log':
      return ownFile(join(folders.scratch, name));
    case 'diff.patch':
      if (description.kind !== 'agent') return null;
      return workspace.snapshot(life.finishing).then(
        ({ delta }) => delta,
        (error: Error) => {
          if (error instanceof FileTooLargeError) return error.message;
          throw error;
        },
      );
    case 'llm_response.txt':
    case 'explanation.md':
    case 'transcript.jsonl': {
      const output = await takeOutput(run, name, { maxBytes: description.artifact_bytes, signal: life.finishing });
      if (output.state === 'refused') return output.detail;
      return output.state === 'taken' ? output.stored : null;
    }
  }
};

/** Uploads whatever the run has to show, each file for itself: one that can't be had must not cost the others. */
export const collectArtifacts = async (run: DescribedRun): Promise<CollectedArtifacts> => {
  const artifacts: { name: ArtifactName; sha256: string; size_bytes: number }[] = [];
  const refused: string[] = [];
  for (const name of RUN_ARTIFACTS) {
    try {
      const found = await find(run, name);
      if (typeof found === 'string') refused.push(`${name} ${found}`);
      if (found === null || typeof found === 'string') continue;
      await run.gateway.upload(found, run.life.finishing);
      artifacts.push({ name, ...found.blob });
    } catch (error) {
      run.life.finishing.throwIfAborted();
      if (error instanceof GatewayRefusedError) refused.push(`${name}: ${error.message}`);
      else run.note(`${name} could not be taken: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { artifacts, refused };
};
