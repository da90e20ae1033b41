// A change that undo cannot take back although it is on: it is said before, with the statement and its line,
// and again by whoever wants it back.

import { expect, it } from 'vitest';
import { renderRehearsal } from '../src/cli/render/rehearsal.ts';
import { targetNamed } from '../src/process/project.ts';
import { gatherWays } from '../src/process/ways-back/evidence.ts';
import { undo } from '../src/process/ways-back/undo.ts';
import { commandProject, drydockJson } from './command.ts';
import { testDatabase } from './database.ts';
import { undoProject } from './undo-project.ts';

const schema = `CREATE TABLE users (id int PRIMARY KEY, name text);
  INSERT INTO users SELECT n, 'n' || n FROM generate_series(1, 20) n`;

it('is told with the plan, for people and for programs', async () => {
  await using database = await testDatabase({ sql: schema });
  await using project = await commandProject({
    databases: { production: database.address.connectionString() },
    rules: { production: { guarded: true, undo: true } },
    migrations: {
      '001_role.sql': '-- As another.\nSET ROLE pg_monitor;\nSELECT 1;\nRESET ROLE;\n',
      '002_batch.sql': "-- In batches.\n-- drydock: batch\nUPDATE users SET name = 'x';\n",
    },
  });
  const reasons = [
    '001_role:2 runs as another role: SET ROLE pg_monitor',
    "002_batch:3 changes rows in batches, which are not noted: UPDATE users SET name = 'x'",
  ];
  const { data } = await drydockJson(project, ['apply', 'production', '--dry-run']);
  expect(data.notKept).toEqual(reasons);
  const { stdout } = await project.drydock(['apply', 'production', '--dry-run']);
  const words = stdout.replaceAll(/\s+/g, ' ');
  expect(words).toContain('drydock undo cannot take this back: it is applied as it is written');
  for (const reason of reasons) expect(words).toContain(reason);
});

it('is told by the rehearsal, and again by undo and recover', async () => {
  await using one = await undoProject(schema);
  const reason = '001_harm:2 runs as another role: SET LOCAL ROLE pg_monitor';
  const report = await one.apply(
    'BEGIN; RESET ROLE; COMMIT; BEGIN; SET LOCAL ROLE pg_monitor; COMMIT;',
  );
  expect(report.notKept).toEqual([reason]);
  expect(report.rehearsal?.notKept).toEqual([reason]);
  if (report.rehearsal !== null) expect(renderRehearsal(report.rehearsal)).toContain(reason);
  await expect(one.undo()).rejects.toMatchObject({
    code: 'undo/nothing-to-undo',
    message: expect.stringContaining(reason),
  });
  const ways = await gatherWays(one.project, targetNamed(one.project, 'live'));
  expect(undo.judge(ways)).toMatchObject({
    possible: false,
    whyNot: expect.stringContaining(reason),
  });
});

it('says what its rehearsal could not bring back, where it was kept and not proven', async () => {
  await using one = await undoProject(
    `${schema}; CREATE SEQUENCE numbers; SELECT nextval('numbers')`,
  );
  await one.apply('DROP SEQUENCE numbers;');
  const refused = await one.undo().catch((failure: unknown) => failure);
  expect(refused).toMatchObject({ code: 'undo/not-proven' });
  expect(String(refused)).toMatch(/can be taken back: .*numbers/);
});
