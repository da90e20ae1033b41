import { type CatalogRow, changes, type ObjectKind } from '../kind.ts';

interface Extension extends CatalogRow {
  readonly schema: string;
  readonly version: string;
}

export const extensions: ObjectKind<Extension> = {
  kind: 'extension',
  query: `SELECT e.oid::text AS id, quote_ident(e.extname) AS name, NULL AS parent,
                 quote_ident(n.nspname) AS schema, quote_literal(e.extversion) AS version
            FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace`,
  create: ({ name, schema, version }) =>
    changes(`CREATE EXTENSION ${name} SCHEMA ${schema} VERSION ${version}`),
  drop: ({ name }) => changes(`DROP EXTENSION ${name}`),
  alter: (now, was) =>
    changes(
      now.schema !== was.schema && `ALTER EXTENSION ${was.name} SET SCHEMA ${was.schema}`,
      now.version !== was.version && `ALTER EXTENSION ${was.name} UPDATE TO ${was.version}`,
    ),
};
