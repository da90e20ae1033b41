// Asks the server whether it understands a statement, what it would return and what it would cost.
// Nothing is executed.

import { Failure } from '../../core/failure.ts';
import { quoteIdentifier } from '../../postgres/address.ts';
import type { Database } from '../../postgres/connect.ts';
import { sqlStateOf } from '../../postgres/server-error.ts';
import type { ApplicationStatement, PlannedCost, ResultColumn } from './report.ts';
import { parameterCount, preparableText, typesToTry } from './shapes.ts';

/** How a statement is to be asked about, so that both times the same is asked. */
export interface Form {
  readonly sql: string;
  /** Object ids of parameter types; 0 leaves one to the server. */
  readonly types: readonly number[];
  /** The role that asks; null for the session's own. */
  readonly role: string | null;
  readonly searchPath: string | null;
}

/** What the server said. */
export type Answer =
  | {
      readonly understood: true;
      readonly form: Form;
      readonly columns: readonly ResultColumn[];
      readonly planned: PlannedCost;
    }
  | { readonly understood: false; readonly reason: string; readonly sqlState: string };

/** A statement with the server's answer before the plan. */
export interface AskedStatement {
  readonly statement: ApplicationStatement;
  readonly answer: Answer;
}

/** Readies a session for questions: it plans without values, and not for ever. */
export async function beginAsking(database: Database): Promise<void> {
  await database.execute(
    `SET plan_cache_mode = force_generic_plan; SET jit = off; SET statement_timeout = '20s'`,
  );
}

/**
 * Finds a form of the statement that the server understands: as it stands, with the types of its
 * parameters tried, and where its role may not do it on the copy (a copy's roles are not members of
 * each other), as the superuser.
 */
export async function findForm(
  database: Database,
  statement: ApplicationStatement,
  roles: ReadonlySet<string>,
): Promise<Answer> {
  const { sql, vanished } = preparableText(statement.text);
  const isVanished = (place: number): boolean => vanished.includes(place + 1);
  const count = Math.max(parameterCount(sql), ...vanished);
  const none = Array.from({ length: count }, (_, place) => (isVanished(place) ? 25 : 0));
  const role = statement.role !== null && roles.has(statement.role) ? statement.role : null;
  const form = { sql, types: none, role, searchPath: statement.searchPath };
  const asRole = await findTypes(database, form);
  if (asRole.understood || role === null || asRole.sqlState !== sqlStateOfNoRight) return asRole;
  return findTypes(database, { ...form, role: null });
}

const sqlStateOfNoRight = '42501';

// Ambiguous function, indeterminate data type, undefined function, datatype mismatch.
const wantsTypes = ['42725', '42P18', '42883', '42804'];

async function findTypes(database: Database, form: Form): Promise<Answer> {
  const first = await ask(database, form);
  if (first.understood || !wantsTypes.includes(first.sqlState)) return first;
  for (const types of typesToTry(form.types)) {
    if (!(await isUnderstood(database, { ...form, types }))) continue;
    return ask(database, { ...form, types });
  }
  return first;
}

async function isUnderstood(database: Database, { sql, types }: Form): Promise<boolean> {
  return database.describe(sql, types).then(
    () => true,
    () => false,
  );
}

/** Asks about a statement in exactly this form. */
export async function ask(database: Database, form: Form): Promise<Answer> {
  try {
    await actAs(database, form);
    const { parameters, columns } = await database.describe(form.sql, form.types);
    const types = await typeNames(database, [
      ...parameters.map((type) => ({ type, modifier: -1 })),
      ...columns,
    ]);
    const named = columns.map(({ name }, index) => ({
      name,
      type: types[parameters.length + index] ?? '',
    }));
    const planned = await plannedCost(database, form.sql, types.slice(0, parameters.length));
    return { understood: true, form, columns: named, planned };
  } catch (failure) {
    const sqlState = sqlStateOf(failure);
    if (!(failure instanceof Failure) || sqlState === undefined) throw failure;
    return { understood: false, reason: failure.message, sqlState };
  }
}

async function actAs(database: Database, { role, searchPath }: Form): Promise<void> {
  await database.execute('RESET ROLE; RESET search_path');
  if (searchPath !== null) {
    await database.query(`SELECT set_config('search_path', $1, false)`, [searchPath]);
  }
  if (role !== null) await database.execute(`SET ROLE ${quoteIdentifier(role)}`);
}

async function typeNames(
  database: Database,
  types: readonly { readonly type: number; readonly modifier: number }[],
): Promise<string[]> {
  if (types.length === 0) return [];
  const rows = await database.query<{ name: string }>(
    `SELECT pg_catalog.format_type(t.type, t.modifier) AS name
       FROM unnest($1::oid[], $2::int[]) WITH ORDINALITY AS t (type, modifier, place) ORDER BY place`,
    [types.map(({ type }) => type), types.map(({ modifier }) => modifier)],
  );
  return rows.map(({ name }) => name);
}

// EXPLAIN EXECUTE of a plan without values gives the same cost as EXPLAIN (GENERIC_PLAN), which only
// version 16 and newer have, and checks the rights to the tables besides.
async function plannedCost(
  database: Database,
  sql: string,
  types: readonly string[],
): Promise<PlannedCost> {
  const given = types.length === 0 ? '' : ` (${types.join(', ')})`;
  const values = types.length === 0 ? '' : ` (${types.map(() => 'NULL').join(', ')})`;
  await database.execute(`PREPARE drydock_question${given} AS ${sql}`);
  try {
    const rows = await database.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN EXECUTE drydock_question${values}`,
    );
    const plan = rows.map((row) => row['QUERY PLAN']);
    const cost = Number(/\.\.(\d+(?:\.\d+)?) /.exec(plan[0] ?? '')?.[1] ?? 0);
    return { cost, plan };
  } finally {
    await database.execute('DEALLOCATE drydock_question');
  }
}
