/** Runs `work` while no other process of this user does so for the same `name`. */
export function exclusively<T>(name: string, onWait: () => void, work: () => Promise<T>): Promise<T>;
