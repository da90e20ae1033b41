// What the tables of a database are, beside their rows.

import type { Database } from './connect.ts';

/** A table or a materialised view. */
export interface Relation {
  readonly id: number;
  readonly kind: 'table' | 'partitioned table' | 'foreign table' | 'materialised view';
  readonly persistence: 'permanent' | 'unlogged';
  readonly rowSecurity: boolean;
  /** False for a materialised view WITH NO DATA. */
  readonly filled: boolean;
}

/** The tables and materialised views by their qualified names, without those of extensions. */
export async function readRelations(database: Database): Promise<Record<string, Relation>> {
  const rows = await database.query<Relation & { name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, c.oid AS id,
            CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table'
                           WHEN 'f' THEN 'foreign table' ELSE 'materialised view' END AS kind,
            CASE c.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'permanent' END AS persistence,
            c.relrowsecurity AS "rowSecurity", c.relispopulated AS filled
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'f', 'm') AND c.relpersistence <> 't'
        AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                           AND d.objid = c.oid AND d.deptype = 'e')
      ORDER BY 1`,
  );
  return Object.fromEntries(rows.map(({ name, ...relation }) => [name, relation]));
}
