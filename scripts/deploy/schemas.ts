import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kubernetesSchemas } from '../setup/deploy-tools.mjs';

type Schema = Readonly<Record<string, unknown>>;

const REFERENCE = /"\$ref":\s*"[^"#]*#\/\$defs\/([^"]+)"/g;

const read = (name: string): Schema => JSON.parse(readFileSync(join(kubernetesSchemas(), `${name}.json`), 'utf8')) as Schema;

const localised = (schema: unknown): string => JSON.stringify(schema).replaceAll(REFERENCE, '"$ref":"#/$defs/$1"');

/** Of `apiVersion` and `kind`, as kubeconform names them. */
const fileOf = (apiVersion: string, kind: string): string => {
  const [group = '', version] = apiVersion.split('/');
  return [kind, ...(version === undefined ? [group] : [group.split('.')[0], version])].join('-').toLowerCase();
};

/**
 * Writes the schemas of these objects into a folder, each with everything it refers to in itself: kubeconform follows no references into
 * other files without a network. Returns kubeconform's location for them.
 */
export const writeSchemas = (manifests: string, folder: string): string => {
  mkdirSync(folder, { recursive: true });
  const definitions = read('_definitions').$defs as Readonly<Record<string, Schema>>;
  const objects = manifests.split(/^---$/m).flatMap((text) => {
    const apiVersion = /^apiVersion: (\S+)$/m.exec(text)?.[1];
    const kind = /^kind: (\S+)$/m.exec(text)?.[1];
    return apiVersion === undefined || kind === undefined ? [] : [fileOf(apiVersion, kind)];
  });
  for (const name of new Set(objects)) {
    const found: Record<string, unknown> = {};
    const collect = (text: string): void => {
      for (const [, reference = ''] of text.matchAll(REFERENCE)) {
        if (Object.hasOwn(found, reference)) continue;
        const definition = localised(definitions[reference] ?? {});
        found[reference] = JSON.parse(definition);
        collect(definition);
      }
    };
    const schema = localised(read(name));
    collect(schema);
    writeFileSync(join(folder, `${name}.json`), JSON.stringify({ ...JSON.parse(schema), $defs: found }));
  }
  return `${folder}/{{.ResourceKind}}{{.KindSuffix}}.json`;
};
