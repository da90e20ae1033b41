// The assertions of a migration: `-- drydock: verify SELECT …`, asked before the step counts.

import { Failure } from '../core/failure.ts';
import type { MigrationStep } from '../migration/steps.ts';
import { firstWords } from '../migration/steps.ts';
import type { Database } from '../postgres/connect.ts';
import { atLine } from './statement-failure.ts';

/**
 * Asks every assertion of a step. Called inside the step's transaction where it has one: a wrong answer
 * then takes everything back.
 *
 * @throws `apply/verification-failed`
 */
export async function assertVerified(database: Database, step: MigrationStep): Promise<void> {
  for (const { sql, line } of step.verifications) {
    const rows = await readOnly(database, step.kind === 'transaction', () =>
      database.query<Record<string, unknown>>(sql),
    ).catch((failure: unknown) => {
      throw atLine(failure, line);
    });
    const values = rows.map((row) => Object.values(row));
    if (values.length === 1 && values[0]?.length === 1 && values[0][0] === true) continue;
    throw new Failure({
      code: 'apply/verification-failed',
      message: `the assertion ${firstWords(sql)} did not return true but ${told(values)}`,
      hint: 'Look at the rows that it is about; correct the migration or the assertion, then type the same command again.',
      details: { line, statement: sql, answer: told(values) },
      databaseState: 'rolled-back',
    });
  }
}

// A savepoint gives the setting back: a transaction that was made read-only stays so otherwise.
async function readOnly<T>(
  database: Database,
  isInTransaction: boolean,
  ask: () => Promise<T>,
): Promise<T> {
  if (!isInTransaction) return await database.transaction(ask, { begin: ['BEGIN READ ONLY'] });
  await database.execute('SAVEPOINT drydock_verify; SET LOCAL transaction_read_only = on');
  const answer = await ask();
  await database.execute('ROLLBACK TO SAVEPOINT drydock_verify; RELEASE SAVEPOINT drydock_verify');
  return answer;
}

function told(rows: readonly (readonly unknown[])[]): string {
  const [first] = rows;
  if (first === undefined) return 'no row';
  if (rows.length > 1) return `${rows.length} rows`;
  return first.map((value) => JSON.stringify(value)).join(', ');
}
