// The facts of every kind of statement, as a rehearsal tells them.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestDatabase, testContext, testDatabase } from '../../test/database.ts';
import { planOf } from '../../test/migrations.ts';
import { given, statementKinds } from '../../test/statement-kinds.ts';
import { applyPlan } from '../apply/apply.ts';
import { install } from '../history/install.ts';
import { connect } from '../postgres/connect.ts';
import { isAtLeast } from '../postgres/table-lock.ts';
import { readerFor } from '../process/rehearsals.ts';
import { watchStatements } from './observe.ts';
import type { ObservedFacts } from './observe-work.ts';

let template: TestDatabase;
let major: number;

beforeAll(async () => {
  template = await testDatabase({ name: 'rehearsal_kinds', sql: given });
  await using database = await connect(template.address, { purpose: 'test' });
  await install(database);
  major = Math.floor(database.version / 10_000);
});

afterAll(async () => {
  await template.drop();
});

it.each(statementKinds)('$what', async ({ sql, facts, since, from = 0 }) => {
  if (major < from) return;
  const [at, later] = since ?? [Infinity, facts];
  const seen = await factsOf(`${sql};`);
  expect(told(seen)).toEqual(major >= at ? later : facts);
});

async function factsOf(sql: string): Promise<ObservedFacts> {
  await using copy = await testDatabase({ template: 'rehearsal_kinds' });
  const plan = await planOf({ '001_a': sql });
  await using watch = await watchStatements({
    copy: copy.address,
    locksOf: readerFor(testContext().signal).locksOf,
  });
  const { observer } = watch;
  await applyPlan(testContext(), { address: copy.address, plan, appliedBy: 'me', observer });
  const seen = watch.facts().at(-1);
  if (seen === undefined) throw new Error('nothing was seen');
  return seen;
}

/** The facts in words, one for each. */
function told(facts: ObservedFacts): readonly string[] {
  return [
    ...facts.locks
      .filter(({ mode }) => isAtLeast(mode, 'ROW EXCLUSIVE'))
      .map(({ relation, mode }) => `${mode} on ${relation}`)
      .sort(),
    ...facts.rewrites.map(({ relation }) => `rewrites ${relation}`),
    ...facts.truncated.map((relation) => `empties ${relation}`).sort(),
    ...facts.scans.map(({ relation, rows }) => `reads ${rows} rows of ${relation}`).sort(),
    ...facts.indexBuilds.map(({ index, relation }) => `builds ${index} on ${relation}`).sort(),
    ...facts.validated.map((what) => `checks ${what}`),
    ...facts.notValidated.map((what) => `need not check ${what}`),
    ...facts.changes.map(
      ({ relation, inserted, updated, deleted }) =>
        `changes ${relation}: +${inserted} ~${updated} -${deleted}`,
    ),
    ...facts.dropped.map((object) => `drops ${object}`).sort(),
    ...(facts.temporaryFiles.count > 0 ? ['writes temporary files'] : []),
  ];
}
