import { readdirSync } from 'node:fs';
import { Worker } from '@temporalio/worker';
import { HISTORIES, loadHistory } from '../../support/histories.ts';
import { quietTemporal, testBundle } from '../../support/temporal.ts';

const saved = readdirSync(HISTORIES, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.json'));

beforeAll(quietTemporal);

test('histories are saved', () => {
  expect(saved.length).toBeGreaterThanOrEqual(10);
});

test.each(saved)("today's code replays %s", async (file) => {
  await Worker.runReplayHistory({ workflowBundle: await testBundle() }, await loadHistory(file));
});
