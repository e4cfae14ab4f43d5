import { containerOf, volumesOf } from '../../../../platform/docker/containers.ts';
import { gatewayUrlInside } from '../../../../platform/docker/gateway-address.ts';
import { DOCKER_PARTS, stationOf } from '../../../../platform/docker/names.ts';
import type { RunOrder } from '../../../../tasks/run.ts';

const MiB = 1024 * 1024;
const order: RunOrder = {
  runId: 'mend--a2',
  gatewayUrl: 'http://172.18.0.1:8421/',
  identity: 'cbr_secret-identity',
  limits: { timeMs: 3_600_000, setupTimeMs: 900_000, memoryBytes: 4096 * MiB, processes: 512, diskBytes: 10_240 * MiB, logBytes: 64 * MiB },
};
const options = { station: 'east-1a2b', images: { sidecar: 'station:1', agent: 'agent:1' }, cpus: 2, network: 'runs', deadline: 1234 };
const made = Object.fromEntries(DOCKER_PARTS.map((part) => [part, containerOf(part, order, options)]));

describe('the containers of a run', () => {
  it('are named by station, run and part, and say whose they are', () => {
    expect(made.agent).toMatchObject({
      name: 'east-1a2b-mend--a2-agent',
      Labels: {
        'codebay.dev/station': 'east-1a2b',
        'codebay.dev/task': 'mend-',
        'codebay.dev/run': 'mend--a2',
        'codebay.dev/part': 'agent',
        'codebay.dev/deadline': '1234',
      },
    });
    expect(new Set(Object.values(made).map((container) => container?.name)).size).toBe(DOCKER_PARTS.length);
  });

  it.each(DOCKER_PARTS)('%s is locked down', (part) => {
    expect(made[part]?.HostConfig).toMatchObject({
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      CapAdd: part === 'disk' ? ['DAC_READ_SEARCH'] : [],
      SecurityOpt: ['no-new-privileges'],
      NetworkMode: part === 'sidecar' ? 'runs' : 'none',
      RestartPolicy: { Name: 'no' },
    });
    const { Memory, MemorySwap, PidsLimit, NanoCpus } = made[part]?.HostConfig ?? {};
    expect(Memory).toBeGreaterThan(0);
    expect(MemorySwap).toBe(Memory);
    expect(PidsLimit).toBeGreaterThan(0);
    expect(NanoCpus).toBeGreaterThan(0);
    expect(made[part]?.Healthcheck).toEqual({ Test: ['NONE'] });
  });

  it("give what the repository's image runs the order's limits, and only there its image", () => {
    expect(made.agent?.HostConfig).toMatchObject({ Memory: 4096 * MiB, PidsLimit: 512, NanoCpus: 2e9 });
    expect(made.agent?.User).toBe('10002:10000');
    const own = { ...order, image: 'acme/app:3' };
    expect(DOCKER_PARTS.filter((part) => containerOf(part, own, options).Image === 'acme/app:3')).toEqual(['tools', 'agent']);
  });

  it('show the order to the sidecar alone, read-only, and to what puts it there; no container holds it', () => {
    const mounting = DOCKER_PARTS.filter((part) =>
      made[part]?.HostConfig?.Mounts?.some(
        ({ Source, ReadOnly }) => Source === 'east-1a2b-mend--a2-order' && (ReadOnly || part === 'folders'),
      ),
    );
    expect(mounting).toEqual(['folders', 'sidecar']);
    expect(JSON.stringify([made, volumesOf(order, 'east-1a2b')])).not.toContain(order.identity);
  });

  it('never mount a folder of the host', () => {
    for (const { HostConfig } of Object.values(made)) {
      expect(HostConfig?.Binds).toBeUndefined();
      expect(HostConfig?.Mounts?.every(({ Type }) => Type === 'volume')).toBe(true);
    }
  });
});

test('volumes of pipes and sockets stand in memory, bounded, for the group of the run', () => {
  const volumes = Object.fromEntries(volumesOf(order, 'east').map((volume) => [volume.Name, volume]));
  expect(volumes['east-mend--a2-sockets']?.DriverOpts).toEqual({
    type: 'tmpfs',
    device: 'tmpfs',
    o: `size=${MiB},uid=0,gid=10000,mode=2777,nosuid,nodev,noexec`,
  });
  expect(volumes['east-mend--a2-code']?.DriverOpts).toBeUndefined();
  expect(volumes['east-mend--a2-code']?.Labels).toMatchObject({ 'codebay.dev/run': 'mend--a2' });
});

test.each([
  ['http://127.0.0.1:8421', '172.18.0.1', 'http://172.18.0.1:8421/'],
  ['http://localhost:8421', null, 'http://host.docker.internal:8421/'],
  ['http://[::1]:8421', null, 'http://host.docker.internal:8421/'],
  ['http://172.18.0.1:8421', '172.18.0.1', 'http://172.18.0.1:8421/'],
  ['https://gateway.example:9443/', null, 'https://gateway.example:9443/'],
])('the gateway %s is, where the machine is %s, called %s', (url, hostAddress, inside) => {
  expect(gatewayUrlInside(url, hostAddress)).toBe(inside);
});

test('stations of other data folders have other names', () => {
  expect(stationOf('codebay', '/a')).toMatch(/^codebay-[0-9a-f]{8}$/);
  expect(stationOf('codebay', '/a')).not.toBe(stationOf('codebay', '/b'));
});
