import { type CatalogRow, changes, type ObjectKind, ownObjects } from '../kind.ts';

/** An index that is no constraint's. */
interface Index extends CatalogRow {
  readonly schema: string;
  readonly plain: string;
  readonly table: string;
  readonly definition: string;
  readonly clustered: boolean;
  /** It is a part of a partitioned one, and comes and goes with it. */
  readonly inherited: boolean;
}

export const indexes: ObjectKind<Index> = {
  kind: 'index',
  query: `SELECT x.oid::text AS id, i.indrelid::text AS parent, format('%I.%I', n.nspname, x.relname) AS name,
                 quote_ident(n.nspname) AS schema, quote_ident(x.relname) AS plain, i.indrelid::regclass::text AS "table",
                 regexp_replace(pg_get_indexdef(x.oid), ' ON ONLY ', ' ON ') AS definition, i.indisclustered AS clustered,
                 x.relispartition AS inherited
            FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_namespace n ON n.oid = x.relnamespace
           WHERE x.relpersistence <> 't'
             AND i.indrelid NOT IN (SELECT oid FROM pg_class WHERE relkind = 't')
             AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.oid AND k.contype IN ('p', 'u', 'x'))
             AND ${ownObjects('pg_class', 'i.indrelid')}
           ORDER BY name`,
  create: (row) => (row.inherited ? [] : changes(row.definition, clustering(row))),
  drop: ({ name, inherited }) => changes(!inherited && `DROP INDEX ${name}`),
  rename: (now, was) => changes(`ALTER INDEX ${now.name} RENAME TO ${was.plain}`),
  alter: (now, was) =>
    changes(
      !was.inherited &&
        now.definition !== was.definition &&
        `DROP INDEX ${was.name}; ${was.definition}`,
      now.clustered !== was.clustered &&
        (was.clustered ? clustering(was) : `ALTER TABLE ${was.table} SET WITHOUT CLUSTER`),
    ),
};

function clustering({ clustered, table, plain }: Index): string | false {
  return clustered && `ALTER TABLE ${table} CLUSTER ON ${plain}`;
}
