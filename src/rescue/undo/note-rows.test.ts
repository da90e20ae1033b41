import { afterEach, beforeEach, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../../test/database.ts';
import { install } from '../../history/install.ts';
import { connect, type Database } from '../../postgres/connect.ts';
import { byPlace, noteRows } from './note-rows.ts';

let fresh: TestDatabase;
let database: Database;

beforeEach(async () => {
  fresh = await testDatabase();
  database = await connect(fresh.address, { purpose: 'test' });
  await install(database);
  await database.execute(
    `INSERT INTO drydock.undo_runs (plan, versions, relations_before, begun_by) VALUES ('p', '{1}', '{}', 'me')`,
  );
});

afterEach(async () => {
  await database.close();
  await fresh.drop();
});

const noting = { run: '1', table: { relation: 5, key: [1] } };

type Text = string | null;

/** Notes rows in one statement: [key before, text before, key after, text after]. */
async function note(...rows: readonly (readonly [Text, Text, Text, Text])[]): Promise<void> {
  const literal = (key: Text, text: Text): string =>
    key === null ? 'NULL::jsonb' : `'${JSON.stringify({ 1: key, 2: text })}'::jsonb`;
  const values = rows.map(
    ([a, was, b, became], turn) => `(${turn}, ${literal(a, was)}, ${literal(b, became)})`,
  );
  const pairs = `SELECT * FROM (VALUES ${values.join(', ')}) AS v (turn, row_was, row_became)`;
  await database.execute(noteRows(noting, pairs));
}

function notes(): Promise<object[]> {
  return database.query(
    "SELECT key ->> '1' AS key, what, was, became FROM drydock.undo_rows ORDER BY id",
  );
}

it('a row has one note, from its first change to its last', async () => {
  await note(['1', 'old', '1', 'new'], ['2', 'old', '2', 'new'], ['3', 'old', null, null]);
  await note(['1', 'new', '1', 'newer'], ['2', 'new', null, null], [null, null, '3', 'again']);
  expect(await notes()).toEqual([
    { key: '1', what: 'updated', was: { 2: 'old' }, became: { 2: 'newer' } },
    { key: '2', what: 'deleted', was: { 1: '2', 2: 'old' }, became: null },
    { key: '3', what: 'updated', was: { 2: 'old' }, became: { 2: 'again' } },
  ]);
});

it('what comes to nothing is not noted', async () => {
  await note(['1', 'old', '1', 'new'], [null, null, '2', 'made']);
  await note(['1', 'new', '1', 'old'], ['2', 'made', null, null], ['3', 'same', '3', 'same']);
  expect(await notes()).toEqual([]);
});

it('a row that was made is noted as made, with its last values', async () => {
  await note([null, null, '1', 'made']);
  await note(['1', 'made', '1', 'changed']);
  expect(await notes()).toEqual([
    { key: '1', what: 'inserted', was: null, became: { 1: '1', 2: 'changed' } },
  ]);
});

it('a row may take the key that another one leaves in the same statement', async () => {
  await note(['1', 'a', '1', 'A'], ['2', 'b', '2', 'B']);
  await note(['1', 'A', '2', 'A'], ['2', 'B', '3', 'B']);
  expect(await notes()).toEqual([
    { key: '2', what: 'updated', was: { 1: '1', 2: 'a' }, became: { 1: '2', 2: 'A' } },
    { key: '3', what: 'updated', was: { 1: '2', 2: 'b' }, became: { 1: '3', 2: 'B' } },
  ]);
});

it('a note is found by its place, also by a plan that was made when there was none', async () => {
  const rows = 500;
  await database.execute(
    `CREATE FUNCTION note(was jsonb, became jsonb) RETURNS void LANGUAGE plpgsql SET ${byPlace} AS $$
     BEGIN ${noteRows(noting, 'SELECT 1 AS turn, note.was AS row_was, note.became AS row_became')}; END $$`,
  );
  const each = (was: string, became: string): string =>
    `SELECT note(${was}, ${became}) FROM generate_series(1, ${rows}) n`;
  const row = (text: string): string => `jsonb_build_object('1', n::text, '2', '${text}')`;
  await database.execute('BEGIN');
  await database.execute(each(row('old'), row('new')));
  await database.execute(each(row('new'), row('newer')));
  await database.execute(each(row('newer'), 'NULL'));
  // The first time nothing is found, then each note once.
  expect(
    await database.one(
      `SELECT seq_tup_read::int AS "bySequence", idx_tup_fetch::int AS "byIndex"
         FROM pg_stat_xact_user_tables WHERE relid = 'drydock.undo_rows'::regclass`,
    ),
  ).toEqual({ bySequence: 0, byIndex: 2 * rows });
  await database.execute('COMMIT');
});
