import { changes, type ObjectKind, ownObjects } from '../kind.ts';
import { givenTo, type NamedRow, namedColumns, ownedAgain } from '../named.ts';

interface Routine extends NamedRow {
  readonly signature: string;
  readonly definition: string;
}

export const routines: ObjectKind<Routine> = {
  kind: 'routine',
  query: `SELECT p.oid::text AS id, NULL AS parent,
                 format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS name,
                 pg_get_function_identity_arguments(p.oid) AS signature,
                 ${namedColumns('p.proname', 'p.proowner')}, pg_get_functiondef(p.oid) AS definition
            FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
           WHERE p.prokind <> 'a' AND ${ownObjects('pg_proc', 'p.oid')}
           ORDER BY p.oid`,
  create: (row) => changes(row.definition, givenTo('ROUTINE', row)),
  drop: ({ name }) => changes(`DROP ROUTINE ${name}`),
  rename: (now, was) =>
    now.signature === was.signature
      ? changes(
          now.plain !== was.plain && `ALTER ROUTINE ${now.name} RENAME TO ${was.plain}`,
          now.schema !== was.schema &&
            `ALTER ROUTINE ${now.schema}.${was.plain}(${was.signature}) SET SCHEMA ${was.schema}`,
        )
      : // Another argument type that has a new name itself: it has its old name again when that has.
        [],
  alter: (now, was) => [
    ...(now.definition === was.definition
      ? []
      : ([
          [
            was.definition,
            `DROP ROUTINE ${was.name}; ${was.definition}; ${givenTo('ROUTINE', was)}`,
            `DROP ROUTINE ${was.name} CASCADE; ${was.definition}; ${givenTo('ROUTINE', was)}`,
          ],
        ] as const)),
    ...ownedAgain('ROUTINE', now, was),
  ],
};
