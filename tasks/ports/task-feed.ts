/** A message as it came in, and where from. */
export interface FeedMessage {
  readonly topic: string;
  readonly partition: number;
  /** A decimal number of up to 64 bits. */
  readonly offset: string;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  /** Null: a tombstone. */
  readonly value: Buffer | null;
  /** A name may occur more than once. */
  readonly headers: ReadonlyMap<string, readonly Buffer[]>;
}

export interface PartitionLag {
  readonly partition: number;
  /** Messages that stand in the feed and are not taken yet. */
  readonly messages: number;
}

/** Where tasks come in as messages, each at least once, by any number of processes that share the partitions. */
export interface TaskFeed {
  /**
   * Hands messages to `take`, several at once. A message counts as taken when `take` has resolved for it and for all before it in its
   * partition. Where `take` rejects, the partition pauses, and the message comes again after a while; the other partitions go on.
   * Waits for a feed that is away. Call once.
   */
  start(take: (message: FeedMessage) => Promise<void>): void;
  /** Whether this process is one of those that share the partitions now. */
  isJoined(): boolean;
  /** Of the partitions that this process holds; empty while the feed can't be asked. */
  lag(): Promise<readonly PartitionLag[]>;
  /** Takes no more, lets what is at hand come to its end, keeps what was taken, and leaves the partitions to others. */
  close(): Promise<void>;
}
