import { type CatalogRow, changes, type ObjectKind } from '../kind.ts';

// What a plan made can be dropped by its name alone; for what it dropped no SQL is made here.
const classes = [
  'pg_cast',
  'pg_operator',
  'pg_opclass',
  'pg_opfamily',
  'pg_collation',
  'pg_conversion',
  'pg_ts_config',
  'pg_ts_dict',
  'pg_foreign_data_wrapper',
  'pg_foreign_server',
  'pg_publication',
  'pg_event_trigger',
];

/** Casts, operators, collations, publications and what else is rare; aggregates and range types. */
export const others: ObjectKind<CatalogRow> = {
  kind: 'other',
  query: `SELECT concat_ws('.', i.class, i.oid) AS id, NULL AS parent, upper(o.type) || ' ' || o.identity AS name
            FROM (${classes.map((each) => `SELECT '${each}' AS class, oid FROM ${each} WHERE oid >= 16384`).join(' UNION ALL ')}
                  UNION ALL SELECT 'pg_proc', oid FROM pg_proc WHERE prokind = 'a' AND oid >= 16384
                  UNION ALL SELECT 'pg_type', oid FROM pg_type WHERE typtype = 'r' AND oid >= 16384) i
            CROSS JOIN LATERAL pg_identify_object(i.class::regclass, i.oid, 0) o
           WHERE NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = i.class::regclass AND x.objid = i.oid
                                AND x.deptype IN ('e', 'i'))`,
  create: () => undefined,
  drop: ({ name }) => changes(`DROP ${name}`),
  alter: () => [],
};
