import { z } from 'zod';

/** A whole number above 0. */
export const count = (fallback: number) => z.coerce.number().int().positive().default(fallback);

/** A whole number; 0 is no limit. */
export const limit = (fallback: number) => z.coerce.number().int().nonnegative().default(fallback);

/** Separated by commas. */
export const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  );

/** JSON of a shape. */
export const json = <T extends z.ZodType>(schema: T, fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue({ code: 'custom', message: 'is not JSON' });
        return z.NEVER;
      }
    })
    .pipe(schema);
