import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const MAX_BYTES = 4 * 1024 * 1024;
/** The system's own programs and our own public code: the same on every machine. */
const PUBLIC = /^(\/usr|\/proc|\/sys|\/dev|\/bin|\/sbin|\/lib\w*|\/opt\/codebay\/(node_modules|bin))$/;
const GENERIC = { 'an identity': /cbr_[a-z0-9-]+\.[0-9]+\.[\w-]{43}/, 'an API key': /cbk_[\w-]{43}/ };

const attempt = (work, otherwise) => {
  try {
    return work();
  } catch {
    return otherwise;
  }
};

function* filesBelow(folder) {
  for (const name of attempt(() => readdirSync(folder), [])) {
    const path = join(folder, name);
    const found = attempt(() => lstatSync(path), null);
    if (found === null || PUBLIC.test(path)) continue;
    if (found.isDirectory()) yield* filesBelow(path);
    else yield { path, found };
  }
}

/** What processes tell of themselves and of what they have open. */
function* processFiles() {
  for (const pid of readdirSync('/proc').filter((name) => /^(\d+|self)$/.test(name))) {
    for (const name of ['environ', 'cmdline']) yield `/proc/${pid}/${name}`;
    for (const fd of attempt(() => readdirSync(`/proc/${pid}/fd`), [])) {
      // Only files: to read from a pipe would wait.
      if (attempt(() => statSync(`/proc/${pid}/fd/${fd}`).isFile(), false)) yield `/proc/${pid}/fd/${fd}`;
    }
  }
}

const formsOf = (value) => [value, Buffer.from(value).toString('base64').replace(/=+$/, ''), encodeURIComponent(value)];

/** Which of the station's secrets stand in anything that can be read, and where. The halves of each are joined here only, so the search does not find itself. */
export const findSecrets = ({ secrets, roots }) => {
  const wanted = Object.entries(secrets).map(([name, halves]) => [name, formsOf(halves.join(''))]);
  const found = new Set();
  let searched = 0;
  const search = (path) => {
    if (attempt(() => statSync(path).size, Number.POSITIVE_INFINITY) > MAX_BYTES) return;
    const text = attempt(() => readFileSync(path, 'latin1'), null);
    if (text === null) return;
    searched += 1;
    for (const [name, forms] of wanted) if (forms.some((form) => text.includes(form))) found.add(name);
    for (const [name, pattern] of Object.entries(GENERIC)) if (pattern.test(text)) found.add(name);
  };
  for (const path of processFiles()) search(path);
  for (const root of roots) for (const { path, found: info } of filesBelow(root)) if (info.isFile()) search(path);
  return { secrets: [...found].sort(), searched };
};

/** Socket files that can be seen. */
export const findSockets = (roots) =>
  roots.flatMap((root) => [...filesBelow(root)].filter(({ found }) => found.isSocket()).map(({ path }) => path));
