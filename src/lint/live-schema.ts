// Takes a snapshot of a live database: a few catalog queries in one read-only transaction.

import type { Address } from '../postgres/address.ts';
import { connect, type Database } from '../postgres/connect.ts';
import { parseSql } from '../postgres/parser.ts';
import type { ColumnModel, ConstraintModel, IndexModel, TypeModel } from './model/schema.ts';
import type { SchemaSnapshot, TableSnapshot } from './snapshot.ts';
import { columnsProvedNotNull, type Volatility } from './sql/expression.ts';
import { pick, pickAll } from './sql/node.ts';
import { type DataType, dataType } from './sql/type-name.ts';

/** Reads the schema of a database. Nothing is written, and no row is looked at. */
export async function takeSnapshot(address: Address, signal: AbortSignal): Promise<SchemaSnapshot> {
  await using database = await connect(address, { purpose: 'schema snapshot', signal });
  return await database.transaction(
    async () => ({
      kind: 'schema-snapshot',
      version: 1,
      takenAt: new Date().toISOString(),
      serverVersion: database.version,
      tables: await tablesOf(database),
      indexes: await indexesOf(database),
      types: await typesOf(database),
      views: await viewsOf(database),
      routines: await routinesOf(database),
    }),
    { begin: ['BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY'] },
  );
}

// Drydock's own schema is no part of what a team migrates.
const userSchemas = `n.nspname NOT IN ('pg_catalog', 'information_schema', 'drydock') AND n.nspname !~ '^pg_'`;

interface TableRow {
  readonly oid: number;
  readonly key: string;
  readonly relkind: string;
  readonly rows: number;
  readonly bytes: string;
  readonly calls: number;
  readonly published: boolean;
  readonly parent: string | null;
  readonly is_default: boolean;
  readonly partition_key: string[] | null;
}

async function tablesOf(database: Database): Promise<TableSnapshot[]> {
  const rows = await database.query<TableRow>(
    `SELECT c.oid::int, n.nspname || '.' || c.relname AS key, c.relkind, c.reltuples::float8 AS rows,
       pg_total_relation_size(c.oid)::text AS bytes,
       coalesce((s.seq_scan + coalesce(s.idx_scan, 0) + s.n_tup_ins + s.n_tup_upd + s.n_tup_del)
         / greatest(extract(epoch FROM now() - coalesce(d.stats_reset, pg_postmaster_start_time())), 1), 0)::float8 AS calls,
       EXISTS (SELECT FROM pg_publication_tables p WHERE p.schemaname = n.nspname AND p.tablename = c.relname) AS published,
       (SELECT pn.nspname || '.' || pc.relname FROM pg_inherits i JOIN pg_class pc ON pc.oid = i.inhparent
          JOIN pg_namespace pn ON pn.oid = pc.relnamespace WHERE i.inhrelid = c.oid AND c.relispartition) AS parent,
       coalesce(pg_get_expr(c.relpartbound, c.oid) = 'DEFAULT', false) AS is_default,
       (SELECT array_agg(a.attname::text) FROM pg_partitioned_table p JOIN pg_attribute a
          ON a.attrelid = p.partrelid AND a.attnum = ANY (p.partattrs::int2[]) WHERE p.partrelid = c.oid) AS partition_key
     FROM pg_class c
     JOIN pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
     LEFT JOIN pg_stat_database d ON d.datname = current_database()
     WHERE c.relkind IN ('r', 'p', 'm') AND ${userSchemas}
     ORDER BY key`,
  );
  const columns = await columnsOfTables(database);
  const constraints = await constraintsOfTables(database);
  return rows.map((row) => ({
    key: row.key,
    kind:
      row.relkind === 'p'
        ? 'partitioned table'
        : row.relkind === 'm'
          ? 'materialized view'
          : 'table',
    size: {
      rows: Math.max(0, Math.round(row.rows)),
      bytes: Number(row.bytes),
      callsPerSecond: Math.round(row.calls * 10) / 10,
    },
    published: row.published,
    partitionOf: row.parent,
    isDefaultPartition: row.is_default,
    partitionKey: row.partition_key,
    columns: columns.get(row.oid) ?? [],
    constraints: constraints.get(row.oid) ?? [],
  }));
}

async function columnsOfTables(database: Database): Promise<Map<number, ColumnModel[]>> {
  const rows = await database.query<{
    table: number;
    name: string;
    type: string;
    not_null: boolean;
    has_default: boolean;
  }>(
    `SELECT a.attrelid::int AS table, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
       a.attnotnull AS not_null, a.atthasdef OR a.attidentity <> '' AS has_default
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'm') AND ${userSchemas}
     ORDER BY a.attrelid, a.attnum`,
  );
  const types = await parsedTypes(rows.map((row) => row.type));
  const byTable = new Map<number, ColumnModel[]>();
  for (const row of rows) {
    const list = byTable.get(row.table) ?? [];
    const type = types.get(row.type) ?? dataType(undefined);
    list.push({ name: row.name, type, notNull: row.not_null, hasDefault: row.has_default });
    byTable.set(row.table, list);
  }
  return byTable;
}

// The server's spelling of a type is SQL: the parser turns it into the one that migrations use.
async function parsedTypes(spellings: readonly string[]): Promise<Map<string, DataType>> {
  const types = new Map<string, DataType>();
  for (const spelling of new Set(spellings)) {
    const [statement] = (await parseSql(`SELECT NULL::${spelling}`)).statements;
    const [target] = pickAll(pick(statement?.node, 'SelectStmt')?.targetList, 'ResTarget');
    types.set(spelling, dataType(pick(target?.val, 'TypeCast')?.typeName));
  }
  return types;
}

