import { changes, type ObjectKind, ownObjects } from '../kind.ts';
import { givenTo, type NamedRow, namedColumns, ownedAgain, renamed } from '../named.ts';

interface Statistics extends NamedRow {
  readonly definition: string;
}

/** Extended statistics (manual, CREATE STATISTICS). */
export const statistics: ObjectKind<Statistics> = {
  kind: 'statistics',
  query: `SELECT s.oid::text AS id, s.stxrelid::text AS parent, format('%I.%I', n.nspname, s.stxname) AS name,
                 ${namedColumns('s.stxname', 's.stxowner')}, pg_get_statisticsobjdef(s.oid) AS definition
            FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
           WHERE ${ownObjects('pg_statistic_ext', 's.oid')}
           ORDER BY name`,
  create: (row) => changes(row.definition, givenTo('STATISTICS', row)),
  // It may have gone with a column.
  drop: ({ name }) => changes(`DROP STATISTICS IF EXISTS ${name}`),
  rename: (now, was) => renamed('STATISTICS', now, was),
  alter: (now, was) => [
    ...changes(
      now.definition !== was.definition &&
        `DROP STATISTICS ${was.name}; ${was.definition}; ${givenTo('STATISTICS', was)}`,
    ),
    ...ownedAgain('STATISTICS', now, was),
  ],
};
