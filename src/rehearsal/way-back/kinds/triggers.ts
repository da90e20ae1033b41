import { type CatalogRow, changes, type ObjectKind, ownObjects } from '../kind.ts';

interface Trigger extends CatalogRow {
  readonly table: string;
  readonly plain: string;
  readonly definition: string;
  /** `ENABLE`, `DISABLE`, `ENABLE REPLICA` or `ENABLE ALWAYS`. */
  readonly mode: string;
}

export const triggers: ObjectKind<Trigger> = {
  kind: 'trigger',
  query: `SELECT t.oid::text AS id, t.tgrelid::text AS parent, format('%I.%I.%I', n.nspname, c.relname, t.tgname) AS name,
                 format('%I.%I', n.nspname, c.relname) AS "table", quote_ident(t.tgname) AS plain,
                 pg_get_triggerdef(t.oid) AS definition,
                 CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA'
                                  WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END AS mode
            FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND ${ownObjects('pg_class', 'c.oid')}
           ORDER BY name`,
  create: (row) => changes(row.definition, row.mode !== 'ENABLE' && mode(row)),
  drop: ({ table, plain }) => changes(`DROP TRIGGER ${plain} ON ${table}`),
  rename: (now, was) =>
    changes(`ALTER TRIGGER ${now.plain} ON ${now.table} RENAME TO ${was.plain}`),
  alter: (now, was) =>
    changes(
      now.definition !== was.definition &&
        `DROP TRIGGER ${was.plain} ON ${was.table}; ${was.definition}; ${mode(was)}`,
      now.definition === was.definition && now.mode !== was.mode && mode(was),
    ),
};

function mode({ table, mode: wanted, plain }: Trigger): string {
  return `ALTER TABLE ${table} ${wanted} TRIGGER ${plain}`;
}
