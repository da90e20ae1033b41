// Follows the stream of an armed database with one session, from the first look to the last marker: a
// session that comes later would make the server read the log again.

import { interrupted } from '../core/context.ts';
import { Failure, messageOf } from '../core/failure.ts';
import type { Address } from '../postgres/address.ts';
import type { Database } from '../postgres/connect.ts';
import type { StreamTransaction } from '../postgres/pgoutput.ts';
import { ReplicationSession } from '../postgres/replication.ts';
import type { Replay } from './replay.ts';

const markerPrefix = 'drydock/marker';

/** What is followed. */
export interface FollowOptions {
  readonly live: Address;
  readonly slot: string;
  readonly publication: string;
  readonly replay: Replay;
  /** Whoever waits for the stream stops waiting when it fires. */
  readonly signal: AbortSignal;
}

/** Follows until it is closed. */
export class Follower implements AsyncDisposable {
  readonly #session: ReplicationSession;
  readonly #replay: Replay;
  readonly #stop = new AbortController();
  readonly #waiters = new Map<string, () => void>();
  readonly #failed: Promise<never>;
  #running: Promise<void>;
  #barrier: Barrier | undefined;
  #markers = 0;

  private constructor(
    session: ReplicationSession,
    { slot, publication, replay, signal }: FollowOptions,
  ) {
    this.#session = session;
    this.#replay = replay;
    const stream = session.stream({
      slot,
      publication,
      safeLsn: () => replay.progress,
      signal: this.#stop.signal,
      onTransaction: (transaction) => this.#take(transaction),
      onIdle: () => replay.flush(),
    });
    this.#running = stream.catch((error: unknown) => {
      throw streamEnded(error, slot);
    });
    this.#failed = new Promise<never>((_, reject) => {
      this.#running.catch(reject);
      signal.addEventListener('abort', () => reject(interrupted()), { once: true });
    });
    this.#failed.catch(() => {});
  }

  /** @throws when the slot is gone or in use */
  static async start(options: FollowOptions): Promise<Follower> {
    return new Follower(await ReplicationSession.open(options.live), options);
  }

  /** Resolves when everything that was committed before this call is committed in the copy too. */
  async caughtUp(live: Database): Promise<void> {
    this.#markers += 1;
    const marker = `${live.pid} ${this.#markers}`;
    const seen = new Promise<void>((resolve) => this.#waiters.set(marker, resolve));
    await live.query(`SELECT pg_logical_emit_message(true, '${markerPrefix}', $1)`, [marker]);
    await Promise.race([seen, this.#failed]);
  }

  /**
   * Plays nothing from now on until it is told a place. Asked for before that place is known: what is
   * committed meanwhile might be played already.
   */
  pause(): Pause {
    const barrier = new Barrier();
    this.#barrier = barrier;
    return {
      until: async (lsn, live) => {
        barrier.moveTo(lsn);
        // Something must come behind that place.
        await live.query(`SELECT pg_logical_emit_message(true, '${markerPrefix}', 'behind')`);
        await Promise.race([barrier.reached, this.#failed]);
      },
      goOn: () => {
        this.#barrier = undefined;
        barrier.moveTo(null);
      },
    };
  }

  /** Resolves when following has ended; rejects when it has failed. */
  get ended(): Promise<void> {
    return this.#running;
  }

  async #take(transaction: StreamTransaction): Promise<void> {
    while (this.#barrier?.holds(transaction) === true) {
      await this.#replay.flush();
      await this.#barrier.hold();
    }
    await this.#replay.play(transaction);
    for (const { prefix, content } of transaction.messages) {
      const waiter = prefix === markerPrefix ? this.#waiters.get(content) : undefined;
      if (waiter === undefined) continue;
      await this.#replay.flush();
      this.#waiters.delete(content);
      waiter();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#barrier?.moveTo(null);
    this.#stop.abort();
    await this.#running.catch(() => {});
    await this.#session[Symbol.asyncDispose]();
  }
}

// The server ends it when another command takes the slot over, or drops it; and networks break.
function streamEnded(error: unknown, slot: string): unknown {
  if (error instanceof Failure && error.code === 'interrupted') return error;
  return new Failure({
    code: 'rescue/stream-ended',
    message: `the stream of slot ${slot} ended: ${messageOf(error)}`,
    hint: 'Another command may have taken it over: look with drydock status. Else the same command goes on where this one was.',
    cause: error,
  });
}

/** Following at rest. */
export interface Pause {
  /** Resolves when the copy has exactly what was committed before that place. */
  until(lsn: bigint, live: Database): Promise<void>;
  goOn(): void;
}

class Barrier {
  // Nothing passes at first; null: everything does.
  #lsn: bigint | null = 0n;
  #moved: () => void = () => {};
  #reach: () => void = () => {};
  readonly reached: Promise<void>;

  constructor() {
    this.reached = new Promise((resolve) => {
      this.#reach = resolve;
    });
  }

  moveTo(lsn: bigint | null): void {
    this.#lsn = lsn;
    this.#moved();
  }

  holds({ endLsn }: StreamTransaction): boolean {
    return this.#lsn !== null && (endLsn === null || endLsn > this.#lsn);
  }

  async hold(): Promise<void> {
    const moved = new Promise<void>((resolve) => {
      this.#moved = resolve;
    });
    if (this.#lsn !== 0n) this.#reach();
    await moved;
  }
}
