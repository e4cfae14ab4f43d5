/** A step that can't be done here; the message is for the user and says how to mend it. */
export class SetupError extends Error {
  name = 'SetupError';
}
