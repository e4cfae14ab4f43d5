import { architectureOf, seccompFilter } from '../../../platform/sandbox/seccomp.ts';

type Verdict = 'allow' | 'kill' | `errno ${number}`;

const AUDIT = { x64: 0xc000003e, arm64: 0xc00000b7, i386: 0x40000003 } as const;

const verdictOf = (value: number): Verdict => {
  if (value === 0x7fff0000) return 'allow';
  if (value === 0x80000000) return 'kill';
  if (value >>> 16 === 5) return `errno ${value & 0xffff}`;
  throw new Error(`no such verdict: ${value.toString(16)}`);
};

/** Executes a filter as the kernel does: struct seccomp_data is {nr, arch, ip (64 bits), args (6 × 64 bits)}. */
const judge = (filter: Buffer, architecture: keyof typeof AUDIT, nr: number, args: readonly number[] = []): Verdict => {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(nr, 0);
  data.writeUInt32LE(AUDIT[architecture], 4);
  for (const [index, argument] of args.entries()) data.writeBigUInt64LE(BigInt(argument), 16 + 8 * index);
  let accumulator = 0;
  for (let at = 0; at < filter.length / 8; at += 1) {
    const code = filter.readUInt16LE(at * 8);
    const constant = filter.readUInt32LE(at * 8 + 4);
    const jump = (holds: boolean): void => {
      at += filter.readUInt8(at * 8 + (holds ? 2 : 3));
    };
    if (code === 0x20) accumulator = data.readUInt32LE(constant);
    else if (code === 0x15) jump(accumulator === constant);
    else if (code === 0x35) jump(accumulator >= constant);
    else if (code === 0x45) jump((accumulator & constant) !== 0);
    else if (code === 0x06) return verdictOf(constant);
    else throw new Error(`no such instruction: ${code}`);
  }
  throw new Error('the program ran off its end');
};

/** [x64, arm64] by the kernel's tables. */
const CALLS = {
  read: [0, 63],
  execve: [59, 221],
  exit_group: [231, 94],
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  setns: [308, 268],
  keyctl: [250, 219],
  bpf: [321, 280],
  io_uring_setup: [425, 425],
  open_tree: [428, 428],
  fsopen: [430, 430],
  userfaultfd: [323, 282],
  process_vm_readv: [310, 270],
  open_by_handle_at: [304, 265],
  kexec_load: [246, 104],
  clone: [56, 220],
  clone3: [435, 435],
  unshare: [272, 97],
  ioctl: [16, 29],
  socket: [41, 198],
} as const;

describe.each(['x64', 'arm64'] as const)('on %s', (architecture) => {
  const filter = seccompFilter(architecture);
  const verdict = (call: keyof typeof CALLS, ...args: readonly number[]): Verdict =>
    judge(filter, architecture, CALLS[call][architecture === 'x64' ? 0 : 1], args);

  test.each(['read', 'execve', 'exit_group'] as const)('%s is allowed', (call) => expect(verdict(call)).toBe('allow'));

  test.each([
    ...(['mount', 'umount2', 'pivot_root', 'setns', 'keyctl', 'bpf', 'io_uring_setup', 'open_tree', 'fsopen'] as const),
    ...(['userfaultfd', 'process_vm_readv', 'open_by_handle_at', 'kexec_load'] as const),
  ])('%s is refused', (call) => expect(verdict(call)).toBe('errno 1'));

  test('namespaces are refused one by one; threads and forks are not', () => {
    for (const flag of [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000]) {
      expect([flag, verdict('clone', flag | 17), verdict('unshare', flag)]).toEqual([flag, 'errno 1', 'errno 1']);
    }
    expect(verdict('unshare', 0x80)).toBe('errno 1');
    expect(verdict('unshare', 0x200)).toBe('allow');
    expect(verdict('clone', 17)).toBe('allow');
    expect(verdict('clone', 0x003d0f00)).toBe('allow');
    // C libraries go on with clone, whose flags a filter can see.
    expect(verdict('clone3')).toBe('errno 38');
  });

  test('typing into a terminal is refused', () => {
    expect(verdict('ioctl', 0, 0x5412)).toBe('errno 1');
    expect(verdict('ioctl', 0, 0x541c)).toBe('errno 1');
    expect(verdict('ioctl', 0, 0x5401)).toBe('allow');
    expect(verdict('ioctl', 0x5412, 0x5401)).toBe('allow');
  });

  test('only the usual families of sockets are there', () => {
    for (const family of [1, 2, 10, 16]) expect([family, verdict('socket', family)]).toEqual([family, 'allow']);
    for (const family of [0, 3, 17, 38, 40]) expect([family, verdict('socket', family)]).toEqual([family, 'errno 97']);
  });

  test("another architecture's calls end the program", () => {
    expect(judge(filter, architecture === 'x64' ? 'arm64' : 'x64', 0)).toBe('kill');
    expect(judge(filter, 'i386', 1)).toBe('kill');
  });
});

test('x32 numbers end the program on x64', () => {
  expect(judge(seccompFilter('x64'), 'x64', 0x40000000 | 39)).toBe('kill');
  expect(judge(seccompFilter('x64'), 'x64', 0x3fffffff)).toBe('allow');
});

test('a processor that the filter does not know is refused', () => {
  expect(() => architectureOf('riscv64')).toThrow('riscv64');
});
