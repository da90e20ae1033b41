// Notices rows that a transaction deleted from tables which nobody named: a cascade, a trigger, a
// function that does more than its name says. Asked before the COMMIT, so that nothing is lost.

import { Failure } from '../core/failure.ts';
import { thousands } from '../core/thousands.ts';
import type { MigrationStep } from '../migration/steps.ts';
import type { Database } from '../postgres/connect.ts';

interface Loss {
  readonly relation: string;
  /** The table and those that it is a partition of, without their schemas. */
  readonly names: readonly string[];
  readonly rows: number;
}

/** Watches the transactions of one session. */
export class RowGuard {
  // The server's counters may still hold what an earlier transaction of the session did: they are sent
  // away at its leisure (manual, 28.2.2).
  readonly #counted = new Map<string, number>();

  /**
   * Looks at the rows that the open transaction has deleted so far.
   *
   * @throws `apply/unnamed-rows-deleted`
   */
  async assertNothingElseLost(database: Database, step: MigrationStep): Promise<void> {
    if (!step.statements.some((each) => each.class === 'data' || each.class === 'code')) return;
    const losses = await database.query<Loss>(
      `WITH RECURSIVE deleted AS (
         SELECT DISTINCT l.relation AS oid, pg_stat_get_xact_tuples_deleted(l.relation) AS rows
           FROM pg_locks l
          WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted
            AND l.mode = 'RowExclusiveLock'
            AND pg_stat_get_xact_tuples_deleted(l.relation) > 0
       ), family AS (
         SELECT oid, oid AS member FROM deleted
          UNION SELECT f.oid, i.inhparent FROM family f JOIN pg_inherits i ON i.inhrelid = f.member)
       SELECT c.oid::regclass::text AS relation, d.rows::int,
              (SELECT array_agg(m.relname::text) FROM family f JOIN pg_class m ON m.oid = f.member
                WHERE f.oid = c.oid) AS names
         FROM deleted d JOIN pg_class c ON c.oid = d.oid
        WHERE c.relkind IN ('r', 'p') AND c.relnamespace <> 'drydock'::regnamespace
          -- DDL inside a DO block deletes rows of the catalog, which 17 and newer count here too.
          AND c.relnamespace <> 'pg_catalog'::regnamespace
          AND c.relpersistence <> 't'`,
    );
    const texts = [...step.statements.map(({ sql }) => sql), ...step.mayDelete];
    const unnamed = losses.filter(({ relation, names, rows }) => {
      const isNew = rows !== (this.#counted.get(relation) ?? 0);
      return isNew && !names.some((name) => texts.some((text) => speaksOf(text, name)));
    });
    this.#counted.clear();
    for (const { relation, rows } of losses) this.#counted.set(relation, rows);
    if (unnamed.length > 0) throw unnamedRowsDeleted(unnamed);
  }
}

function speaksOf(text: string, name: string): boolean {
  const escaped = name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?<![\\p{L}\\p{N}_$])${escaped}(?![\\p{L}\\p{N}_$])`, 'iu').test(text);
}

function unnamedRowsDeleted(losses: readonly Loss[]): Failure {
  const told = losses.map(({ relation, rows }) => `${thousands(rows)} of ${relation}`);
  const tables = losses.map(({ relation }) => relation).join(', ');
  return new Failure({
    code: 'apply/unnamed-rows-deleted',
    message: `rows were deleted of tables that no statement of the transaction names: ${told.join(', ')}`,
    hint: `Look for ON DELETE CASCADE, triggers and functions. When it is meant, write into the file: -- drydock: deletes ${tables}`,
    details: { losses: losses.map(({ relation, rows }) => ({ relation, rows })) },
    databaseState: 'rolled-back',
  });
}
