// Follows the stream of an armed database with one session, from the first look to the last marker: a
// session that comes later would make the server read the log again.

import { interrupted } from '../core/context.ts';
import { withCleanup } from '../core/failure.ts';
import type { Address } from '../postgres/address.ts';
import type { Database } from '../postgres/connect.ts';
import type { StreamTransaction } from '../postgres/pgoutput.ts';
import { ReplicationSession } from '../postgres/replication.ts';
import { type Follower, followingEnded } from './follower.ts';
import type { Replay } from './replay.ts';

const markerPrefix = 'drydock/marker';
const slotPatienceMs = 30_000;

/** What is followed. */
export interface StreamOptions {
  readonly live: Address;
  readonly slot: string;
  readonly publication: string;
  readonly replay: Replay;
  /** Whoever waits for the stream stops waiting when it fires. */
  readonly signal: AbortSignal;
}

/** Follows a replication slot until it is closed. */
export class StreamFollower implements Follower {
  readonly #session: ReplicationSession;
  readonly #live: Address;
  readonly #slot: string;
  readonly #replay: Replay;
  readonly #stop = new AbortController();
  readonly #waiters = new Map<string, () => void>();
  readonly #failed: Promise<never>;
  #running: Promise<void>;
  #barrier: Barrier | undefined;
  #markers = 0;

  private constructor(
    session: ReplicationSession,
    { live, slot, publication, replay, signal }: StreamOptions,
  ) {
    this.#session = session;
    this.#live = live;
    this.#slot = slot;
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
      throw followingEnded(error, `the stream of slot ${slot}`);
    });
    this.#failed = new Promise<never>((_, reject) => {
      this.#running.catch(reject);
      signal.addEventListener('abort', () => reject(interrupted()), { once: true });
    });
    this.#failed.catch(() => {});
  }

  /** @throws when the slot is gone or in use */
  static async start(options: StreamOptions): Promise<StreamFollower> {
    return new StreamFollower(await ReplicationSession.open(options.live), options);
  }

  async caughtUp(live: Database): Promise<void> {
    this.#markers += 1;
    const marker = `${live.pid} ${this.#markers}`;
    const seen = new Promise<void>((resolve) => this.#waiters.set(marker, resolve));
    await live.query(`SELECT pg_logical_emit_message(true, '${markerPrefix}', $1)`, [marker]);
    await Promise.race([seen, this.#failed]);
  }

  // What a slot's snapshot sees is exactly what was committed before the slot's first place.
  async atOnePlace<T>(live: Database, work: (snapshot: string) => Promise<T>): Promise<T> {
    await using session = await ReplicationSession.open(this.#live);
    const pause = this.#pause();
    return await withCleanup(
      async () => {
        const how = { lockTimeoutMs: slotPatienceMs, lasting: false };
        const name = `${this.#slot}_compare_${live.pid}`;
        const { snapshot, lsn } = await session.createSlot(name, how);
        await pause.until(lsn, live);
        return await work(snapshot);
      },
      async () => pause.goOn(),
    );
  }

  async sessions(live: Database): Promise<readonly number[]> {
    const { pid } = await live.one<{ pid: number }>(
      'SELECT active_pid AS pid FROM pg_replication_slots WHERE slot_name = $1',
      [this.#slot],
    );
    return [pid];
  }

  // Plays nothing from now on until it is told a place. Asked for before that place is known: what is
  // committed meanwhile might be played already.
  #pause(): Pause {
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

/** Following at rest. */
interface Pause {
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
