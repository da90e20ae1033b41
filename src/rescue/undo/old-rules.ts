// Brings the old constraints back. Rows that were written under the new schema may break them: such a row
// stays, and is noted; the constraint holds for what is written from now on.

import { Failure } from '../../core/failure.ts';
import { quoteIdentifier } from '../../postgres/address.ts';
import type { Database } from '../../postgres/connect.ts';
import { sqlStateOf } from '../../postgres/server-error.ts';
import { rowsFollow } from './moved-parents.ts';
import { withoutTriggers } from './without-triggers.ts';

const identifier = String.raw`(?:"(?:[^"]|"")+"|[^\s".(]+)`;
const tablePattern = `(${identifier}(?:\\.${identifier})?)`;
const notNull = new RegExp(`^ALTER TABLE ${tablePattern} ALTER (${identifier}) SET NOT NULL$`);
const constraint = new RegExp(
  `^ALTER TABLE ${tablePattern} ADD CONSTRAINT (${identifier}) (.*)$`,
  's',
);

/** Runs a statement that may be refused because of rows, inside the open transaction. */
export async function bringRuleBack(database: Database, run: string, sql: string): Promise<void> {
  await database.execute('SAVEPOINT drydock_rule');
  try {
    await database.execute(sql);
    await database.execute('RELEASE SAVEPOINT drydock_rule');
  } catch (failure) {
    if (sqlStateOf(failure)?.startsWith('23') !== true) throw failure;
    await database.execute('ROLLBACK TO SAVEPOINT drydock_rule; RELEASE SAVEPOINT drydock_rule');
    await forNewRowsOnly(database, run, { sql, failure });
  }
}

interface Refused {
  readonly sql: string;
  readonly failure: unknown;
}

async function forNewRowsOnly(
  database: Database,
  run: string,
  { sql, failure }: Refused,
): Promise<void> {
  const reason = failure instanceof Failure ? failure.message : String(failure);
  const [, table = '', column = ''] = notNull.exec(sql) ?? [];
  if (column !== '') {
    const name = quoteIdentifier(`${column.replaceAll('"', '')}_not_null`);
    await database.execute(
      `ALTER TABLE ${table} ADD CONSTRAINT ${name} CHECK (${column} IS NOT NULL) NOT VALID`,
    );
    await noteRows(database, { run, table, where: `t.${column} IS NULL`, reason });
    return;
  }
  const [, owner = '', name = '', definition = ''] = constraint.exec(sql) ?? [];
  if (/^(?:FOREIGN KEY|CHECK)/.test(definition)) {
    await database.execute(`${sql.replace(/ NOT VALID$/, '')} NOT VALID`);
    const where = await brokenWhere(database, owner, name);
    await asTheOldRule(database, owner, async (relation) => {
      await rowsFollow(database, run, { relation, name });
      if (/ ON DELETE CASCADE/.test(definition))
        await database.execute(`DELETE FROM ${owner} t WHERE ${where}`);
    });
    await noteRows(database, { run, table: owner, where, reason });
    await validateIfWhole(database, owner, name);
    return;
  }
  throw failure;
}

// The old rule would have taken them along with their parents, or deleted them, while they were out of its
// sight.
async function asTheOldRule(
  database: Database,
  table: string,
  work: (relation: number) => Promise<unknown>,
): Promise<void> {
  const { relation } = await database.one<{ relation: number }>(
    'SELECT $1::regclass::oid::int8::float8 AS relation',
    [table],
  );
  await withoutTriggers(database, relation, () => work(relation));
}

async function validateIfWhole(database: Database, table: string, name: string): Promise<void> {
  await database.execute('SAVEPOINT drydock_rule');
  try {
    await database.execute(`ALTER TABLE ${table} VALIDATE CONSTRAINT ${name}`);
    await database.execute('RELEASE SAVEPOINT drydock_rule');
  } catch (failure) {
    if (sqlStateOf(failure)?.startsWith('23') !== true) throw failure;
    await database.execute('ROLLBACK TO SAVEPOINT drydock_rule; RELEASE SAVEPOINT drydock_rule');
  }
}

async function brokenWhere(database: Database, table: string, name: string): Promise<string> {
  const { where } = await database.one<{ where: string }>(
    `SELECT CASE k.contype WHEN 'c' THEN format('NOT (%s)', pg_get_expr(k.conbin, k.conrelid))
              ELSE (SELECT format('%s AND NOT EXISTS (SELECT FROM %s p WHERE %s)',
                             string_agg(format('t.%I IS NOT NULL', c.attname), ' AND '), k.confrelid::regclass,
                             string_agg(format('p.%I = t.%I', f.attname, c.attname), ' AND '))
                      FROM unnest(k.conkey, k.confkey) AS pair (child, parent)
                      JOIN pg_attribute c ON c.attrelid = k.conrelid AND c.attnum = pair.child
                      JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = pair.parent) END AS where
       FROM pg_constraint k WHERE k.conrelid = $1::regclass AND quote_ident(k.conname) = $2`,
    [table, name],
  );
  return where;
}

async function noteRows(
  database: Database,
  {
    run,
    table,
    where,
    reason,
  }: {
    readonly run: string;
    readonly table: string;
    readonly where: string;
    readonly reason: string;
  },
): Promise<void> {
  await database.query(
    `INSERT INTO drydock.undo_rows (run, relation, what, became, problem)
     SELECT $1, $2::regclass, 'updated', to_jsonb(t), $3 FROM ${table} t WHERE ${where}`,
    [run, table, reason],
  );
}
