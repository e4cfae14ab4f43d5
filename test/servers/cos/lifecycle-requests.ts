import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CosError } from './cos-error.ts';
import { answer, type Exchange, elements, textsOf } from './exchange.ts';

const MAX_RULES = 1000;

const fileOf = (root: string): string => join(root, 'lifecycle.xml');

export const getLifecycle = (exchange: Exchange, root: string): void => {
  if (!existsSync(fileOf(root))) throw new CosError(404, 'NoSuchLifecycleConfiguration', 'The lifecycle configuration does not exist.');
  answer(exchange, 200, {}, readFileSync(fileOf(root), 'utf8'));
};

export const putLifecycle = (exchange: Exchange, root: string, xml: string): void => {
  const rules = elements(xml, 'Rule');
  const ids = rules.flatMap((rule) => textsOf(rule, 'ID'));
  const proper = rules.every((rule) => /<Status>(Enabled|Disabled)<\/Status>/.test(rule) && /<Filter>|<Filter\/>|<Prefix>/.test(rule));
  if (rules.length === 0 || rules.length > MAX_RULES || !proper || new Set(ids).size !== ids.length) {
    throw new CosError(400, 'MalformedXML', 'The XML you provided was not well-formed or did not validate against our published schema.');
  }
  writeFileSync(fileOf(root), xml);
  answer(exchange, 200);
};

export const deleteLifecycle = (exchange: Exchange, root: string): void => {
  rmSync(fileOf(root), { force: true });
  answer(exchange, 204);
};
