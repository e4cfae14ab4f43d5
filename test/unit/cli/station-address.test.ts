import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EXIT } from '../../../cli/cli-error.ts';
import { findStation } from '../../../cli/station-address.ts';
import { writeStationFile } from '../../../cli/up/station-file.ts';

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'codebay-cli-'));
});
afterEach(() => rmSync(data, { recursive: true }));

const leaveStation = (): void => {
  writeStationFile(join(data, 'station.json'), {
    version: 1,
    up: null,
    url: 'http://127.0.0.1:4000',
    gateway_url: 'http://127.0.0.1:4001',
    temporal_address: '127.0.0.1:4002',
    temporal_ui: 'http://127.0.0.1:4003',
    ports: { api: 4000, gateway: 4001, temporal: 4002, temporal_ui: 4003 },
    processes: {},
    ready: true,
  });
  writeFileSync(join(data, 'api-key'), 'cbk_local\n');
};

test('the station of the data folder is found with its key', () => {
  leaveStation();
  expect(findStation({ CODEBAY_DATA: data })).toEqual({
    url: 'http://127.0.0.1:4000',
    apiKey: 'cbk_local',
    temporalUi: 'http://127.0.0.1:4003',
  });
});

test('CODEBAY_URL and CODEBAY_API_KEY win over the data folder', () => {
  leaveStation();
  const env = { CODEBAY_DATA: data, CODEBAY_URL: 'http://elsewhere:1', CODEBAY_API_KEY: 'cbk_other' };
  expect(findStation(env)).toEqual({ url: 'http://elsewhere:1', apiKey: 'cbk_other', temporalUi: null });
});

test('without a station the error says how to get one', () => {
  expect(() => findStation({ CODEBAY_DATA: data })).toThrow(
    expect.objectContaining({ exitCode: EXIT.station, remedy: expect.stringContaining('codebay up') }),
  );
});

test('a station file that is not ours counts as none', () => {
  writeFileSync(join(data, 'station.json'), '{"version":1}');
  expect(() => findStation({ CODEBAY_DATA: data })).toThrow('no station in');
});
