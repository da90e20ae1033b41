// The rows that a migration changes, noted by triggers. They are there in the migration's own
// transaction alone: making one keeps every other writer of the table out until the COMMIT, and before the
// COMMIT it is switched off. Dropping it there would ask for a lock that readers have to wait for.

import { quoteLiteral } from '../../postgres/address.ts';
import type { Database } from '../../postgres/connect.ts';
import type { Node } from '../../postgres/parser.ts';
import { capturesForRescue } from '../watch.ts';
import { nameOf } from './alter-parts.ts';
import { followKeys, followParents } from './follow-keys.ts';
import { byPlace, noteRows } from './note-rows.ts';
import { type NumberedTable, plainPath, plainTexts, readTables, rowAsTexts } from './tables.ts';

/** A trigger that notes rows: all that a statement has changed, or each by itself. */
interface NotingTrigger {
  readonly name: string;
  readonly fires: string;
}

// A statement tells its rows to the table that it names. Where they can be those of a partition or of an
// heir, whose statements tell nothing to their parent, each row is noted for itself.
const byStatement: readonly NotingTrigger[] = [
  ['insert', 'NEW TABLE AS drydock_new'],
  ['update', 'OLD TABLE AS drydock_old NEW TABLE AS drydock_new'],
  ['delete', 'OLD TABLE AS drydock_old'],
].map(([event = '', rows = '']) => ({
  name: `drydock_undo_${event}`,
  fires: `AFTER ${event.toUpperCase()} ON %s REFERENCING ${rows} FOR EACH STATEMENT`,
}));
const byRow: readonly NotingTrigger[] = [
  { name: 'drydock_undo_row', fires: 'AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW' },
];
const triggersOf = ({ hasKin }: NumberedTable): readonly NotingTrigger[] =>
  hasKin ? byRow : byStatement;

const lockTimeoutMs = 400;

/** Notes what one transaction does to rows. */
export class RowCapture {
  readonly #database: Database;
  readonly #run: string;
  readonly #noting = new Map<number, string>();

  constructor(database: Database, run: string) {
    this.#database = database;
    this.#run = run;
  }

