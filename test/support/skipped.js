const REASON = / \[skipped: (.*)\]$/;

/** Ends a jest run with what was skipped for want of a server, and how to get it. */
export default class Skipped {
  onRunComplete(_contexts, { testResults }) {
    const counts = new Map();
    for (const { ancestorTitles, status } of testResults.flatMap((file) => file.testResults)) {
      const reason = status === 'pending' && ancestorTitles.map((title) => REASON.exec(title)?.[1]).find(Boolean);
      if (reason) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    for (const [reason, count] of counts) console.error(`Skipped ${count} test${count === 1 ? '' : 's'}: ${reason}`);
  }
}
