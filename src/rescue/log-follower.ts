// Follows the log that triggers write. Transactions are seen by snapshots: what one sees and the one before it did
// not has come in between, whole and with everything that it waited for.

import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfInterrupted } from '../core/context.ts';
import type { Address } from '../postgres/address.ts';
import { quoteLiteral } from '../postgres/address.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { type Follower, followingEnded } from './follower.ts';
import { type CatalogImage, imageOf } from './image.ts';
import { type LoggedChange, type LoggedTransaction, streamed } from './logged-changes.ts';
import type { Replay } from './replay.ts';
import type { Round } from './replay-tables.ts';

const everyMs = 500;
const fetchedAtOnce = 1_000;

// A migration may change more rows than fit into memory.
const partSize = 10_000;

/** What is followed. */
export interface LogOptions {
  readonly live: Address;
  /** The snapshot of the backup. */
  readonly since: string;
  readonly before: CatalogImage;
  readonly replay: Replay;
  /** Whoever waits for the log stops waiting when it fires. */
  readonly signal: AbortSignal;
}

/** Follows a log until it is closed. */
export class LogFollower implements Follower {
  readonly #reader: Database;
  readonly #options: LogOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #turn: Promise<unknown>;

  private constructor(reader: Database, options: LogOptions) {
    this.#reader = reader;
    this.#options = options;
    // A round that an earlier command has begun is played to its end first.
    const { round } = options.replay;
    this.#turn = round === null ? Promise.resolve() : this.#play(round);
    this.#running = this.#keepOn().catch((error: unknown) => {
      throw followingEnded(error, `following the log of ${options.live.label}`);
    });
    this.#running.catch(() => {});
  }

  /** @throws what a connection fails with */
  static async start(options: LogOptions): Promise<LogFollower> {
    const { live, signal } = options;
    const reader = await connect(live, { purpose: 'follow', signal, unlimited: true });
    // Little of a large log is new, which no statistics say.
    await reader.execute('SET enable_seqscan = off; SET jit = off');
    return new LogFollower(reader, options);
  }

  async caughtUp(live: Database): Promise<void> {
    await this.#inTurn(async () => this.#playTo(await snapshotOf(live)));
  }

  async atOnePlace<T>(_live: Database, work: (snapshot: string) => Promise<T>): Promise<T> {
    const how = { purpose: 'compare', signal: this.#options.signal, unlimited: true };
    await using witness = await connect(this.#options.live, how);
    return await this.#inTurn(() =>
      witness.transaction(
        async () => {
          const { exported } = await witness.one<{ exported: string }>(
            'SELECT pg_export_snapshot() AS exported',
          );
          await this.#playTo(await snapshotOf(witness));
          return await work(exported);
        },
        { begin: ['BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY'] },
      ),
    );
  }

  async sessions(): Promise<readonly number[]> {
    return [this.#reader.pid];
  }

  get ended(): Promise<void> {
    return this.#running;
  }

  async #keepOn(): Promise<void> {
    for (;;) {
      await this.#inTurn(async () => this.#playTo(await snapshotOf(this.#reader)));
      if (this.#stop.signal.aborted) return;
      await sleep(everyMs, undefined, { signal: this.#stop.signal }).catch(() => {});
      if (this.#stop.signal.aborted) return;
    }
  }

  // One at a time: each begins where the last has ended.
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(() => {
      throwIfInterrupted(this.#options.signal);
      return work();
    });
    this.#turn = turn;
    return await turn;
  }

  async #playTo(to: string): Promise<void> {
    const { replay, since } = this.#options;
    const round = { from: replay.round?.to ?? since, to };
    await replay.beginRound(round);
    await this.#play(round);
  }

  async #play(round: Round): Promise<void> {
    const { replay, before } = this.#options;
    let live: CatalogImage | undefined;
    for await (const transaction of this.#transactions(round)) {
      live ??= await readImage(this.#reader);
      await replay.play(streamed(transaction, { before, now: replay.now, live }));
    }
    await replay.flush();
  }

  async *#transactions(round: Round): AsyncGenerator<LoggedTransaction, undefined> {
    let xid = '';
    let changes: LoggedChange[] = [];
    let head: Pick<LoggedTransaction, 'xid' | 'isMigration'> & { readonly last: bigint } = {
      xid: 0,
      isMigration: false,
      last: 0n,
    };
    for await (const row of this.#rows(round)) {
      if (row.xid !== xid) {
        if (xid !== '') yield { ...head, changes };
        xid = row.xid;
        changes = [];
        head = { xid: Number(xid), isMigration: row.isMigration, last: BigInt(row.last) };
      } else if (row.isMigration && changes.length >= partSize) {
        yield { ...head, last: null, changes };
        changes = [];
      }
      changes.push(row);
    }
    if (xid !== '') yield { ...head, changes };
    return undefined;
  }

  // Transactions by their last change: whoever waited for another one has written behind its COMMIT.
  async *#rows({ from, to }: Round): AsyncGenerator<LoggedRow, undefined> {
    const [since, until] = [from, to].map((each) => `${quoteLiteral(each)}::pg_snapshot`);
    await this.#reader.script([
      'BEGIN READ ONLY',
      `DECLARE log NO SCROLL CURSOR FOR
       WITH unread AS MATERIALIZED (
         SELECT xid, max(place) AS last, bool_or(what = 'M') AS migration FROM drydock.rescue_log
          WHERE xid >= pg_snapshot_xmin(${since}) AND NOT pg_visible_in_snapshot(xid, ${since})
            AND pg_visible_in_snapshot(xid, ${until})
          GROUP BY xid HAVING max(place) > ${this.#options.replay.progress})
       SELECT l.xid::text AS xid, u.last::text AS last, u.migration AS "isMigration", l.what,
              l.relation::int8::float8 AS relation, l.was::text AS was, l.became::text AS became, l.shape, l.old, l.new
         FROM unread u JOIN drydock.rescue_log l ON l.xid = u.xid
        WHERE l.xid >= pg_snapshot_xmin(${since})
        ORDER BY u.last, l.place`,
    ]);
    for (let count = fetchedAtOnce; count === fetchedAtOnce; ) {
      const rows = await this.#reader.query<LoggedRow>(`FETCH ${fetchedAtOnce} FROM log`);
      yield* rows;
      count = rows.length;
    }
    await this.#reader.execute('COMMIT');
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#turn.catch(() => {});
    await this.#running.catch(() => {});
    await this.#reader.close();
  }
}

interface LoggedRow extends LoggedChange {
  readonly xid: string;
  readonly last: string;
  readonly isMigration: boolean;
}

async function snapshotOf(database: Database): Promise<string> {
  const { snapshot } = await database.one<{ snapshot: string }>(
    'SELECT pg_current_snapshot()::text AS snapshot',
  );
  return snapshot;
}

async function readImage(database: Database): Promise<CatalogImage> {
  const { image } = await database.one<{ image: unknown }>(
    'SELECT drydock.rescue_image() AS image',
  );
  return imageOf(image);
}