  /** What is run before a statement that changes rows. */
  async before(node: Node, sql: string): Promise<readonly string[]> {
    const targets = await this.#targets(node, sql);
    const tables = await readTables(this.#database, await this.#reachedFrom(targets));
    const noting =
      'TruncateStmt' in node
        ? tables.map((table) => this.#noteAll(table))
        : tables.flatMap((table) => this.#watch(table));
    if (noting.length === 0) return [];
    const references = tables.flatMap((table) => table.references);
    return [...noting, ...(await followParents(this.#database, this.#run, references))];
  }

  /** Switches the triggers off. */
  async close(): Promise<void> {
    for (const table of await readTables(this.#database, [...this.#noting.keys()])) {
      for (const { name } of triggersOf(table)) {
        await this.#database.execute(`ALTER TABLE ${table.name} DISABLE TRIGGER ${name}`);
      }
    }
  }

  #watch(table: NumberedTable): string[] {
    const body = this.#body(table);
    const known = this.#noting.get(table.relation);
    if (known === body) return [];
    this.#noting.set(table.relation, body);
    const triggers = triggersOf(table);
    const trigger = `DO $drydock$ BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = ${table.relation} AND tgname = '${triggers[0]?.name}') THEN
    ${triggers.map(({ name }) => `ALTER TABLE ${table.name} ENABLE TRIGGER ${name};`).join('\n    ')}
  ELSE
    ${triggers
      .map(
        ({ name, fires }) =>
          `CREATE TRIGGER ${name} ${fires.replace('%s', () => table.name)} EXECUTE FUNCTION ${this.#function(table)}();`,
      )
      .join('\n    ')}${followKeys(this.#run, table)}
  END IF;
END $drydock$`;
    return [
      [
        `SET LOCAL lock_timeout = ${lockTimeoutMs}`,
        body,
        ...(known === undefined ? [trigger] : []),
      ].join(';\n'),
    ];
  }

  #function({ relation }: NumberedTable): string {
    return `drydock.undo_capture_${this.#run}_${relation}`;
  }

  #body(table: NumberedTable): string {
    const note = (pairs: string): string => noteRows({ run: this.#run, table }, pairs);
    const all = (rows: string): string =>
      `SELECT row_number() OVER () AS turn, ${rowAsTexts(table, 'r')} AS texts FROM ${rows} r`;
    const body = table.hasKin
      ? `${note(`SELECT 1 AS turn, CASE WHEN TG_OP <> 'INSERT' THEN ${rowAsTexts(table, 'OLD')} END AS row_was,
        CASE WHEN TG_OP <> 'DELETE' THEN ${rowAsTexts(table, 'NEW')} END AS row_became`)};`
      : `IF TG_OP = 'INSERT' THEN
    ${note(`SELECT turn, NULL::jsonb AS row_was, texts AS row_became FROM (${all('drydock_new')}) AS n`)};
  ELSIF TG_OP = 'DELETE' THEN
    ${note(`SELECT turn, texts AS row_was, NULL::jsonb AS row_became FROM (${all('drydock_old')}) AS o`)};
  ELSE
    -- Both tables get their rows in the same turn: a key may have changed.
    ${note(`SELECT turn, o.texts AS row_was, n.texts AS row_became
      FROM (${all('drydock_old')}) AS o JOIN (${all('drydock_new')}) AS n USING (turn)`)};
  END IF;`;
    return `CREATE OR REPLACE FUNCTION ${this.#function(table)}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET ${[plainPath, ...plainTexts, byPlace].join(' SET ')} AS $drydock$
BEGIN
  ${body}
  RETURN NULL;
END $drydock$`;
  }

  // TRUNCATE tells no trigger what was there.
  #noteAll(table: NumberedTable): string {
    const name = `drydock.undo_truncate_${this.#run}_${table.relation}`;
    return `LOCK TABLE ${table.name} IN ACCESS EXCLUSIVE MODE;
CREATE FUNCTION ${name}() RETURNS void LANGUAGE plpgsql SET ${[plainPath, ...plainTexts, byPlace].join(' SET ')} AS $drydock$
BEGIN
  ${noteRows(
    { run: this.#run, table },
    `SELECT row_number() OVER () AS turn, ${rowAsTexts(table, 't')} AS row_was, NULL::jsonb AS row_became FROM ${table.name} t`,
  )};
END $drydock$;
SELECT ${name}();
DROP FUNCTION ${name}()`;
  }

  // A statement of rows names its tables. Code may name them anywhere: in its text, and in the text of
  // the functions that it calls.
  async #targets(node: Node, sql: string): Promise<readonly number[]> {
    const named = namedTables(node);
    if (named !== undefined) {
      const rows = await this.#database.query<{ relation: number }>(
        `SELECT to_regclass(name)::oid::int8::float8 AS relation FROM unnest($1::text[]) name
          WHERE to_regclass(name) IS NOT NULL`,
        [named],
      );
      return rows.map(({ relation }) => relation);
    }
    const rows = await this.#database.query<{ relation: number }>(
      `WITH said AS (
         SELECT ${quoteLiteral(sql)} || coalesce((SELECT string_agg(p.prosrc, ' ') FROM pg_proc p
           WHERE p.oid >= 16384 AND ${speaksOf(quoteLiteral(sql), 'p.proname')}), '') AS text)
       SELECT c.oid::int8::float8 AS relation FROM pg_class c, said
        WHERE c.relkind IN ('r', 'p') AND c.oid >= 16384 AND ${speaksOf('said.text', 'c.relname')}`,
    );
    return rows.map(({ relation }) => relation);
  }

  // Cascades, triggers that write elsewhere, partitions: what a change of rows may reach.
  async #reachedFrom(targets: readonly number[]): Promise<readonly number[]> {
    const rows = await this.#database.query<{ relation: number }>(
      `WITH RECURSIVE reached (oid) AS (
         SELECT unnest($1::int8[]::oid[])
         UNION
         SELECT next.oid FROM reached r CROSS JOIN LATERAL (
           SELECT k.conrelid AS oid FROM pg_constraint k
            WHERE k.contype = 'f' AND k.confrelid = r.oid AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))
           UNION ALL
           SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = r.oid
           UNION ALL
           SELECT p.inhparent FROM pg_inherits p JOIN pg_class c ON c.oid = p.inhparent WHERE p.inhrelid = r.oid AND c.relkind = 'p'
           UNION ALL
           SELECT c.oid FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid CROSS JOIN pg_class c
            WHERE t.tgrelid = r.oid AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgname NOT LIKE 'drydock\\_undo%'
              AND NOT ${capturesForRescue('t')}
              AND c.relkind IN ('r', 'p') AND c.oid >= 16384 AND ${speaksOf('f.prosrc', 'c.relname')}
         ) next)
       SELECT c.oid::int8::float8 AS relation FROM reached r JOIN pg_class c ON c.oid = r.oid
        WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
          AND c.relnamespace NOT IN ('drydock'::regnamespace, 'pg_catalog'::regnamespace)
          -- A trigger of a partitioned table is one of its partitions too.
          AND NOT EXISTS (SELECT FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent WHERE i.inhrelid = c.oid AND p.relkind = 'p')
          AND c.oid = ANY (SELECT unnest(relations_before) FROM drydock.undo_runs WHERE id = $2)
        ORDER BY c.oid`,
      [targets, this.#run],
    );
    return rows.map(({ relation }) => relation);
  }
}

/** Takes the triggers and their functions away; what is in use stays for the next try. */
export async function dropCapture(database: Database, run: string): Promise<void> {
  const left = await database.query<{ table: string; name: string }>(
    `SELECT t.tgrelid::regclass::text AS table, quote_ident(t.tgname) AS name
       FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid
      WHERE f.pronamespace = 'drydock'::regnamespace AND starts_with(f.proname, $1) AND NOT t.tgisinternal
        AND NOT EXISTS (SELECT FROM pg_inherits i JOIN pg_trigger p ON p.tgrelid = i.inhparent WHERE i.inhrelid = t.tgrelid AND p.tgfoid = t.tgfoid)`,
    [`undo_capture_${run}_`],
  );
  for (const trigger of left) await dropOne(database, trigger);
  await dropFunctions(database, run);
}

/** Drops the functions of a run that no trigger needs. */
export async function dropFunctions(database: Database, run: string): Promise<void> {
  const functions = await database.query<{ name: string }>(
    `SELECT f.oid::regprocedure::text AS name FROM pg_proc f
      WHERE f.pronamespace = 'drydock'::regnamespace AND starts_with(f.proname, $1)
        AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgfoid = f.oid)`,
    [`undo_capture_${run}_`],
  );
  for (const { name } of functions) await database.execute(`DROP FUNCTION ${name}`);
}

const mostTries = 60;

// It is switched off already: whoever reads the table is not to wait for this.
async function dropOne(
  database: Database,
  { table, name }: { readonly table: string; readonly name: string },
): Promise<void> {
  for (let tries = 1; tries <= mostTries; tries += 1) {
    try {
      await database.execute(
        `BEGIN; SET LOCAL lock_timeout = 100; DROP TRIGGER ${name} ON ${table}; COMMIT`,
      );
      return;
    } catch {
      await database.execute('ROLLBACK');
      await database.execute('SELECT pg_sleep(0.1)');
    }
  }
}

function namedTables(node: Node): readonly string[] | undefined {
  if ('TruncateStmt' in node) {
    return (node.TruncateStmt.relations ?? []).flatMap((each) =>
      'RangeVar' in each ? [nameOf(each.RangeVar)] : [],
    );
  }
  const isCode = ['SelectStmt', 'CallStmt', 'DoStmt', 'ExecuteStmt'].some((kind) => kind in node);
  if (isCode) return undefined;
  const names: string[] = [];
  collect(node, names);
  return names;
}

const rowChanges = ['InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt', 'CopyStmt'];

// The statement's own table, and those of its WITH queries.
function collect(value: unknown, names: string[]): void {
  if (Array.isArray(value)) {
    for (const each of value) collect(each, names);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (rowChanges.includes(key)) {
      const { relation } = inner as { readonly relation?: Parameters<typeof nameOf>[0] };
      if (relation !== undefined) names.push(nameOf(relation));
    }
    collect(inner, names);
  }
}

/** SQL: the text has the name in it, as a word. */
function speaksOf(text: string, name: string): string {
  return `${text} ~* ('(^|[^[:alnum:]_])' || regexp_replace(${name}::text, '([^[:alnum:]_])', '\\\\\\1', 'g') || '($|[^[:alnum:]_])')`;
}
