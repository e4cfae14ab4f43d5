import { testsWithoutServers } from '../servers/missing.js';

/** Ends a jest run with what was skipped for want of a server, and how to get it. */
export default class Skipped {
  onRunComplete() {
    const skipped = testsWithoutServers();
    if (skipped.size === 0) return;
    const names = [...new Set([...skipped.values()].flat())].join(', ');
    console.error(`\nSkipped, because this machine has no ${names}:`);
    for (const file of skipped.keys()) console.error(`  test/${file}`);
    console.error(
      'To get them: `node scripts/setup.mjs --servers --images` as root, or your package manager; `CI=true` makes their tests fail instead.',
    );
  }
}
