import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { GatewayError } from '../gateway-error.ts';

const secrets = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string());

/**
 * Reads the operator's file of set-up secrets (`{"NAME": "value"}`) at each call; no file: no secrets. What is wrong with it is
 * told without its content, which a parser's own message would quote.
 */
export const createSetupSecrets = (file: string | undefined) => async (): Promise<Readonly<Record<string, string>>> => {
  if (file === undefined) return {};
  try {
    return secrets.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    throw new GatewayError(503, 'SETUP_SECRETS_UNREADABLE', 'the file of set-up secrets must be readable JSON of names and texts');
  }
};
