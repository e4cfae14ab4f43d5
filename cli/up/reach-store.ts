import { SettingsError } from '../../platform/settings.ts';
import { StoreUnavailableError } from '../../tasks/ports/store-unavailable-error.ts';
import { CliError, EXIT } from '../cli-error.ts';

/** Says in a sentence why the store of these settings can't be opened or migrated. */
export const reachStore = async <T>(open: () => Promise<T>): Promise<T> => {
  try {
    return await open();
  } catch (error) {
    if (error instanceof SettingsError)
      throw new CliError(`a setting is wrong: ${error.message}.`, 'docs/SETTINGS.md explains each.', EXIT.usage);
    if (error instanceof StoreUnavailableError) throw new CliError(`${error.message}.`, '', EXIT.station, { cause: error });
    throw error;
  }
};
