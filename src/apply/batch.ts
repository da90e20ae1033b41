// One statement that is run in batches along a key, each a transaction of its own that commits with how
// far the walk is. Killed at any moment, the next apply goes on after the last batch that is in force.

import { throwIfInterrupted } from '../core/context.ts';
import { canonicalJson, sha256 } from '../core/digest.ts';
import { Failure } from '../core/failure.ts';
import { thousands } from '../core/thousands.ts';
import {
  type BatchProgress,
  beginProgress,
  endProgress,
  readProgress,
  recordBatch,
} from '../history/batches.ts';
import { markMigration } from '../history/migration-mark.ts';
import { type BatchOptions, defaultBatchOptions } from '../migration/batch-options.ts';
import type { MigrationStatement } from '../migration/steps.ts';
import type { Database } from '../postgres/connect.ts';
import { sqlStateOf, sqlStates } from '../postgres/server-error.ts';
import { firstBatchSize, nextBatchSize } from './batch-pace.ts';
import { progressInWords } from './batch-progress.ts';
import { type BatchStatement, type KeyColumn, readBatchStatement } from './batch-statement.ts';
import { untilBatchMayBegin } from './batch-turn.ts';
import {
  assertNoSums,
  estimatedRows,
  findKey,
  lastKey,
  nextPiece,
  type Piece,
} from './batch-walk.ts';
import { nothingSeen } from './guard.ts';
import { atLine } from './statement-failure.ts';
import type { StepResult, StepRun } from './step-run.ts';
import { assertVerified } from './verify.ts';

const lockTimeoutMs = 2_000;
const mostTries = 10;
const waitMs = 1_000;

/**
 * Runs the statement of a step of the kind `batch`, then writes its ledger row.
 *
 * @throws `apply/cannot-be-batched` where batches would come to something else than the statement
 */
export async function runBatches(run: StepRun): Promise<StepResult> {
  const [statement] = run.step.statements;
  if (statement === undefined) return { statements: [], retries: 0, lockWaitMs: 0 };
  const startedAt = performance.now();
  const walk = await Walk.begin(run, statement).catch((failure: unknown) => {
    throw atLine(failure, statement.line);
  });
  await run.begin(null);
  await run.observer?.before(run.database, statement);
  const { retries, changed } = await walk.toTheEnd();
  await run.observer?.after(run.database, statement);
  await assertVerified(run.database, run.step);
  const ms = performance.now() - startedAt;
  const result = { statements: [{ ...statement, ms, rows: changed }], retries, lockWaitMs: 0 };
  await run.database.transaction(async () => {
    await endProgress(run.database, run.place);
    await run.database.script(run.recordOf(result));
  });
  return result;
}

class Walk {
  readonly #run: StepRun;
  readonly #statement: MigrationStatement;
  readonly #batched: BatchStatement;
  readonly #key: readonly KeyColumn[];
  readonly #options: BatchOptions;
  readonly #total: number;
  readonly #walkedBefore: number;
  readonly #startedAt = performance.now();
  #progress: BatchProgress;
  #size: number;
  #retries = 0;

  private constructor(
    run: StepRun,
    statement: MigrationStatement,
    parts: {
      batched: BatchStatement;
      key: readonly KeyColumn[];
      options: BatchOptions;
      progress: BatchProgress;
      total: number;
    },
  ) {
    this.#run = run;
    this.#statement = statement;
    this.#batched = parts.batched;
    this.#key = parts.key;
    this.#options = parts.options;
    this.#progress = parts.progress;
    this.#walkedBefore = parts.progress.walked;
    this.#total = parts.total;
    this.#size = firstBatchSize(parts.options.size);
  }

  /** Finds the key, and where an earlier run has stopped. */
  static async begin(run: StepRun, statement: MigrationStatement): Promise<Walk> {
    const { database, step } = run;
    const options = step.batchOptions ?? defaultBatchOptions;
    const batched = await readBatchStatement(statement.sql);
    await assertNoSums(database, batched.functions);
    const key = await findKey(database, batched, options.key);
    const digest = sha256(canonicalJson({ sql: statement.sql, key }));
    const progress =
      (await readProgress(database, run.place, digest)) ??
      (await beginWalk(run, { batched, key, digest }));
    const total = await estimatedRows(database, batched.relation);
    return new Walk(run, statement, { batched, key, options, progress, total });
  }

