import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHART, ROOT } from './programs.ts';

const README = join(ROOT, 'deploy/README.md');
const BEGIN = '<!-- values: made from values.yaml by `npm run render` -->';
const END = '<!-- end of values -->';

interface Row {
  readonly path: string;
  readonly fallback: string;
  readonly text: string;
}

/** The rows of values.yaml: what stands behind `# --` explains the key after it. */
const rowsOf = (yaml: string): readonly Row[] => {
  const rows: Row[] = [];
  const path: { readonly indent: number; readonly key: string }[] = [];
  let text = '';
  for (const line of yaml.split('\n')) {
    const comment = /^\s*# -- (.*)$/.exec(line)?.[1];
    if (comment !== undefined) text = comment;
    const [, space = '', key = '', fallback = ''] = /^( *)([\w./-]+):\s*(.*)$/.exec(line) ?? [];
    if (key === '') continue;
    while ((path.at(-1)?.indent ?? -1) >= space.length) path.pop();
    path.push({ indent: space.length, key });
    if (text !== '') rows.push({ path: path.map((one) => one.key).join('.'), fallback, text });
    text = '';
  }
  return rows;
};

const cell = (text: string): string => text.replaceAll('|', '\\|');

/** `deploy/README.md` with the table that values.yaml makes now. */
export const readmeWithValues = (): string => {
  const readme = readFileSync(README, 'utf8');
  const rows = rowsOf(readFileSync(join(ROOT, CHART, 'values.yaml'), 'utf8')).map(
    ({ path, fallback, text }) => `| \`${path}\` | ${fallback === '' ? '' : `\`${cell(fallback)}\``} | ${cell(text)} |`,
  );
  const [before = '', rest = ''] = readme.split(BEGIN);
  const table = ['| value | default | what it does |', '|---|---|---|', ...rows].join('\n');
  return `${before}${BEGIN}\n${table}\n${END}${rest.split(END)[1] ?? ''}`;
};

export const writeReadme = (): void => writeFileSync(README, readmeWithValues());
