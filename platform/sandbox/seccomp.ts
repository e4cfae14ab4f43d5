/*
 * A classic BPF program, as seccomp(2) takes it. Each instruction is 8 bytes: code, jump if true, jump if false, constant.
 * The data it sees: nr at 0, architecture at 4, arguments as 64 bits from 16 on.
 */
const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_AT_LEAST = 0x35;
const JUMP_ANY_BIT = 0x45;
const RETURN = 0x06;

const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const refuse = (errno: number): number => 0x00050000 | errno;
const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

const NR = 0;
const ARCHITECTURE = 4;
const argument = (index: number): number => 16 + 8 * index;

export type Architecture = 'x64' | 'arm64';

/** Throws for processors that the filter has no call numbers for. */
export const architectureOf = (name: string): Architecture => {
  if (name === 'x64' || name === 'arm64') return name;
  throw new Error(`No seccomp filter for ${name}`);
};

const AUDIT_ARCHITECTURE: Record<Architecture, number> = { x64: 0xc000003e, arm64: 0xc00000b7 };
/** x86-64 processes may call by x32 numbers, which would pass every comparison below. */
const X32_BIT = 0x40000000;

/** Call numbers as [x64, arm64]; calls from 424 on have the same number everywhere. */
const REFUSED: Record<string, readonly [number, number]> = {
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  mount_setattr: [442, 442],
  open_tree_attr: [467, 467],
  setns: [308, 268],
  keyctl: [250, 219],
  add_key: [248, 217],
  request_key: [249, 218],
  bpf: [321, 280],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  swapon: [167, 224],
  swapoff: [168, 225],
  reboot: [169, 142],
  acct: [163, 89],
  quotactl: [179, 60],
  syslog: [103, 116],
  open_by_handle_at: [304, 265],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
};
const CLONE: readonly [number, number] = [56, 220];
const UNSHARE: readonly [number, number] = [272, 97];
const IOCTL: readonly [number, number] = [16, 29];
const SOCKET: readonly [number, number] = [41, 198];
const CLONE3: readonly [number, number] = [435, 435];

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const NEW_NAMESPACES = 0x7e020000;
/** In `clone` its bit belongs to the exit signal. */
const CLONE_NEWTIME = 0x80;
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;
const SOCKET_FAMILIES = { unix: 1, inet: 2, inet6: 10, netlink: 16 };

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, constant: number];

const whenCall = (nr: number, then: readonly Instruction[]): Instruction[] => [[JUMP_EQUAL, 0, then.length, nr], ...then];

/**
 * The filter that every program in a compartment runs under: what would make namespaces, mounts or keys, load code into the kernel, or
 * type into a terminal is refused as if it weren't permitted; other architectures' calls end the program.
 */
export const seccompFilter = (architecture: Architecture): Buffer => {
  const column = architecture === 'x64' ? 0 : 1;
  const program: Instruction[] = [
    [LOAD, 0, 0, ARCHITECTURE],
    [JUMP_EQUAL, 1, 0, AUDIT_ARCHITECTURE[architecture]],
    [RETURN, 0, 0, KILL],
    [LOAD, 0, 0, NR],
    ...(architecture === 'x64'
      ? ([
          [JUMP_AT_LEAST, 0, 1, X32_BIT],
          [RETURN, 0, 0, KILL],
        ] satisfies Instruction[])
      : []),
    ...Object.values(REFUSED).flatMap((numbers) => whenCall(numbers[column], [[RETURN, 0, 0, refuse(EPERM)]])),
    // A filter can't see behind clone3's pointer; without it, C libraries fall back to clone.
    ...whenCall(CLONE3[column], [[RETURN, 0, 0, refuse(ENOSYS)]]),
    ...whenCall(CLONE[column], [
      [LOAD, 0, 0, argument(0)],
      [JUMP_ANY_BIT, 0, 1, NEW_NAMESPACES],
      [RETURN, 0, 0, refuse(EPERM)],
      [RETURN, 0, 0, ALLOW],
    ]),
    ...whenCall(UNSHARE[column], [
      [LOAD, 0, 0, argument(0)],
      [JUMP_ANY_BIT, 0, 1, NEW_NAMESPACES | CLONE_NEWTIME],
      [RETURN, 0, 0, refuse(EPERM)],
      [RETURN, 0, 0, ALLOW],
    ]),
    ...whenCall(IOCTL[column], [
      [LOAD, 0, 0, argument(1)],
      [JUMP_EQUAL, 1, 0, TIOCSTI],
      [JUMP_EQUAL, 0, 1, TIOCLINUX],
      [RETURN, 0, 0, refuse(EPERM)],
      [RETURN, 0, 0, ALLOW],
    ]),
    ...whenCall(SOCKET[column], [
      [LOAD, 0, 0, argument(0)],
      [JUMP_EQUAL, 4, 0, SOCKET_FAMILIES.unix],
      [JUMP_EQUAL, 3, 0, SOCKET_FAMILIES.inet],
      [JUMP_EQUAL, 2, 0, SOCKET_FAMILIES.inet6],
      [JUMP_EQUAL, 1, 0, SOCKET_FAMILIES.netlink],
      [RETURN, 0, 0, refuse(EAFNOSUPPORT)],
      [RETURN, 0, 0, ALLOW],
    ]),
    [RETURN, 0, 0, ALLOW],
  ];
  const bytes = Buffer.alloc(program.length * 8);
  for (const [index, [code, ifTrue, ifFalse, constant]] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(ifTrue, index * 8 + 2);
    bytes.writeUInt8(ifFalse, index * 8 + 3);
    bytes.writeUInt32LE(constant >>> 0, index * 8 + 4);
  }
  return bytes;
};
