// Keeps what a plan would destroy: the keeper that an apply asks before each statement of a transaction.

import type { StatementKeeper, TransactionKeeper } from '../../apply/keeper.ts';
import { beginRun, readOpenRuns } from '../../history/undo-runs.ts';
import type { MigrationStatement } from '../../migration/steps.ts';
import type { Database } from '../../postgres/connect.ts';
import { parseSql } from '../../postgres/parser.ts';
import { nameOf } from './alter-parts.ts';
import { dropCapture, RowCapture } from './capture.ts';
import { aroundNewTypes } from './follow-keys.ts';
import { putColumnsAside, putTablesAside, type Trash } from './put-aside.ts';
import { rememberTypes } from './remember-types.ts';

/** A plan that is to be kept. */
export interface KeptPlan {
  /** Its digest. */
  readonly plan: string;
  readonly versions: readonly string[];
  readonly by: string;
  /** The way back of its schema, and how long it took, where a rehearsal has proven it. */
  readonly proven?: { readonly statements: readonly string[]; readonly ms: number } | undefined;
}

/** The schema for tables of a plan; the same wherever the plan runs. */
export function trashSchema(plan: string): string {
  return `drydock_trash_${plan.slice(0, 8)}`;
}

/** Keeps a plan. */
export class PlanKeeper implements StatementKeeper {
  readonly #plan: KeptPlan;
  #run = '';

  constructor(plan: KeptPlan) {
    this.#plan = plan;
  }

  async begin(database: Database): Promise<void> {
    const { plan, versions, by, proven } = this.#plan;
    // An attempt of the same plan that came to nothing has left its beginning.
    const earlier = (await readOpenRuns(database)).filter((run) => run.plan === plan);
    for (const { id } of earlier) {
      await dropCapture(database, id);
      await database.query('DELETE FROM drydock.undo_runs WHERE id = $1', [id]);
    }
    const wayBack = proven?.statements ?? null;
    const provenMs = proven === undefined ? null : Math.round(proven.ms);
    this.#run = await beginRun(database, { plan, versions, by, wayBack, provenMs });
  }

  forTransaction(database: Database): TransactionKeeper {
    return new Keeping(database, { run: this.#run, schema: trashSchema(this.#plan.plan) });
  }

  async end(database: Database): Promise<void> {
    if (this.#run !== '') await dropCapture(database, this.#run);
  }
}

class Keeping implements TransactionKeeper {
  readonly #database: Database;
  readonly #trash: Trash;
  readonly #rows: RowCapture;

  constructor(database: Database, trash: Trash) {
    this.#database = database;
    this.#trash = trash;
    this.#rows = new RowCapture(database, trash.run);
  }

  async insteadOf(written: MigrationStatement): Promise<readonly MigrationStatement[]> {
    return (await this.#instead(written.sql)).map((sql) =>
      sql === written.sql ? written : { ...written, sql, class: 'transactional' },
    );
  }

  close(): Promise<void> {
    return this.#rows.close();
  }

  async #instead(sql: string): Promise<readonly string[]> {
    const node = (await parseSql(sql)).statements[0]?.node;
    if (node === undefined) return [sql];
    if ('AlterTableStmt' in node) return this.#insteadOfAlter(sql, node.AlterTableStmt);
    if ('DropStmt' in node && node.DropStmt.removeType === 'OBJECT_TABLE') {
      const statement = node.DropStmt;
      return (await putTablesAside(this.#database, this.#trash, { sql, statement })) ?? [sql];
    }
    const changesRows =
      ['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt', 'CopyStmt', 'TruncateStmt'].some(
        (kind) => kind in node,
      ) || ['SelectStmt', 'CallStmt', 'DoStmt', 'ExecuteStmt'].some((kind) => kind in node);
    return changesRows ? [...(await this.#rows.before(node, sql)), sql] : [sql];
  }

  async #insteadOfAlter(
    sql: string,
    statement: Parameters<typeof putColumnsAside>[2]['statement'],
  ): Promise<readonly string[]> {
    if (statement.objtype !== 'OBJECT_TABLE') return [sql];
    const aside = await putColumnsAside(this.#database, this.#trash, { sql, statement });
    if (aside !== undefined) {
      const rest = aside.rest === undefined ? [] : await this.#instead(aside.rest);
      return [...aside.instead, ...rest];
    }
    const { run } = this.#trash;
    const isRetyping = (statement.cmds ?? []).some(
      (each) => 'AlterTableCmd' in each && each.AlterTableCmd.subtype === 'AT_AlterColumnType',
    );
    if (!isRetyping) return [sql];
    const types = await rememberTypes(this.#database, run, { sql, statement });
    const around = await aroundNewTypes(this.#database, run, nameOf(statement.relation));
    return [...around.before, ...types.before, sql, ...types.after, ...around.after];
  }
}
