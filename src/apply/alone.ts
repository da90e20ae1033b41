// One statement that cannot be in a transaction, such as CREATE INDEX CONCURRENTLY.

import { firstWords } from '../migration/steps.ts';
import { quoteIdentifier } from '../postgres/address.ts';
import type { Database } from '../postgres/connect.ts';
import { parseSql } from '../postgres/parser.ts';
import { atLine, type StepResult, type StepRun } from './transaction.ts';

/**
 * Runs the statement, then writes its ledger row.
 *
 * No lock timeout: CREATE INDEX CONCURRENTLY waits for every older snapshot by design, and one that is
 * stopped leaves an invalid index behind (manual, CREATE INDEX, "Building Indexes Concurrently").
 */
export async function runAlone(run: StepRun): Promise<StepResult> {
  const { database, observer, step } = run;
  const statements: StepResult['statements'][number][] = [];
  for (const statement of step.statements) {
    await dropInvalidIndex(database, statement.sql);
    run.say(`line ${statement.line}: ${firstWords(statement.sql)}`);
    await observer?.before(database, statement);
    const startedAt = performance.now();
    const { rowCount } = await database.execute(statement.sql).catch((failure: unknown) => {
      throw atLine(failure, statement.line);
    });
    statements.push({ ...statement, ms: performance.now() - startedAt, rows: rowCount });
    await observer?.after(database, statement);
  }
  await run.record();
  return { statements, retries: 0 };
}

// A build that was killed leaves an invalid index, which IF NOT EXISTS then takes for a good one: the
// index would be missing for ever, and nobody would be told.
async function dropInvalidIndex(database: Database, sql: string): Promise<void> {
  const { statements } = await parseSql(sql);
  const node = statements[0]?.node;
  if (node === undefined || !('IndexStmt' in node)) return;
  const { idxname, relation } = node.IndexStmt;
  if (idxname === undefined || relation?.relname === undefined) return;
  const table = [relation.schemaname, relation.relname].filter((part) => part !== undefined);
  const [found] = await database.query<{ index: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS index
     FROM pg_index i
     JOIN pg_class c ON c.oid = i.indexrelid
     JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE i.indrelid = to_regclass($1) AND c.relname = $2 AND NOT i.indisvalid`,
    [table.map(quoteIdentifier).join('.'), idxname],
  );
  if (found !== undefined) await database.execute(`DROP INDEX CONCURRENTLY ${found.index}`);
}
