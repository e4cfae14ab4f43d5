import { secretForms } from './redaction.ts';

/** Shorter values stand in honest files by chance. */
const MIN_LENGTH = 8;

export interface SecretScan {
  /** False where no secret is long enough to be looked for. */
  readonly needed: boolean;
  /** Takes the next bytes of one stream. */
  push(chunk: Buffer): void;
  /** The names of those that were found so far. */
  found(): readonly string[];
}

const quoted = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');

/** Looks for secrets, by name and value, in a stream of bytes, raw, base64 and URL-encoded, also where one is cut by the border of two chunks. */
export const createSecretScan = (secrets: Readonly<Record<string, string>>): SecretScan => {
  const wanted = Object.entries(secrets)
    .filter(([, value]) => Buffer.byteLength(value) >= MIN_LENGTH)
    // One character a byte.
    .map(([name, value]) => ({ name, forms: secretForms(value).map((form) => Buffer.from(form).toString('latin1')) }));
  const forms = wanted.flatMap((secret) => secret.forms);
  const any = new RegExp(forms.map(quoted).join('|'));
  const overlap = Math.max(0, ...forms.map(({ length }) => length - 1));
  const found = new Set<string>();
  let held = '';
  return {
    needed: wanted.length > 0,
    push: (chunk) => {
      if (wanted.length === 0) return;
      const text = held + chunk.toString('latin1');
      if (any.test(text)) for (const secret of wanted) if (secret.forms.some((form) => text.includes(form))) found.add(secret.name);
      held = overlap === 0 ? '' : text.slice(-overlap);
    },
    found: () => [...found],
  };
};
