import { type CatalogRow, changes, type ObjectKind, ownObjects } from '../kind.ts';

interface Rule extends CatalogRow {
  readonly table: string;
  readonly plain: string;
  readonly definition: string;
}

export const rules: ObjectKind<Rule> = {
  kind: 'rule',
  query: `SELECT w.oid::text AS id, w.ev_class::text AS parent, format('%I.%I.%I', n.nspname, c.relname, w.rulename) AS name,
                 format('%I.%I', n.nspname, c.relname) AS "table", quote_ident(w.rulename) AS plain,
                 pg_get_ruledef(w.oid) AS definition
            FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE w.rulename <> '_RETURN' AND ${ownObjects('pg_class', 'c.oid')}
           ORDER BY name`,
  create: ({ definition }) => changes(definition),
  drop: ({ table, plain }) => changes(`DROP RULE ${plain} ON ${table}`),
  rename: (now, was) => changes(`ALTER RULE ${now.plain} ON ${now.table} RENAME TO ${was.plain}`),
  alter: (now, was) =>
    changes(
      now.definition !== was.definition &&
        was.definition.replace('CREATE RULE', 'CREATE OR REPLACE RULE'),
    ),
};
