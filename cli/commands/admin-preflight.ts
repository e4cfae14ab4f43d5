import { SettingsError } from '../../platform/settings.ts';
import { CliError, EXIT } from '../cli-error.ts';
import { serverChecks } from '../doctor/servers.ts';
import { print } from '../terminal.ts';
import { readSettings } from '../up/plan.ts';

/** `codebay admin preflight`: whether every server that the settings name can be used; says the first thing that is wrong, and changes nothing. */
export const preflight = async (): Promise<number> => {
  const checks = serverChecks(readSettings(process.env));
  const findings = await Promise.all(
    checks.map(async ({ name, look }) => {
      try {
        return { name, ...(await look()) };
      } catch (error) {
        if (error instanceof SettingsError)
          throw new CliError(`a setting is wrong: ${error.message}.`, 'docs/SETTINGS.md explains each.', EXIT.usage);
        throw error;
      }
    }),
  );
  const wrong = findings.find(({ state }) => state === 'broken');
  if (wrong !== undefined) throw new CliError(wrong.what, wrong.remedy, EXIT.station);
  for (const { name, what } of findings) print(`${name.padEnd(10)} ${what}`);
  return EXIT.done;
};
