/** Thrown for keys that can't name an object; keys are made by `tasks/object-keys.ts`, so this is a defect or an attack. */
export class InvalidObjectKeyError extends Error {
  override readonly name = 'InvalidObjectKeyError';
}

/** Where the folder keeps what is being written; no store takes it as a name, so that objects can move from one to another. */
export const INCOMING = '.incoming';
/** COS's bound. */
const MAX_KEY_BYTES = 850;
/** The bound of file systems. */
const MAX_NAME_BYTES = 255;

/** Throws `InvalidObjectKeyError`; the same rules hold in every store. */
export const checkObjectKey = (key: string): void => {
  const names = key.split('/');
  const proper = (name: string) => name !== '' && name !== '.' && name !== '..' && Buffer.byteLength(name) <= MAX_NAME_BYTES;
  if (!names.every(proper) || names[0] === INCOMING || /[\0\\]/.test(key) || Buffer.byteLength(key) > MAX_KEY_BYTES) {
    throw new InvalidObjectKeyError(`not an object key: ${JSON.stringify(key.slice(0, 100))}`);
  }
};

/** A prefix is a key with a slash behind it. */
export const checkObjectPrefix = (prefix: string): void => {
  if (!prefix.endsWith('/')) throw new InvalidObjectKeyError(`a prefix ends in a slash: ${JSON.stringify(prefix.slice(0, 100))}`);
  checkObjectKey(prefix.slice(0, -1));
};
