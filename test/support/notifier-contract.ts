import type { Notifier } from '../../tasks/ports/notifier.ts';
import { until } from './until.ts';

export interface NotifierFixture {
  readonly notifier: Notifier;
  /** Of another process where there can be one, else the same. */
  readonly other: Notifier;
  dispose(): Promise<void>;
}

/** What every notifier promises. */
export const notifierContract = (name: string, open: () => Promise<NotifierFixture>): void => {
  describe(`${name} as a notifier`, () => {
    let fixture: NotifierFixture;
    let stop: AbortController;
    const counter = (notifier: Notifier, taskId: string | null, signal = stop.signal) => {
      const heard = { count: 0 };
      notifier.listen(taskId, () => (heard.count += 1), signal);
      return heard;
    };
    /** Hints are sent anew until one arrives: a subscription takes a moment, and hints before it are lost. */
    const told = (by: Notifier, taskId: string, heard: { readonly count: number }) =>
      until(`a hint for ${taskId}`, () => {
        by.notify(taskId);
        return heard.count > 0;
      });

    beforeEach(async () => {
      stop = new AbortController();
      fixture = await open();
    });
    afterEach(async () => {
      stop.abort();
      await fixture.dispose();
    });

    test('who listens to a task hears of it, here and elsewhere, and of no other task', async () => {
      const here = counter(fixture.notifier, 't1');
      const elsewhere = counter(fixture.other, 't1');
      const another = counter(fixture.other, 't2');
      fixture.notifier.notify('t1');
      expect(here.count).toBe(1);
      await told(fixture.notifier, 't1', elsewhere);
      await told(fixture.other, 't1', {
        get count() {
          return here.count - 1;
        },
      });
      expect(another.count).toBe(0);
    });

    test('who listens to all hears of each', async () => {
      const all = counter(fixture.other, null);
      await told(fixture.notifier, 't1', all);
      const before = all.count;
      await told(fixture.notifier, 't2', {
        get count() {
          return all.count - before;
        },
      });
    });

    test('who has stopped hears nothing, and who comes too late neither', async () => {
      const gone = new AbortController();
      const heard = counter(fixture.notifier, 't1', gone.signal);
      const stays = counter(fixture.notifier, 't1');
      gone.abort();
      const never = counter(fixture.notifier, 't1', gone.signal);
      fixture.notifier.notify('t1');
      expect([heard.count, never.count, stays.count]).toEqual([0, 0, 1]);
    });
  });
};
