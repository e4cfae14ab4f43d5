/** How much an owner has under way. */
export interface OwnerLoad {
  /** Unfinished tasks, counted no further than `enough`. */
  countUnfinished(owner: string, enough: number): Promise<number>;
}
