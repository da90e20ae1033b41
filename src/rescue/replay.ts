// Plays the stream of the broken database into the restored one: every transaction but the migration's,
// each once, also when the program is killed in between.

import type { Database } from '../postgres/connect.ts';
import type { RowChange, StreamTransaction } from '../postgres/pgoutput.ts';
import { pinnedSettingsSql } from '../postgres/replication.ts';
import { type CatalogImage, mapTable } from './columns.ts';
import { named, type ReplayStatement, replayStatement } from './statement.ts';

/** Prefix of the logical message that a migration sends first in each of its transactions. */
export const migrationMark = 'drydock/migration';

/** Something that the old schema cannot hold; it stays in the broken database. */
export interface Salvaged {
  readonly xid: number;
  readonly table: string;
  readonly change: RowChange;
  readonly reason: string;
}

/** What is needed to replay. */
export interface ReplayOptions {
  /** A session of its own on the restored database, whose user triggers are off. */
  readonly target: Database;
  readonly before: CatalogImage;
  /** The catalog inside the migration's transaction, after its last statement. */
  readonly after: () => Promise<CatalogImage>;
  readonly onSalvage: (salvaged: Salvaged) => void;
}

/** Replays transactions in the order in which they come. */
export class Replay {
  readonly #options: ReplayOptions;
  #now: CatalogImage;
  #progress = 0n;

  private constructor(options: ReplayOptions) {
    this.#options = options;
    this.#now = options.before;
  }

  /** Takes up where the restored database says it was left. */
  static async begin(options: ReplayOptions): Promise<Replay> {
    const replay = new Replay(options);
    const { target } = options;
    await target.execute(pinnedSettingsSql);
    await target.execute(
      `CREATE SCHEMA IF NOT EXISTS drydock_replay;
       CREATE TABLE IF NOT EXISTS drydock_replay.progress (lsn numeric NOT NULL, migrated boolean NOT NULL)`,
    );
    const [row] = await target.query<{ lsn: string; migrated: boolean }>(
      'SELECT lsn::text, migrated FROM drydock_replay.progress',
    );
    if (row === undefined)
      await target.execute('INSERT INTO drydock_replay.progress VALUES (0, false)');
    replay.#progress = BigInt(row?.lsn ?? 0);
    if (row?.migrated === true) replay.#now = await options.after();
    return replay;
  }

  /** Everything up to here is committed in the restored database. */
  get progress(): bigint {
    return this.#progress;
  }

  /** Plays one transaction; one that was played before is left out. */
  async play(transaction: StreamTransaction): Promise<void> {
    if (transaction.endLsn <= this.#progress) return;
    const isMigration = transaction.messages.some(({ prefix }) => prefix === migrationMark);
    if (isMigration) this.#now = await this.#options.after();
    const plan = isMigration ? [] : this.#plan(transaction);
    try {
      await this.#apply(transaction, { plan, isMigration, isCareful: false });
    } catch {
      // One of its changes does not fit: each on its own, and what cannot be kept is salvaged.
      await this.#apply(transaction, { plan, isMigration, isCareful: true });
    }
    this.#progress = transaction.endLsn;
  }

  #plan(transaction: StreamTransaction): Planned[] {
    return transaction.changes.flatMap((change): Planned[] => {
      if (change.kind === 'truncate') return this.#truncate(change);
      const images = { before: this.#options.before, now: this.#now };
      const table = mapTable(change.table, images);
      const salvage = (reason: string): void =>
        this.#options.onSalvage({
          xid: transaction.xid,
          table: `${change.table.schema}.${change.table.name}`,
          change,
          reason,
        });
      if (table === undefined) {
        salvage('the table is new');
        return [];
      }
      const { statement, beyond } = replayStatement(change, table);
      if (beyond.length > 0) salvage(`columns are new: ${beyond.join(', ')}`);
      return statement === null ? [] : [{ statement, salvage }];
    });
  }

  #truncate({ tables }: Extract<RowChange, { kind: 'truncate' }>): Planned[] {
    const names = tables.flatMap(({ oid }) => {
      const was = this.#options.before.get(oid);
      return was === undefined ? [] : [named(was)];
    });
    if (names.length === 0) return [];
    const statement = { sql: `TRUNCATE ${names.join(', ')}`, values: [] };
    return [{ statement, salvage: () => {} }];
  }

  // The place in the stream is committed together with what was read up to it.
  async #apply(
    { endLsn }: StreamTransaction,
    how: {
      readonly plan: readonly Planned[];
      readonly isMigration: boolean;
      readonly isCareful: boolean;
    },
  ): Promise<void> {
    const { target } = this.#options;
    await target.transaction(async () => {
      for (const { statement, salvage } of how.plan) {
        if (how.isCareful) await this.#try(statement, salvage);
        else await target.execute(statement.sql, statement.values);
      }
      await target.execute(
        'UPDATE drydock_replay.progress SET lsn = $1, migrated = migrated OR $2',
        [endLsn.toString(), how.isMigration],
      );
    });
  }

  async #try(statement: ReplayStatement, salvage: (reason: string) => void): Promise<void> {
    const { target } = this.#options;
    await target.execute('SAVEPOINT change');
    try {
      await target.execute(statement.sql, statement.values);
      await target.execute('RELEASE SAVEPOINT change');
    } catch (failure) {
      await target.execute('ROLLBACK TO SAVEPOINT change');
      salvage(failure instanceof Error ? failure.message : String(failure));
    }
  }
}

interface Planned {
  readonly statement: ReplayStatement;
  readonly salvage: (reason: string) => void;
}
