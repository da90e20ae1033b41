// Parents that have got another key since the migration, while the rows that refer to them were away. The old
// rule would have taken these along; they go to where their parent is now.

import type { Database } from '../../postgres/connect.ts';

/** A foreign key of a table. */
interface Reference {
  readonly child: string;
  readonly parent: string;
  readonly parentRelation: number;
  readonly pairs: readonly {
    readonly name: string;
    readonly number: number;
    readonly type: string;
    readonly parentName: string;
    readonly parentNumber: number;
  }[];
}

/** Lets notes of a table name their parents by the keys that these have now. */
export async function notesFollow(
  database: Database,
  run: string,
  { relation, ids }: { readonly relation: number; readonly ids: readonly string[] },
): Promise<void> {
  for (const reference of await movedReferences(database, run, { relation })) {
    const { parent, parentRelation, pairs } = reference;
    const became = pairs.map(
      ({ number, parentNumber }) => `'${number}', m.became -> '${parentNumber}'`,
    );
    const refers = pairs.map(
      ({ number, parentNumber }) => `r.was ->> '${number}' = m.was ->> '${parentNumber}'`,
    );
    const isThere = pairs.map(
      ({ parentName, number, type }) => `p.${parentName} = (r.was ->> '${number}')::${type}`,
    );
    await database.query(
      `UPDATE drydock.undo_rows r SET was = r.was || pg_catalog.jsonb_build_object(${became.join(', ')})
         FROM drydock.undo_moves m
        WHERE r.id = ANY ($1) AND m.run = r.run AND m.relation = ${parentRelation} AND ${refers.join(' AND ')}
          AND NOT EXISTS (SELECT FROM ${parent} p WHERE ${isThere.join(' AND ')})`,
      [ids],
    );
  }
}

/** Lets the rows of a table follow by one foreign key. */
export async function rowsFollow(
  database: Database,
  run: string,
  constraint: { readonly relation: number; readonly name: string },
): Promise<void> {
  for (const reference of await movedReferences(database, run, constraint)) {
    const { child, parent, parentRelation, pairs } = reference;
    const sets = pairs.map(
      ({ name, type, parentNumber }) => `${name} = (m.became ->> '${parentNumber}')::${type}`,
    );
    const refers = pairs.map(
      ({ name, parentNumber }) => `t.${name}::text = m.was ->> '${parentNumber}'`,
    );
    const isThere = pairs.map(({ name, parentName }) => `p.${parentName} = t.${name}`);
    await database.query(
      `UPDATE ${child} t SET ${sets.join(', ')} FROM drydock.undo_moves m
        WHERE m.run = $1 AND m.relation = ${parentRelation} AND ${refers.join(' AND ')}
          AND NOT EXISTS (SELECT FROM ${parent} p WHERE ${isThere.join(' AND ')})`,
      [run],
    );
  }
}

async function movedReferences(
  database: Database,
  run: string,
  { relation, name = null }: { readonly relation: number; readonly name?: string | null },
): Promise<readonly Reference[]> {
  const moves = 'SELECT FROM drydock.undo_moves WHERE run = $1 LIMIT 1';
  if ((await database.query(moves, [run])).length === 0) return [];
  return database.query<Reference>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS child, format('%I.%I', m.nspname, f.relname) AS parent,
            k.confrelid::int8::float8 AS "parentRelation",
            (SELECT json_agg(json_build_object('name', quote_ident(a.attname), 'number', a.attnum,
                      'type', format_type(a.atttypid, a.atttypmod),
                      'parentName', quote_ident(b.attname), 'parentNumber', b.attnum))
               FROM unnest(k.conkey, k.confkey) AS pair (own, other)
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = pair.own
               JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = pair.other) AS pairs
       FROM pg_constraint k
       JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace m ON m.oid = f.relnamespace
      WHERE k.contype = 'f' AND k.conrelid = $1::int8::oid AND ($2::text IS NULL OR quote_ident(k.conname) = $2)
        AND k.confrelid IN (SELECT relation FROM drydock.undo_moves WHERE run = $3)
        AND NOT EXISTS (SELECT FROM pg_constraint p WHERE p.oid = k.conparentid AND p.conrelid = k.conrelid)`,
    [relation, name, run],
  );
}
