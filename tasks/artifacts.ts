/** The names an artifact may have, and the media type it is served with. */
export const ARTIFACTS = {
  'prompt.txt': 'text/plain; charset=utf-8',
  'llm_response.txt': 'text/plain; charset=utf-8',
  'diff.patch': 'text/x-diff; charset=utf-8',
  'setup.log': 'text/plain; charset=utf-8',
  'agent.log': 'text/plain; charset=utf-8',
  'verify.log': 'text/plain; charset=utf-8',
  'explanation.md': 'text/markdown; charset=utf-8',
  'transcript.jsonl': 'application/x-ndjson',
  'result.json': 'application/json',
} as const;

export type ArtifactName = keyof typeof ARTIFACTS;

/** The artifacts that a run uploads; the others are written by the worker alone. */
export const RUN_ARTIFACTS = [
  'llm_response.txt',
  'diff.patch',
  'setup.log',
  'agent.log',
  'verify.log',
  'explanation.md',
  'transcript.jsonl',
] as const satisfies readonly ArtifactName[];

/** The files that the agent itself writes to its output folder; the sidecar makes the others. */
export const AGENT_OUTPUTS = ['llm_response.txt', 'explanation.md', 'transcript.jsonl', 'result.json'] as const;

export const isArtifactName = (value: string): value is ArtifactName => Object.hasOwn(ARTIFACTS, value);

/** One committed artifact of a task. */
export interface Artifact {
  readonly name: ArtifactName;
  readonly size_bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}
