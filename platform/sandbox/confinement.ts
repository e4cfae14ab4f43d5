import { z } from 'zod';

/** How one run is confined: decided once, when it starts, and kept in its folder for whoever has to end it later. */
export const confinementSchema = z.object({
  /** `root`: mounts made by root, programs under a uid of the run's own. `user`: a user namespace. `none`: nothing. */
  mode: z.enum(['root', 'user', 'none']),
  /** The run's own unprivileged host uid and gid; null where programs run as the station's user. */
  uid: z.int().nullable(),
  /** Names this run among all stations of this machine: its cgroups and its folder of sockets carry it. */
  mark: z.string().regex(/^[0-9a-f]{16}$/),
  sockets: z.string(),
  /** The run's cgroups; those that could not be made are null. On version 2 both are the same folder. */
  cgroups: z.object({ version: z.union([z.literal(1), z.literal(2)]), memory: z.string().nullable(), pids: z.string().nullable() }),
  /** This installation, of which programs see a part. */
  install: z.string(),
  node: z.string(),
  /** More folders of the host that programs may read. */
  readable: z.array(z.string()),
});
export type Confinement = Readonly<z.output<typeof confinementSchema>>;
export type ConfinementMode = Confinement['mode'];
