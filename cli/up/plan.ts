import { cosOptionsOf } from '../../platform/open-objects.ts';
import { loadSettings, type Settings, SettingsError } from '../../platform/settings.ts';
import { findTemporalCli } from '../../scripts/setup/temporal-cli.mjs';
import { CliError, EXIT } from '../cli-error.ts';
import { choosePorts } from './ports.ts';
import type { StationFile, StationPorts } from './station-file.ts';

const LOOPBACK = '127.0.0.1';
const TEMPORAL_PORT = 7233;
const TEMPORAL_UI_PORT = 8233;

/** What a station is started with; the same for every start on one data folder unless a port is taken. */
export interface StationPlan {
  readonly settings: Settings;
  readonly ports: StationPorts;
  readonly url: string;
  readonly gatewayUrl: string;
  readonly temporalAddress: string;
  /** Null where TEMPORAL_ADDRESS names a server of somebody else's. */
  readonly temporalCli: string | null;
  /** Settings that the station's processes get in place of what the environment says. */
  readonly overrides: Readonly<Record<string, string>>;
}

type Environment = Readonly<Record<string, string | undefined>>;

export const readSettings = (env: Environment): Settings => {
  try {
    const settings = loadSettings(env);
    if (settings.CODEBAY_OBJECTS === 'cos') cosOptionsOf(settings);
    return settings;
  } catch (error) {
    if (error instanceof SettingsError)
      throw new CliError(`a setting is wrong: ${error.message}.`, 'docs/SETTINGS.md explains each.', EXIT.usage);
    throw error;
  }
};

const temporalCliFor = (env: Environment): string | null => {
  if (env.TEMPORAL_ADDRESS) return null;
  const path = findTemporalCli(env);
  if (path === null) throw new CliError('the Temporal CLI is missing.', 'Run `node scripts/setup.mjs`, which fetches it.');
  return path;
};

/** Decides ports and addresses before anything is started. `gatewayHost`: an IPv4 address of this machine that runs reach. */
export const planStation = async (
  env: Environment,
  settings: Settings,
  last: StationFile | null,
  gatewayHost = LOOPBACK,
): Promise<StationPlan> => {
  const demanded = (name: string, value: number): number | null => (env[name] ? value : null);
  const temporalCli = temporalCliFor(env);
  const { CODEBAY_HOST: host, CODEBAY_PORT: port, CODEBAY_GATEWAY_PORT: gatewayPort } = settings;
  const ports = await choosePorts(
    [
      { name: 'api', host, standard: port, variable: 'CODEBAY_PORT', demanded: demanded('CODEBAY_PORT', port) },
      {
        name: 'gateway',
        host: gatewayHost,
        standard: gatewayPort,
        variable: 'CODEBAY_GATEWAY_PORT',
        demanded: demanded('CODEBAY_GATEWAY_PORT', gatewayPort),
      },
      { name: 'temporal', host: LOOPBACK, standard: TEMPORAL_PORT, variable: 'TEMPORAL_ADDRESS', demanded: null },
      { name: 'temporal_ui', host: LOOPBACK, standard: TEMPORAL_UI_PORT, variable: 'TEMPORAL_ADDRESS', demanded: null },
    ],
    last?.ports ?? null,
  );
  const shownHost = ['0.0.0.0', '::'].includes(host) ? LOOPBACK : host.includes(':') ? `[${host}]` : host;
  const url = `http://${shownHost}:${ports.api}`;
  const gatewayUrl = settings.CODEBAY_GATEWAY_URL ?? `http://${gatewayHost}:${ports.gateway}`;
  const temporalAddress = temporalCli === null ? settings.TEMPORAL_ADDRESS : `${LOOPBACK}:${ports.temporal}`;
  return {
    settings,
    ports,
    url,
    gatewayUrl,
    temporalAddress,
    temporalCli,
    overrides: {
      CODEBAY_DATA: settings.CODEBAY_DATA,
      CODEBAY_PORT: String(ports.api),
      CODEBAY_GATEWAY_PORT: String(ports.gateway),
      CODEBAY_GATEWAY_HOST: env.CODEBAY_GATEWAY_HOST || gatewayHost,
      CODEBAY_GATEWAY_URL: gatewayUrl,
      CODEBAY_PUBLIC_URL: settings.CODEBAY_PUBLIC_URL ?? url,
      TEMPORAL_ADDRESS: temporalAddress,
    },
  };
};
