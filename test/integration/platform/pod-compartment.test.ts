import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { makeFifos, openFifoReader, openFifoWriter } from '../../../platform/fifo.ts';
import { executorOf } from '../../../platform/pod/layout.ts';
import { CompartmentLostError } from '../../../tasks/ports/compartment.ts';
import { compartmentContract, shellCommand } from '../../support/compartment-contract.ts';
import { openPod } from '../../support/pod-executors.ts';
import { processesWith } from '../../support/sandbox-client.ts';

const MiB = 1024 * 1024;
const isRoot = process.geteuid?.() === 0;
type Pod = Awaited<ReturnType<typeof openPod>>;

describe("a pod's compartment", () => {
  let pod: Pod;
  beforeAll(async () => {
    pod = await openPod();
  });
  afterAll(() => pod.remove());

  compartmentContract(() => pod.compartment);
});

describe('an executor', () => {
  let pod: Pod;
  const pods: Pod[] = [];
  const open = async (options?: Parameters<typeof openPod>[0]): Promise<Pod> => {
    const opened = await openPod(options);
    pods.push(opened);
    return opened;
  };
  const run = async (script: string, rest: Parameters<typeof shellCommand>[2] = {}) => {
    let output = '';
    const exit = await pod.compartment.run(
      shellCommand(pod.compartment, script, {
        onStdout: (chunk) => {
          output += chunk;
        },
        ...rest,
      }),
    );
    return { exit, output };
  };

  beforeEach(async () => {
    pod = await open();
  });
  afterEach(() => Promise.all(pods.splice(0).map(({ remove }) => remove())));

  test('ends with 0 when the compartment is destroyed, and so does everything in it', async () => {
    const word = `destroyed${process.pid}w`;
    const up = Promise.withResolvers<void>();
    const command = shellCommand(pod.compartment, 'echo up; sleep 1000 & wait', { onStdout: () => up.resolve() });
    const running = pod.compartment.run({ ...command, argv: [...command.argv, word] });
    await up.promise;
    await pod.compartment.destroy();
    expect(await running).toEqual({ exitCode: null, cause: 'aborted' });
    expect(processesWith(word)).toEqual([]);
    expect([await pod.exit('agent'), await pod.exit('tools')]).toEqual([0, 0]);
  });

  test('that comes late is waited for, without a thread of the process', async () => {
    pod = await open({ start: false });
    const commands = Array.from({ length: 8 }, (_, side) => run('echo here', { side: side % 2 === 0 }));
    await writeFile(join(pod.root, 'written'), 'meanwhile');
    pod.begin('agent');
    pod.begin('tools');
    const ended = await Promise.all(commands);
    expect(ended.map(({ output }) => output)).toEqual(Array(8).fill('here\n'));
  });

  test('that never comes does not outlast an abort', async () => {
    pod = await open({ start: false });
    const abort = new AbortController();
    const waiting = run('true', { signal: abort.signal });
    abort.abort();
    expect((await waiting).exit).toEqual({ exitCode: null, cause: 'aborted' });
  });

  test('that is killed loses its command, what that printed before is told, and the other executor works on', async () => {
    let output = '';
    const onStdout = (chunk: Buffer) => {
      output += chunk;
      pod.kill('agent');
    };
    await expect(run('echo last words; sleep 1000', { onStdout })).rejects.toThrow(CompartmentLostError);
    expect(output).toBe('last words\n');
    await expect(run('true')).rejects.toThrow(CompartmentLostError);
    expect((await run('echo still here', { side: true })).output).toBe('still here\n');
  });

  test('that a program stops by a signal delays the end of its time by seconds only', async () => {
    expect((await run('kill -STOP $PPID $(ps -o ppid= -p $PPID); sleep 1000', { timeoutMs: 300 })).exit).toEqual({
      exitCode: null,
      cause: 'timed_out',
    });
    await expect(run('true')).rejects.toThrow(CompartmentLostError);
  });

  test('lets no process of a command write a reply that changes anything after it', async () => {
    const forge = `i=0; while [ $i -lt 9 ]; do i=$((i+1)); printf "ended c$i 0\\ngone c$i 0\\n" >${pod.control.agent}/replies; done`;
    const { exit } = await run(`(sleep 1000 & wait) & ${forge}; sleep 1000`);
    expect(exit).toEqual({ exitCode: 0, cause: 'finished' });
    expect((await run('exit 7')).exit).toEqual({ exitCode: 7, cause: 'finished' });
  });

  test('that floods the sidecar is given up', async () => {
    await expect(run(`while :; do echo junk; done >${pod.control.agent}/replies`)).rejects.toThrow(CompartmentLostError);
  });

  test("takes no request from its own programs, who can't touch the sidecar's folder either", async () => {
    const { output } = await run(
      `cd ${pod.control.agent}/sidecar; echo "run x" >requests; rm -rf requests c1; touch new; ls; cat */script >/dev/null && echo read`,
    );
    const touched = output.split('\n').filter((line) => ['c1', 'requests', 'new', 'read'].includes(line));
    expect(touched).toEqual(isRoot ? ['c1', 'requests', 'read'] : expect.any(Array));
  });

  test('goes on where a program has moved every name aside and laid links in their place', async () => {
    const trap = join(pod.root, 'trap');
    await mkdir(trap, { mode: 0o777 });
    const control = pod.control.agent;
    await run(
      `mv ${control}/sidecar ${control}/aside; ln -s ${trap} ${control}/sidecar; rm ${control}/replies; ln -s ${trap} ${control}/replies`,
    );
    expect((await run('echo on', { env: { SECRET: 'x' } })).output).toBe('on\n');
    expect(await readdir(trap)).toEqual([]);
  });

  test('leaves no command behind in the folder in memory', async () => {
    await run('echo one');
    await run('cat', { stdin: Readable.from(['x']) });
    expect(await readdir(join(pod.control.agent, 'sidecar'))).toEqual(['requests']);
    expect(await readdir(join(pod.control.tools, 'sidecar'))).toEqual(['requests']);
  });

  test('shows a command its sockets and the next one none', async () => {
    await mkdir(join(pod.sockets, 'agent'));
    await writeFile(join(pod.sockets, 'agent/model.sock'), '');
    const look = `ls ${pod.compartment.paths.sockets}/ 2>/dev/null`;
    expect((await run(look, { sockets: join(pod.sockets, 'agent') })).output).toBe('model.sock\n');
    expect((await run(look)).output).toBe('');
  });

  test('lets git work in a folder that belongs to another user', async () => {
    const { exit, output } = await run('git init -q . 2>&1 && git status --short 2>&1');
    expect([exit.exitCode, output]).toEqual([0, '']);
  });

  test('passes on what its image sets, and nothing of the cluster, of this station or of its own', async () => {
    const image = { JAVA_HOME: '/opt/java', SERVER_PORT: '8080', LINES: 'one\ntwo *', value: 'kept from the executor', NOT_SET: '' };
    const services = {
      ...{ REDIS_SERVICE_HOST: '10.0.0.1', REDIS_SERVICE_PORT: '6379', REDIS_SERVICE_PORT_TLS: '6380', REDIS_PORT: 'tcp://10.0.0.1:6379' },
      ...{ REDIS_PORT_6379_TCP: 'tcp://10.0.0.1:6379', REDIS_PORT_6379_TCP_ADDR: '10.0.0.1', KUBERNETES_PORT: '' },
    };
    pod = await open({ env: { ...image, ...services, HOME: '/root', TMPDIR: '/var/tmp', LANG: 'de_DE' } });
    for (const side of [true, false]) {
      const { output } = await run('env -0', { side, env: { GIVEN: 'x' } });
      const seen = Object.fromEntries(output.split('\0').map((entry) => entry.split(/=(.*)/s)));
      const { home, tmp } = pod.compartment.paths;
      const { value: _, ...kept } = image;
      expect(seen).toMatchObject({ ...kept, HOME: home, TMPDIR: tmp, LANG: 'C.UTF-8', PATH: process.env.PATH, GIVEN: 'x' });
      expect(Object.keys(seen).filter((name) => /KUBERNETES|REDIS|EXECUTOR|HOSTNAME|^[a-z]+$/.test(name))).toEqual([]);
    }
  });

  test('says where the kernel has killed for want of memory', async () => {
    pod = await open({ memoryBytes: 64 * MiB });
    const greedy = `exec awk 'BEGIN { s = "x"; while (length(s) < 2e8) s = s s }'`;
    const expected = pod.boundsMemory ? { exitCode: 137, cause: 'out_of_memory' } : { exitCode: 0, cause: 'finished' };
    expect((await run(greedy)).exit).toEqual(expected);
    expect((await run('exit 1')).exit).toEqual({ exitCode: 1, cause: 'finished' });
  });

  test('ends with 1 when the sidecar is gone, with what it was running', async () => {
    pod = await open({ start: false });
    const word = `orphan${process.pid}w`;
    const control = join(pod.root, 'other');
    await mkdir(join(control, 'sidecar/c1'), { recursive: true });
    await writeFile(join(control, 'sidecar/c1/script'), `echo up >${control}/replies; exec sh -c 'sleep 1000; :' ${word}`);
    await makeFifos(control, ['replies', 'sidecar/requests']);
    const requests = await openFifoWriter(join(control, 'sidecar/requests'));
    const replies = await openFifoReader(join(control, 'replies'));
    const { command, environment } = executorOf('agent');
    const argv = ['--pid', '--fork', '--kill-child', '--mount-proc', '--', ...command.slice(0, -1), control];
    const env = { ...environment, PATH: process.env.PATH };
    const executor = spawn('unshare', isRoot ? argv : ['--user', '--map-current-user', ...argv], { stdio: 'ignore', env });
    const exited = once(executor, 'exit');
    requests.write('run c1\n');
    for await (const chunk of replies) if (String(chunk).includes('up')) break;
    requests.destroy();
    expect((await exited)[0]).toBe(1);
    expect(processesWith(word)).toEqual([]);
  });

  test('refuses to run where its parent is not the init of a container: it would kill what is not its own', async () => {
    const { environment } = executorOf('agent');
    const child = spawn('/bin/sh', ['-c', environment.EXECUTOR, 'executor', pod.root], { stdio: 'ignore' });
    expect((await once(child, 'exit'))[0]).toBe(64);
  });
});
