// What a DROP would take with it: asked of the server itself, by doing it and taking it back.

import type { Database } from '../../postgres/connect.ts';
import { capturesForRescue } from '../watch.ts';

/** Something that a DROP takes with it. */
export interface Goer {
  readonly id: string;
  readonly kind:
    | 'constraint'
    | 'index'
    | 'view'
    | 'trigger'
    | 'policy'
    | 'rule'
    | 'routine'
    | 'table'
    | 'generated column';
  /** What drops it by itself; null for what is not dropped by itself. */
  readonly drop: string | null;
  readonly relation: number;
  /**
   * Of a constraint, as pg_constraint.contype has it; of a unique index `u`; of both `n` where NULL counts
   * as a value (15 and newer); else empty.
   */
  readonly type: string;
}

/**
 * Runs the DROP and takes it back, inside the open transaction.
 *
 * @throws what the server says of it
 */
export async function whatGoesWith(database: Database, drop: string): Promise<readonly Goer[]> {
  const before = await database.query<Goer>(everything);
  await database.execute('SAVEPOINT drydock_look');
  await database.execute(drop);
  const after = new Set((await database.query<Goer>(everything)).map(({ id }) => id));
  await database.execute('ROLLBACK TO SAVEPOINT drydock_look; RELEASE SAVEPOINT drydock_look');
  return before.filter(({ id }) => !after.has(id));
}

// Older servers lack the column.
const countsNull = "coalesce(to_jsonb(i) ->> 'indnullsnotdistinct' = 'true', false)";

// In the order of their making: a parent before what hangs on it.
const everything = `
  SELECT 'k' || k.oid AS id, 'constraint' AS kind, k.conrelid::int8::float8 AS relation,
         CASE WHEN k.contype = 'u' AND EXISTS (SELECT FROM pg_index i WHERE i.indexrelid = k.conindid AND ${countsNull}) THEN 'n' ELSE k.contype::text END AS type,
         format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE', k.conrelid::regclass, k.conname) AS drop, k.oid AS place
    FROM pg_constraint k WHERE k.conrelid <> 0 AND k.contype IN ('c', 'f', 'p', 'u', 'x')
  UNION ALL
  SELECT 'c' || c.oid, CASE WHEN c.relkind IN ('r', 'p') THEN 'table' WHEN c.relkind IN ('i', 'I') THEN 'index' ELSE 'view' END,
         coalesce((SELECT i.indrelid FROM pg_index i WHERE i.indexrelid = c.oid), c.oid)::int8::float8,
         (SELECT CASE WHEN ${countsNull} THEN 'n' WHEN i.indisunique THEN 'u' ELSE '' END FROM pg_index i WHERE i.indexrelid = c.oid),
         CASE c.relkind WHEN 'v' THEN format('DROP VIEW IF EXISTS %s CASCADE', c.oid::regclass)
                        WHEN 'm' THEN format('DROP MATERIALIZED VIEW IF EXISTS %s CASCADE', c.oid::regclass)
                        ELSE (SELECT format('DROP INDEX IF EXISTS %s', c.oid::regclass) FROM pg_index i
                               WHERE i.indexrelid = c.oid AND ${countsNull}
                                 AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid AND k.contype = 'u')) END, c.oid
    FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'i', 'I') AND c.relnamespace <> 'pg_catalog'::regnamespace
                      AND c.relpersistence <> 't' AND c.relnamespace <> 'pg_toast'::regnamespace
  UNION ALL
  SELECT 't' || t.oid, 'trigger', t.tgrelid::int8::float8, '', format('DROP TRIGGER IF EXISTS %I ON %s', t.tgname, t.tgrelid::regclass), t.oid
    FROM pg_trigger t WHERE NOT t.tgisinternal AND NOT ${capturesForRescue('t')}
  UNION ALL
  SELECT 'p' || p.oid, 'policy', p.polrelid::int8::float8, '', format('DROP POLICY IF EXISTS %I ON %s', p.polname, p.polrelid::regclass), p.oid
    FROM pg_policy p
  UNION ALL
  SELECT 'w' || w.oid, 'rule', w.ev_class::int8::float8, '', format('DROP RULE IF EXISTS %I ON %s', w.rulename, w.ev_class::regclass), w.oid
    FROM pg_rewrite w WHERE w.rulename <> '_RETURN' AND w.oid >= 16384
  UNION ALL
  SELECT 'f' || f.oid, 'routine', 0, '', format('DROP ROUTINE IF EXISTS %s CASCADE', f.oid::regprocedure), f.oid
    FROM pg_proc f WHERE f.oid >= 16384
  UNION ALL
  SELECT 'g' || a.attrelid || '.' || a.attnum, 'generated column', a.attrelid::int8::float8, '',
         format('ALTER TABLE %s DROP COLUMN IF EXISTS %I CASCADE', a.attrelid::regclass, a.attname), a.attrelid
    FROM pg_attribute a WHERE a.attgenerated <> '' AND NOT a.attisdropped
  ORDER BY place`;
