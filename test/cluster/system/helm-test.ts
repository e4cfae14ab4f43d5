import { inSystem } from './in-system.ts';

export const helmTest = (): void =>
  inSystem('helm test has a task worked on, and shows what the agent said', async (system) => {
    const said = await system.helm.test();
    expect(said).toMatch(/^Phase: +Succeeded$/m);
    expect(said).toContain(system.greeting);
  });
