// The notes of rows that a migration changes: what one costs must not grow with their number.

import { expect, it } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { connect } from '../postgres/connect.ts';
import { install } from './install.ts';

it('a note is found by its place, also by the plan that was made when there was none', async () => {
  const rows = 500;
  await using fresh = await testDatabase();
  await using database = await connect(fresh.address, { purpose: 'test' });
  await install(database);
  await database.execute(
    `INSERT INTO drydock.undo_runs (plan, versions, relations_before, begun_by) VALUES ('p', '{1}', '{}', 'me')`,
  );
  const note = (was: string, became: string): string =>
    `SELECT drydock.undo_note(1, 5, '{1}', ${was}, ${became}) FROM generate_series(1, ${rows}) n`;
  const row = (text: string): string => `jsonb_build_object('1', n::text, '2', '${text}')`;
  await database.execute('BEGIN');
  await database.execute(note(row('old'), row('new')));
  await database.execute(note(row('new'), row('newer')));
  await database.execute(note(row('newer'), 'NULL'));
  const read = await database.one(
    `SELECT seq_tup_read::int AS "bySequence", idx_tup_fetch::int AS "byIndex"
       FROM pg_stat_xact_user_tables WHERE relid = 'drydock.undo_rows'::regclass`,
  );
  // The first time nothing is found, then each note once.
  expect(read).toEqual({ bySequence: 0, byIndex: 2 * rows });
  expect(
    await database.query(
      `SELECT what, was ->> '2' AS was, became, count(*)::int AS n FROM drydock.undo_rows GROUP BY 1, 2, 3`,
    ),
  ).toEqual([{ what: 'deleted', was: 'old', became: null, n: rows }]);
  await database.execute('COMMIT');
});
