/** Shorter values occur by chance everywhere; hiding them would only garble the log. */
const MIN_LENGTH = 4;
const MARK = '[redacted]';

/** Base64 of a secret at any place of a longer text: the three alignments, without the characters its neighbours decide. */
const base64Forms = (secret: Buffer): string[] =>
  [0, 1, 2].map((offset) => {
    const whole = Buffer.concat([Buffer.alloc(offset), secret])
      .toString('base64')
      .replace(/=+$/, '');
    const tail = (secret.length + offset) % 3 === 0 ? whole.length : whole.length - 1;
    return whole.slice(offset === 0 ? 0 : offset + 1, tail);
  });

/** A secret as it is written: raw, URL-encoded, base64 and base64url at each of its three alignments. */
export const secretForms = (secret: string): readonly string[] => {
  const base64 = base64Forms(Buffer.from(secret));
  const base64url = base64.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'));
  const encoded = encodeURIComponent(secret);
  return [
    secret,
    encoded,
    encoded.replaceAll('%20', '+'),
    encoded.replace(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase()),
    ...base64,
    ...base64url,
  ];
};

/** Takes the secrets out of one stream of bytes, also where a secret is cut by the border of two chunks. */
export interface RedactionStream {
  push(chunk: Buffer): Buffer;
  /** What was held back because a secret could have begun there. */
  flush(): Buffer;
}

export interface Redaction {
  /** From now on, also in streams that are open. */
  add(secrets: readonly string[]): void;
  text(value: string): string;
  stream(): RedactionStream;
}

/** Hides secrets, raw, base64 and URL-encoded, in what leaves a run. */
export const createRedaction = (secrets: readonly string[] = []): Redaction => {
  // One character a byte, so that bytes which aren't UTF-8 pass unharmed.
  let forms: string[] = [];
  const add = (more: readonly string[]) => {
    const usable = more.flatMap((secret) => (secret.length < MIN_LENGTH ? [] : secretForms(secret)));
    const bytes = usable.map((form) => Buffer.from(form).toString('latin1')).filter((form) => form.length >= MIN_LENGTH);
    forms = [...new Set([...forms, ...bytes])].sort((one, other) => other.length - one.length);
  };
  const hide = (value: string) => forms.reduce((result, form) => result.replaceAll(form, MARK), value);
  /** How many characters at the end could be the start of a secret. */
  const openEnd = (value: string): number => {
    for (let length = Math.min((forms[0]?.length ?? 1) - 1, value.length); length > 0; length -= 1) {
      const end = value.slice(-length);
      if (forms.some((form) => form.length > length && form.startsWith(end))) return length;
    }
    return 0;
  };
  add(secrets);
  return {
    add,
    text: (value) => Buffer.from(hide(Buffer.from(value).toString('latin1')), 'latin1').toString(),
    stream: () => {
      let held = '';
      return {
        push: (chunk) => {
          const value = hide(held + chunk.toString('latin1'));
          const kept = openEnd(value);
          held = kept === 0 ? '' : value.slice(-kept);
          return Buffer.from(kept === 0 ? value : value.slice(0, -kept), 'latin1');
        },
        flush: () => {
          const rest = Buffer.from(hide(held), 'latin1');
          held = '';
          return rest;
        },
      };
    },
  };
};