const constraintKinds: Readonly<Record<string, ConstraintModel['kind']>> = {
  c: 'check',
  f: 'foreign key',
  u: 'unique',
  p: 'primary key',
  x: 'exclusion',
  n: 'not null',
};

async function constraintsOfTables(
  database: Database,
): Promise<Map<number, Omit<ConstraintModel, 'transaction'>[]>> {
  const rows = await database.query<{
    table: number;
    name: string;
    kind: string;
    columns: string[];
    validated: boolean;
    target: string | null;
    definition: string;
  }>(
    `SELECT k.conrelid::int AS table, k.conname AS name, k.contype AS kind, k.convalidated AS validated,
       ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u(num, at)
         JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num ORDER BY u.at) AS columns,
       (SELECT fn.nspname || '.' || fc.relname FROM pg_class fc JOIN pg_namespace fn ON fn.oid = fc.relnamespace
         WHERE fc.oid = k.confrelid) AS target,
       pg_get_constraintdef(k.oid) AS definition
     FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE k.contype IN ('c', 'f', 'u', 'p', 'x', 'n') AND ${userSchemas}`,
  );
  const byTable = new Map<number, Omit<ConstraintModel, 'transaction'>[]>();
  for (const row of rows) {
    const list = byTable.get(row.table) ?? [];
    list.push({
      name: row.name,
      kind: constraintKinds[row.kind] ?? 'check',
      columns: row.columns,
      validated: row.validated,
      provesNotNull: row.kind === 'c' ? await provedBy(row.definition) : [],
      references: row.target ?? undefined,
    });
    byTable.set(row.table, list);
  }
  return byTable;
}

async function provedBy(definition: string): Promise<string[]> {
  const [statement] = (await parseSql(`ALTER TABLE t ADD ${definition}`)).statements;
  const [command] = pickAll(pick(statement?.node, 'AlterTableStmt')?.cmds, 'AlterTableCmd');
  return columnsProvedNotNull(pick(command?.def, 'Constraint')?.raw_expr);
}

async function indexesOf(database: Database): Promise<Record<string, IndexModel>> {
  const rows = await database.query<IndexModel & { key: string }>(
    `SELECT n.nspname || '.' || c.relname AS key, c.relname AS name, tn.nspname || '.' || t.relname AS table,
       i.indisunique AS "isUnique", i.indpred IS NOT NULL AS "isPartial",
       -- Columns of the keys are no dependencies of this index's own kind once an expression reads them.
       ARRAY(SELECT DISTINCT a.attname::text FROM pg_depend d JOIN pg_attribute a
         ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
         WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refobjid = i.indrelid
           AND d.refobjsubid > 0 AND d.refobjsubid <> ALL (i.indkey::int2[])) AS "readsColumns",
       ARRAY(SELECT coalesce(a.attname::text, '') FROM unnest(i.indkey::int[]) WITH ORDINALITY u(num, at)
         LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.num AND u.num > 0
         WHERE u.at <= i.indnkeyatts ORDER BY u.at) AS columns
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
     WHERE i.indisvalid AND ${userSchemas} ORDER BY key`,
  );
  return Object.fromEntries(rows.map(({ key, ...index }) => [key, index]));
}

async function typesOf(database: Database): Promise<Record<string, TypeModel>> {
  const rows = await database.query<{
    key: string;
    kind: string;
    base: string | null;
    constrained: boolean;
  }>(
    `SELECT n.nspname || '.' || t.typname AS key, t.typtype AS kind, format_type(t.typbasetype, t.typtypmod) AS base,
       t.typnotnull OR EXISTS (SELECT FROM pg_constraint k WHERE k.contypid = t.oid) AS constrained
     FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
     LEFT JOIN pg_class c ON c.oid = t.typrelid
     WHERE (t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c') AND ${userSchemas} ORDER BY key`,
  );
  const bases = await parsedTypes(
    rows.flatMap((row) => (row.kind === 'd' && row.base ? [row.base] : [])),
  );
  return Object.fromEntries(
    rows.map((row): [string, TypeModel] => {
      if (row.kind === 'e') return [row.key, { kind: 'enum', madeIn: 0, transaction: 0 }];
      if (row.kind !== 'd') return [row.key, { kind: 'other' }];
      const base = bases.get(row.base ?? '') ?? dataType(undefined);
      return [row.key, { kind: 'domain', madeIn: 0, isConstrained: row.constrained, base }];
    }),
  );
}

async function viewsOf(database: Database): Promise<Record<string, string[]>> {
  const rows = await database.query<{ view: string; columns: string[] }>(
    `SELECT n.nspname || '.' || v.relname AS view,
       array_agg(DISTINCT tn.nspname || '.' || t.relname || '.' || a.attname) AS columns
     FROM pg_rewrite r JOIN pg_class v ON v.oid = r.ev_class JOIN pg_namespace n ON n.oid = v.relnamespace
     JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
       AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
     JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace tn ON tn.oid = t.relnamespace
     JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
     WHERE v.relkind IN ('v', 'm') AND ${userSchemas} GROUP BY 1`,
  );
  return Object.fromEntries(rows.map((row) => [row.view, row.columns]));
}

async function routinesOf(database: Database): Promise<Record<string, Volatility>> {
  const rows = await database.query<{ name: string; volatile: string; language: string }>(
    `SELECT p.proname AS name, p.provolatile AS volatile, l.lanname AS language
     FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
     WHERE ${userSchemas}`,
  );
  return Object.fromEntries(
    rows.map(({ name, volatile, language }): [string, Volatility] => {
      if (volatile !== 'v') return [name, 'once'];
      // A simple SQL function is inlined before its volatility matters.
      return [name, language === 'sql' ? 'unknown' : 'each row'];
    }),
  );
}
