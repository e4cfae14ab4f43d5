import { createPodCompartment } from '../../platform/pod/compartment.ts';
import { podEnvironment } from '../../platform/pod/environment.ts';
import { POD_PATHS, SIDECAR_PATHS } from '../../platform/pod/layout.ts';
import { POD_EXIT, superviseInPod } from './pod-run.ts';

/*
 * The sidecar of one run in its pod, or in a Docker container: `pod.ts IMAGE [PLACE]`, the image of the other containers, and where its last words
 * go, if not to the kubelet. Ends with code 0 once the gateway has the completion record, 143 after SIGTERM, 64 where the order is no
 * order, 1 where nothing could be recorded.
 */
const [image, lastWords = SIDECAR_PATHS.lastWords] = process.argv.slice(2);
if (image === undefined) {
  console.error('usage: pod.ts IMAGE [PLACE]');
  process.exit(POD_EXIT.badOrder);
}
const { code, output, task } = POD_PATHS;
const { order, sockets, scratch, control } = SIDECAR_PATHS;
const exitCode = await superviseInPod({
  ...{ order, lastWords },
  folders: { code, output, task, sockets, scratch },
  openCompartment: (limits) => createPodCompartment({ paths: POD_PATHS, control, limits }),
  environment: (compartment, signal) => podEnvironment(compartment, { image }, signal),
  onStop: (stop) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
  },
  warn: (text) => console.error(`${new Date().toISOString()} ${text}`),
});
// What still waits (a pool, a timer) must not keep an ended run alive.
process.exit(exitCode);
