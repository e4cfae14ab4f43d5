import { createHmac, timingSafeEqual } from 'node:crypto';
import type { SetupRequest, SetupSecrets } from '../../../tasks/setup-protocol.ts';
import type { TaskRecord } from '../../../tasks/task.ts';

const HALF = 32;

const mac = (secret: string, purpose: string, text: string): string =>
  createHmac('sha256', secret).update(`codebay-setup-${purpose}-v1:${text}`).digest('hex').slice(0, HALF);

const ownersMark = (secret: string, owner: string, content: string): string => mac(secret, 'owner', `${owner}\n${content}`);

/**
 * Names what a set-up makes, by all that decides it. On a named branch that is shared between commits; any other commit, and each zip, has
 * its own: what its code made is not for others. Nobody without the station's secret can tell an id.
 */
export const setupCacheId = (
  secret: string,
  task: Pick<TaskRecord, 'id' | 'owner' | 'commit' | 'spec'>,
  facts: {
    readonly script: SetupRequest['script'];
    readonly cache: NonNullable<SetupRequest['cache']>;
    readonly secrets: SetupSecrets;
    readonly onNamedBranch: boolean;
  },
): string => {
  const { script, cache, secrets, onNamedBranch } = facts;
  const { source } = task.spec;
  const code = onNamedBranch ? 'named branch' : (task.commit ?? task.id);
  const given = Object.entries(secrets).sort(([one], [other]) => (one < other ? -1 : 1));
  const repository = source.type === 'git' ? source.url : null;
  const subject = [
    repository,
    source.subfolder ?? null,
    code,
    cache.environment,
    script.path,
    script.sha256,
    cache.dependencies_sha256,
    given,
  ];
  const content = mac(secret, 'content', JSON.stringify(subject));
  return `${content}${ownersMark(secret, task.owner, content)}`;
};

/** Whether an id was made for this owner. */
export const isSetupCacheIdOf = (secret: string, owner: string, id: string): boolean =>
  /^[0-9a-f]{64}$/.test(id) && timingSafeEqual(Buffer.from(id.slice(HALF)), Buffer.from(ownersMark(secret, owner, id.slice(0, HALF))));
