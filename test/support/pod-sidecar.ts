import { superviseInPod } from '../../agent/sidecar/pod-run.ts';
import { createPodCompartment } from '../../platform/pod/compartment.ts';
import { podEnvironment } from '../../platform/pod/environment.ts';

/* `agent/sidecar/pod.ts` with folders elsewhere: `pod-sidecar.ts <JSON of paths, control, image, folders, order, lastWords>`. */
const { paths, control, image, ...places } = JSON.parse(process.argv[2] ?? '');
process.exit(
  await superviseInPod({
    ...places,
    openCompartment: (limits) => createPodCompartment({ paths, control, limits }),
    environment: (compartment, signal) => podEnvironment(compartment, image, signal),
    onStop: (stop) => process.on('SIGTERM', stop),
    warn: (text) => console.error(text),
  }),
);
