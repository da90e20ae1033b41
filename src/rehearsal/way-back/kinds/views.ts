import { type Attempts, changes, type ObjectKind, ownObjects } from '../kind.ts';
import { givenTo, type NamedRow, namedColumns, ownedAgain, renamed } from '../named.ts';
import { optionChange } from './columns.ts';

interface View extends NamedRow {
  /** `VIEW` or `MATERIALIZED VIEW`. */
  readonly word: string;
  readonly definition: string;
  readonly options: readonly string[];
  readonly filled: boolean;
}

export const views: ObjectKind<View> = {
  kind: 'view',
  query: `SELECT c.oid::text AS id, format('%I.%I', n.nspname, c.relname) AS name, NULL AS parent,
                 ${namedColumns('c.relname', 'c.relowner')},
                 CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END AS word,
                 rtrim(pg_get_viewdef(c.oid), ';') AS definition, COALESCE(c.reloptions, '{}') AS options,
                 c.relispopulated AS filled
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relkind IN ('v', 'm') AND c.relpersistence <> 't' AND ${ownObjects('pg_class', 'c.oid')}
           ORDER BY c.oid`,
  create: (row) => changes(made(row), givenTo(row.word, row)),
  drop: ({ word, name }) => changes(`DROP ${word} ${name}`),
  rename: (now, was) => renamed(was.word, now, was),
  alter: (now, was) => [
    ...(now.definition === was.definition && now.word === was.word ? [] : [replaced(now, was)]),
    ...changes(...optionChange(`ALTER ${was.word} ${was.name}`, now.options, was.options)),
    ...ownedAgain(was.word, now, was),
  ],
};

function made({ word, name, options, definition, filled }: View): string {
  const given = options.length === 0 ? '' : ` WITH (${options.join(', ')})`;
  const data = word === 'VIEW' || filled ? '' : ' WITH NO DATA';
  return `CREATE ${word} ${name}${given} AS\n${definition}${data}`;
}

// A replaced view may not lose columns (manual, CREATE VIEW). Views that read it come back after it.
function replaced(now: View, was: View): Attempts {
  const again = `${made(was)}; ${givenTo(was.word, was)}`;
  const anew = `DROP ${now.word} ${was.name}; ${again}`;
  const withReaders = `DROP ${now.word} ${was.name} CASCADE; ${again}`;
  return was.word === 'VIEW' && now.word === 'VIEW'
    ? [made(was).replace('CREATE', 'CREATE OR REPLACE'), anew, withReaders]
    : [anew, withReaders];
}
