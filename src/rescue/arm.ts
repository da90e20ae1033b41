// What is changed in a database so that a stream tells its writes. Everything is written into the run before it is
// done.

import type { OldIdentity } from '../history/rescue-runs.ts';
import { rescuePublication } from '../history/rescue-runs.ts';
import type { Database } from '../postgres/connect.ts';

// A row this wide is written to the log twice by each update of one of its columns.
const wideBytes = 2_000;

/** A table that is to be followed. */
export interface ArmableTable {
  readonly relation: number;
  /** Qualified and quoted. */
  readonly table: string;
  /** What stands after REPLICA IDENTITY now. */
  readonly identity: string;
  /** Whether updates and deletes can be followed without whole old rows. */
  readonly hasKey: boolean;
  /** Bytes of one row, as statistics and size of its large values tell. */
  readonly rowBytes: number;
  /** Whether it is named in the publication itself; partitions come with their table. */
  readonly isRoot: boolean;
  readonly kind: 'r' | 'p';
}

/** How a table is followed. */
export interface IdentityPlan {
  /** Tables whose updates bring the whole old row from now on. */
  readonly whole: readonly ArmableTable[];
  /**
   * Wide tables that keep their identity: each update would log the whole old row, with all its large
   * values. A migration that touches one of them makes the rescue impossible, and nothing else does.
   */
  readonly wide: readonly ArmableTable[];
}

/** Chooses: whole old rows tell what the application changed, and cost log. */
export function planIdentities(tables: readonly ArmableTable[]): IdentityPlan {
  const plain = tables.filter(({ kind }) => kind === 'r');
  const isWide = ({ rowBytes, hasKey }: ArmableTable): boolean => hasKey && rowBytes > wideBytes;
  return {
    whole: plain.filter((table) => !isWide(table) && table.identity !== 'FULL'),
    wide: plain.filter((table) => isWide(table) && table.identity !== 'FULL'),
  };
}

/** The tables of a database that the application writes to. */
export async function readArmable(database: Database): Promise<readonly ArmableTable[]> {
  return await database.query<ArmableTable>(
    `SELECT t.oid::int8::float8 AS relation, format('%I.%I', n.nspname, t.relname) AS table, t.relkind AS kind,
            NOT t.relispartition AS "isRoot",
            CASE t.relreplident WHEN 'd' THEN 'DEFAULT' WHEN 'n' THEN 'NOTHING' WHEN 'f' THEN 'FULL'
                 ELSE 'USING INDEX ' || (SELECT quote_ident(i.relname) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
                                          WHERE x.indrelid = t.oid AND x.indisreplident) END AS identity,
            CASE t.relreplident WHEN 'd' THEN EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary AND i.indimmediate)
                 ELSE t.relreplident IN ('i', 'f') END AS "hasKey",
            (coalesce((SELECT sum(avg_width) FROM pg_stats s WHERE s.schemaname = n.nspname AND s.tablename = t.relname AND NOT s.inherited), 0)
             + CASE WHEN t.reltoastrelid = 0 THEN 0
                    ELSE pg_relation_size(t.reltoastrelid) / greatest(t.reltuples, 1) END)::float8 AS "rowBytes"
       FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
      WHERE t.relkind IN ('r', 'p') AND t.relpersistence = 'p' AND n.nspname NOT IN ('drydock', 'information_schema')
        AND n.nspname !~ '^pg_'
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = t.oid AND d.deptype = 'e')
      ORDER BY 2`,
  );
}

/** The identities of a plan as they are now. */
export function oldIdentities({ whole }: IdentityPlan): readonly OldIdentity[] {
  return whole.map(({ relation, table, identity }) => ({ relation, table, identity }));
}

/** Makes the old rows whole: a short turn of its own for each table. */
export function wholeRowsOf({ table }: Pick<ArmableTable, 'table'>): string {
  return `ALTER TABLE ${table} REPLICA IDENTITY FULL`;
}

/** Publishes everything. After the identities, before the slot. */
export function publish(tables: readonly ArmableTable[]): string {
  const roots = tables.filter(({ isRoot }) => isRoot).map(({ table }) => table);
  return `CREATE PUBLICATION ${rescuePublication} FOR TABLE ${[...roots, 'drydock.rescue_marks'].join(', ')}`;
}
