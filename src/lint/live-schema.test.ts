import { expect, it } from 'vitest';
import { testDatabase } from '../../test/database.ts';
import { check } from './check.ts';
import { exampleOf, given, known } from './examples.ts';
import { takeSnapshot } from './live-schema.ts';
import { rules } from './rules.ts';
import { modelOf, type SchemaSnapshot } from './snapshot.ts';

const { signal } = new AbortController();

async function snapshotOf(sql: string): Promise<SchemaSnapshot> {
  await using database = await testDatabase({ sql });
  return await takeSnapshot(database.address, signal);
}

it('a live schema gives the verdicts that the migrations which made it give', async () => {
  const snapshot = await snapshotOf(given.sql);
  // Every table of the examples is small, so that findings weigh less: what counts is the rules.
  for (const rule of rules) {
    for (const kind of ['bad', 'good'] as const) {
      const example = exampleOf(rule.id, kind);
      if (example.sql.includes('-- server:') || example.sql.includes('-- size:')) continue;
      const schema = known(example);
      // As a live database does, the history here tells of every table.
      schema.isComplete = true;
      const history = await check([example], { earlier: [given], schema });
      const live = await check([example], { schema: modelOf(snapshot) });
      const idsOf = (report: typeof live): string[] =>
        [...new Set(report.findings.map((finding) => finding.rule))].sort();
      expect(idsOf(live), example.path).toEqual(idsOf(history));
    }
  }
});

it('a snapshot is JSON that holds sizes, and neither rows nor expressions', async () => {
  const snapshot = await snapshotOf(
    "CREATE TABLE t (id int PRIMARY KEY, c text DEFAULT 'secret' CHECK (c <> 'secret' AND c IS NOT NULL)); INSERT INTO t VALUES (1, 'row');",
  );
  const text = JSON.stringify(snapshot);
  expect(text).not.toMatch(/secret|'row'/);
  const again = JSON.parse(text) as SchemaSnapshot;
  const table = modelOf(again).tables.get('public.t');
  expect(table?.size?.bytes).toBeGreaterThan(0);
  const report = await check(
    [{ path: '1.sql', sql: 'ALTER TABLE t ALTER COLUMN c SET NOT NULL;' }],
    {
      schema: modelOf(again),
    },
  );
  expect(report.findings.map((finding) => finding.rule)).not.toContain('set-not-null-scans');
});
