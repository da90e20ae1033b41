// A cheap answer to "was anything in the catalogs changed?". Every row of a catalog carries the
// transaction that wrote it (xmin; manual, 5.6): the rows' keys and writers together are another value
// after any change of a schema. It costs a tenth of a fingerprint, whose place it cannot take: a restore,
// a temporary table or VACUUM FULL of a catalog gives another stamp to the same schema.

import type { Database } from './connect.ts';

/** A catalog, the column that names its rows, and which rows belong to databases' own objects. */
type Catalog = readonly [name: string, key: string, condition?: string];

// Objects that came with the server have ids below this one (manual, 54, FirstNormalObjectId).
const own = (key: string): string => `${key} >= 16384`;

const catalogs: readonly Catalog[] = [
  ['pg_class', 'oid'],
  ['pg_attribute', 'attrelid'],
  ['pg_attrdef', 'oid'],
  ['pg_constraint', 'oid'],
  ['pg_index', 'indexrelid'],
  ['pg_inherits', 'inhrelid'],
  ['pg_partitioned_table', 'partrelid'],
  ['pg_sequence', 'seqrelid'],
  ['pg_rewrite', 'oid'],
  ['pg_trigger', 'oid'],
  ['pg_policy', 'oid'],
  ['pg_proc', 'oid'],
  ['pg_aggregate', 'aggfnoid'],
  ['pg_type', 'oid'],
  ['pg_enum', 'oid'],
  ['pg_range', 'rngtypid'],
  ['pg_operator', 'oid'],
  ['pg_opclass', 'oid'],
  ['pg_amop', 'oid'],
  ['pg_amproc', 'oid'],
  ['pg_cast', 'oid'],
  ['pg_collation', 'oid'],
  ['pg_ts_dict', 'oid'],
  ['pg_ts_config', 'oid'],
  ['pg_ts_config_map', 'mapcfg'],
  ['pg_statistic_ext', 'oid'],
  ['pg_extension', 'oid'],
  ['pg_event_trigger', 'oid'],
  ['pg_publication', 'oid'],
  ['pg_publication_rel', 'oid'],
  ['pg_foreign_data_wrapper', 'oid'],
  ['pg_foreign_server', 'oid'],
  ['pg_foreign_table', 'ftrelid'],
  ['pg_language', 'oid'],
  ['pg_default_acl', 'oid'],
  ['pg_depend', 'objid'],
  ['pg_seclabel', 'objoid'],
  // The schema public came with the server, and is everybody's to change.
  ['pg_namespace', 'oid', 'true'],
  ['pg_description', 'objoid', `${own('objoid')} OR classoid = 'pg_namespace'::regclass`],
];

/** The stamp of a database's catalogs. */
export async function schemaStamp(database: Database): Promise<string> {
  const since15: readonly Catalog[] =
    database.version >= 150_000 ? [['pg_publication_namespace', 'oid']] : [];
  // Ordinary roles may read neither pg_authid nor pg_user_mapping; names are all that counts of them.
  const { stamp } = await database.one<{ stamp: string }>(
    `SELECT md5(string_agg(concat_ws(' ', catalog, number, sum), ',' ORDER BY catalog)) AS stamp
     FROM (${[...catalogs, ...since15].map(rowsOf).join(' UNION ALL ')}
       UNION ALL SELECT 'pg_roles', count(*), sum(hashtextextended(rolname, oid::bigint))
                   FROM pg_catalog.pg_roles
       UNION ALL SELECT 'pg_user_mappings', count(*),
                        sum(hashtextextended(concat(srvname, ' ', usename), umid::bigint))
                   FROM pg_catalog.pg_user_mappings
     ) AS stamps (catalog, number, sum)`,
  );
  return stamp;
}

function rowsOf([name, key, condition]: Catalog): string {
  return `SELECT '${name}', count(*), sum(hashint8extended(xmin::text::bigint, ${key}::bigint))
       FROM pg_catalog.${name} WHERE ${condition ?? own(key)}`;
}
