import { remedies, testsWithoutServers } from '../servers/missing.js';

/** Ends a jest run with what was skipped for want of a server, and how to get it. */
export default class Skipped {
  onRunComplete() {
    const skipped = testsWithoutServers();
    if (skipped.size === 0) return;
    const names = [...new Set([...skipped.values()].flat())];
    console.error(`\nSkipped, because this machine has no ${names.join(', ')}:`);
    for (const file of skipped.keys()) console.error(`  test/${file}`);
    for (const remedy of remedies(names)) console.error(`To get them: ${remedy}`);
    console.error('`CI=true` makes their tests fail instead.');
  }
}
