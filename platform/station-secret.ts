import { readFile } from 'node:fs/promises';
import { dataPaths, type Settings, SettingsError } from './settings.ts';

const LEAST_CHARACTERS = 32;

/** The secret that every API and worker of a station shares; throws `SettingsError` where it is missing or too short to sign with. */
export const readStationSecret = async (settings: Settings): Promise<string> => {
  const { CODEBAY_SECRET_FILE: given, CODEBAY_DATA: data } = settings;
  const file = given ?? dataPaths(data).secret;
  const secret = await readFile(file, 'utf8').then(
    (text) => text.trim(),
    (cause: unknown) => {
      throw new SettingsError(`${given === undefined ? 'CODEBAY_DATA' : 'CODEBAY_SECRET_FILE'}: ${file} can't be read`, { cause });
    },
  );
  if (secret.length < LEAST_CHARACTERS) throw new SettingsError(`${file} must hold at least ${LEAST_CHARACTERS} characters`);
  return secret;
};
