/** An error of the operating system, known by its code: `instanceof Error` doesn't hold across realms. */
export interface SystemError {
  readonly code: string;
  readonly syscall: string;
  readonly message: string;
}

export const isSystemError = (error: unknown, ...codes: readonly string[]): error is SystemError =>
  typeof error === 'object' &&
  error !== null &&
  'syscall' in error &&
  'code' in error &&
  typeof error.code === 'string' &&
  (codes.length === 0 || codes.includes(error.code));
