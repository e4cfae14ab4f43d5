/** The three parts of a run. */
export const SIDECAR = 'sidecar';
export const AGENT = 'agent';
export const TOOLS = 'tools';

const PARTS: Readonly<Record<string, string>> = {
  [SIDECAR]: "the station's own part (container sidecar)",
  [AGENT]: 'the agent or its set-up (container agent)',
  [TOOLS]: 'a step that packs the workspace (container tools)',
};

/** How a person is told of a container. */
export const partOf = (container: string): string => PARTS[container] ?? `container ${container}`;
