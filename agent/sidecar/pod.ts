import { createPodCompartment } from '../../platform/pod/compartment.ts';
import { POD_PATHS, SIDECAR_PATHS } from '../../platform/pod/layout.ts';
import { superviseInPod } from './pod-run.ts';

/*
 * The sidecar of one run in its pod, or in a Docker container; its argument is where its last words go. Ends with code 0 once the gateway has the completion record, 143 after SIGTERM, 64 where the order is no
 * order, 1 where nothing could be recorded.
 */
const { code, output, task } = POD_PATHS;
const { order, sockets, scratch, control } = SIDECAR_PATHS;
const exitCode = await superviseInPod({
  order,
  lastWords: process.argv[2] ?? SIDECAR_PATHS.lastWords,
  folders: { code, output, task, sockets, scratch },
  openCompartment: (limits) => createPodCompartment({ paths: POD_PATHS, control, limits }),
  onStop: (stop) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
  },
  warn: (text) => console.error(`${new Date().toISOString()} ${text}`),
});
// What still waits (a pool, a timer) must not keep an ended run alive.
process.exit(exitCode);
