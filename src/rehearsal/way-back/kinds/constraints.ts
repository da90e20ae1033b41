import { type CatalogRow, changes, type ObjectKind, ownObjects } from '../kind.ts';

/** A constraint of a table. */
export interface Constraint extends CatalogRow {
  readonly table: string;
  readonly plain: string;
  /** As pg_constraint has it: c, f, p, u, x. */
  readonly type: string;
  readonly definition: string;
  /** It comes and goes with the one of a parent table. */
  readonly inherited: boolean;
}

export const constraints: ObjectKind<Constraint> = {
  kind: 'constraint',
  query: `SELECT k.oid::text AS id, k.conrelid::text AS parent, format('%I.%I.%I', n.nspname, c.relname, k.conname) AS name,
                 format('%I.%I', n.nspname, c.relname) AS "table", quote_ident(k.conname) AS plain,
                 k.contype AS type, pg_get_constraintdef(k.oid) AS definition,
                 k.conparentid <> 0 OR NOT k.conislocal AS inherited
            FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE k.contype IN ('c', 'f', 'p', 'u', 'x')
             AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND ${ownObjects('pg_class', 'c.oid')}
           ORDER BY k.contype = 'f', k.conname, name`,
  create: (row) => changes(!row.inherited && added(row)),
  drop: (row) => changes(!row.inherited && dropped(row)),
  rename: (now, was) =>
    changes(`ALTER TABLE ${now.table} RENAME CONSTRAINT ${now.plain} TO ${was.plain}`),
  alter: (now, was) =>
    changes(
      !was.inherited && now.definition !== was.definition && `${dropped(was)}; ${added(was)}`,
    ),
};

function added({ table, plain, definition }: Constraint): string {
  return `ALTER TABLE ${table} ADD CONSTRAINT ${plain} ${definition}`;
}

function dropped({ table, plain }: Constraint): string {
  return `ALTER TABLE ${table} DROP CONSTRAINT ${plain}`;
}
