import { superviseInPod } from '../../agent/sidecar/pod-run.ts';
import { createPodCompartment } from '../../platform/pod/compartment.ts';

/* `agent/sidecar/pod.ts` with folders elsewhere: `pod-sidecar.ts <JSON of paths, control, folders, order, lastWords>`. */
const { paths, control, ...places } = JSON.parse(process.argv[2] ?? '');
process.exit(
  await superviseInPod({
    ...places,
    openCompartment: (limits) => createPodCompartment({ paths, control, limits }),
    onStop: (stop) => process.on('SIGTERM', stop),
    warn: (text) => console.error(text),
  }),
);
