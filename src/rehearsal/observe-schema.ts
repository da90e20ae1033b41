// Every relation of the copy before the plan: only a lock on one of these can keep others waiting.

import type { Database } from '../postgres/connect.ts';

/** A table, index, view or other relation. */
export interface KnownRelation {
  readonly oid: string;
  /** Without `public.`, which most migrations leave out. */
  readonly name: string;
  /** `pg_class.relkind`: `r` table, `p` partitioned, `m` materialized view, `i` index, `v` view. */
  readonly kind: string;
  /** Of an index: the oid of its table. */
  readonly table: string | null;
  /** Number of its file, which changes when it is written anew. */
  readonly node: string | null;
  /** With its TOAST table, without its indexes. */
  readonly bytes: number;
  /** As the last ANALYZE counted them; 0 before the first one. */
  readonly rows: number;
}

interface RelationRow extends Omit<KnownRelation, 'bytes' | 'rows'> {
  readonly bytes: string | null;
  readonly rows: number;
}

/** Reads the relations of every schema but the server's and Drydock's own; only some when named. */
export async function readRelations(
  database: Database,
  oids: readonly string[] | null = null,
): Promise<ReadonlyMap<string, KnownRelation>> {
  const rows = await database.query<RelationRow>(
    `SELECT c.oid::text, c.relkind AS kind, i.indrelid::text AS table,
            CASE WHEN n.nspname = 'public' THEN quote_ident(c.relname)
                 ELSE format('%I.%I', n.nspname, c.relname) END AS name,
            pg_relation_filenode(c.oid)::text AS node, pg_table_size(c.oid)::text AS bytes,
            greatest(c.reltuples, 0)::float8 AS rows
       FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_index i ON i.indexrelid = c.oid
      WHERE c.relkind IN ('r', 'p', 'm', 'i', 'I', 'v', 'f', 'S')
        AND n.nspname !~ '^(pg_|information_schema$|drydock)'
        ${oids === null ? '' : 'AND c.oid = ANY ($1)'}`,
    oids === null ? [] : [oids],
  );
  return new Map(rows.map((row) => [row.oid, { ...row, bytes: Number(row.bytes ?? 0) }]));
}

/** The object ids of the indexes on those tables, now. */
export async function indexesOn(
  database: Database,
  tables: readonly string[],
): Promise<readonly string[]> {
  const rows = await database.query<{ oid: string }>(
    'SELECT indexrelid::text AS oid FROM pg_index WHERE indrelid = ANY ($1)',
    [tables],
  );
  return rows.map(({ oid }) => oid);
}

/** True for what an application reads and writes by name. */
export function isTable({ kind }: Pick<KnownRelation, 'kind'>): boolean {
  return ['r', 'p', 'm', 'v', 'f'].includes(kind);
}
