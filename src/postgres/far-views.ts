// Materialised views that read other servers. A dump fills its views at the end of a restore, and one
// whose other server is not to be reached (from a throw-away server, in an emergency) would stop it.

import type { Database } from './connect.ts';

/** A filled materialised view. */
export interface FilledView {
  readonly name: string;
  /** In the database that was dumped: the archive names its entries by it. */
  readonly id: number;
}

/**
 * Finds those that read a foreign table or ask another server by a function, and those that read them in
 * turn; in the order of their making.
 */
export async function readFarViews(database: Database): Promise<FilledView[]> {
  // A rule depends on what its view reads (manual, 41.1); a partitioned table reads its partitions.
  return await database.query<FilledView>(
    `WITH RECURSIVE reads AS (
       SELECT r.ev_class AS reader, d.refobjid AS read
         FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
        WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class
       UNION SELECT inhparent, inhrelid FROM pg_inherits
     ), far AS (
       SELECT oid AS id FROM pg_class WHERE relkind = 'f'
       UNION
       SELECT r.ev_class FROM pg_rewrite r
         JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_proc'::regclass
         JOIN pg_depend e ON e.classid = 'pg_proc'::regclass AND e.objid = d.refobjid AND e.deptype = 'e'
         JOIN pg_extension x ON x.oid = e.refobjid
        WHERE x.extname IN ('dblink', 'plproxy', 'http')
       UNION SELECT reader FROM reads JOIN far ON read = far.id
     )
     SELECT format('%I.%I', n.nspname, c.relname) AS name, c.oid AS id
       FROM far JOIN pg_class c ON c.oid = far.id JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'm' AND c.relispopulated ORDER BY c.oid`,
  );
}