  async toTheEnd(): Promise<{ readonly retries: number; readonly changed: number }> {
    try {
      while (this.#progress.endsAt.length > 0) {
        throwIfInterrupted(this.#run.context.signal);
        await untilBatchMayBegin(this.#run);
        const piece = await this.#batch();
        if (piece === undefined) break;
        this.#tell();
        await this.#run.context.clock.sleep(this.#options.pauseMs, this.#run.context.signal);
      }
    } catch (failure) {
      throw this.#told(failure);
    }
    return { retries: this.#retries, changed: this.#progress.changed };
  }

  // A batch that meets a lock or a deadlock gives up its place, and is tried again half as large.
  async #batch(): Promise<Piece | undefined> {
    for (let tries = 1; ; tries += 1) {
      const seen = nothingSeen();
      try {
        const { guard, database } = this.#run;
        return await guard.watch(database, seen, () => this.#attempt());
      } catch (failure) {
        const state = sqlStateOf(failure);
        const wasTakenOut = seen.crowd > 0 && state === sqlStates.queryCanceled;
        const isInTheWay =
          state === sqlStates.lockNotAvailable || state === sqlStates.deadlockDetected;
        if ((!isInTheWay && !wasTakenOut) || tries === mostTries) throw failure;
        // A second cancellation may have met the ROLLBACK.
        if (wasTakenOut) await this.#run.database.execute('ROLLBACK');
        this.#retries += 1;
        this.#size = Math.max(1, Math.floor(this.#size / 2));
        const why = wasTakenOut
          ? `${seen.crowd} sessions waited behind a batch`
          : 'a batch met a lock';
        this.#run.say(`${why}: try ${tries + 1} follows, half as large`);
        await this.#run.context.clock.sleep(waitMs, this.#run.context.signal);
      }
    }
  }

  async #attempt(): Promise<Piece | undefined> {
    const { database } = this.#run;
    const { doneTo, endsAt } = this.#progress;
    const sql = await this.#batched.inRange(this.#key, doneTo !== null);
    const startedAt = performance.now();
    const walBefore = await walPosition(database);
    const done = await database.transaction(async () => {
      await database.script([markMigration, `SET LOCAL lock_timeout = ${lockTimeoutMs}`]);
      const walk = { key: this.#key, from: doneTo, end: endsAt, size: this.#size };
      const piece = await nextPiece(database, this.#batched.table, walk);
      if (piece === undefined) return undefined;
      const { rowCount } = await database.execute(sql, [...piece.to, ...(doneTo ?? [])]);
      const batch = { doneTo: piece.to, walked: piece.walked, changed: rowCount ?? 0 };
      await recordBatch(database, this.#run.place, batch);
      return { piece, batch };
    });
    if (done === undefined) return undefined;
    const { piece, batch } = done;
    this.#progress = {
      ...this.#progress,
      doneTo: piece.to,
      walked: this.#progress.walked + batch.walked,
      changed: this.#progress.changed + batch.changed,
      batches: this.#progress.batches + 1,
    };
    const ms = performance.now() - startedAt;
    const walBytes = (await walPosition(database)) - walBefore;
    this.#size = nextBatchSize(
      this.#size,
      { walked: piece.walked, ms, walBytes },
      this.#options.size,
    );
    return piece;
  }

  #tell(): void {
    const { walked, changed } = this.#progress;
    const ms = performance.now() - this.#startedAt;
    const figures = { walkedBefore: this.#walkedBefore, walked, changed, total: this.#total, ms };
    this.#run.say(`line ${this.#statement.line}:  ${progressInWords(figures)}`);
  }

  #told(failure: unknown): unknown {
    const placed = atLine(failure, this.#statement.line);
    const { changed, batches } = this.#progress;
    if (!(placed instanceof Failure) || batches === 0) return placed;
    return placed.withState(
      'changed',
      `${thousands(changed)} rows in ${thousands(batches)} batches are in force, and the same command goes on after them`,
    );
  }
}

async function beginWalk(
  run: StepRun,
  parts: {
    readonly batched: BatchStatement;
    readonly key: readonly KeyColumn[];
    readonly digest: string;
  },
): Promise<BatchProgress> {
  const { batched, key, digest } = parts;
  const endsAt = (await lastKey(run.database, batched.table, key)) ?? [];
  await beginProgress(run.database, run.place, { digest, endsAt });
  return { doneTo: null, endsAt, walked: 0, changed: 0, batches: 0 };
}

async function walPosition(database: Database): Promise<number> {
  const { bytes } = await database.one<{ bytes: number }>(
    "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS bytes",
  );
  return bytes;
}
