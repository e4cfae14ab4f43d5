import type { ObjectStore } from '../tasks/ports/object-store.ts';
import type { CosOptions } from './cos/options.ts';
import { createFilesystemStore, type FilesystemStore } from './filesystem.ts';
import { dataPaths, type Settings, SettingsError } from './settings.ts';

export interface OpenedObjects {
  readonly objects: ObjectStore;
  /** Serves presigned links; null where the store's own servers do. */
  readonly links: Pick<FilesystemStore, 'openLink'> | null;
}

const required = (settings: Settings, name: 'SECRET_ID' | 'SECRET_KEY' | 'REGION' | 'CODE_BUCKET' | 'LOGS_BUCKET'): string => {
  const value = settings[`CODEBAY_COS_${name}`];
  if (value === undefined) throw new SettingsError(`CODEBAY_COS_${name}: is needed with CODEBAY_OBJECTS=cos`);
  return value;
};

const bucket = (settings: Settings, name: 'CODE_BUCKET' | 'LOGS_BUCKET'): string => {
  const value = required(settings, name);
  if (!/^[a-z0-9][a-z0-9-]*-\d+$/.test(value)) throw new SettingsError(`CODEBAY_COS_${name}: is <name>-<appid>`);
  return value;
};

/** Throws `SettingsError` naming what is missing. */
export const cosOptionsOf = (settings: Settings): CosOptions => {
  const region = required(settings, 'REGION');
  if (!/^[a-z0-9-]+$/.test(region)) throw new SettingsError('CODEBAY_COS_REGION: is a name such as ap-guangzhou');
  const [codeBucket, logsBucket] = [bucket(settings, 'CODE_BUCKET'), bucket(settings, 'LOGS_BUCKET')];
  // Their lifecycles and their readers differ.
  if (codeBucket === logsBucket) throw new SettingsError('CODEBAY_COS_LOGS_BUCKET: is another bucket than CODEBAY_COS_CODE_BUCKET');
  return {
    secretId: required(settings, 'SECRET_ID'),
    secretKey: required(settings, 'SECRET_KEY'),
    region,
    codeBucket,
    logsBucket,
    endpoint: settings.CODEBAY_COS_ENDPOINT ?? null,
  };
};

/** The object store that CODEBAY_OBJECTS names. COS's adapter is loaded only where it is used. Throws `SettingsError`. */
export const openObjects = async (
  settings: Settings,
  folder: { readonly publicUrl: string; readonly secret: string },
): Promise<OpenedObjects> => {
  switch (settings.CODEBAY_OBJECTS) {
    case 'folder': {
      const objects = createFilesystemStore({ root: dataPaths(settings.CODEBAY_DATA).objects, ...folder });
      return { objects, links: objects };
    }
    case 'cos': {
      const options = cosOptionsOf(settings);
      const { createCosStore } = await import('./cos.ts');
      return { objects: createCosStore(options), links: null };
    }
  }
};
