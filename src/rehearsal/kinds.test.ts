// The facts of every kind of statement, as a rehearsal tells them, on every version that is here.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testContext } from '../../test/database.ts';
import { majorsHere } from '../../test/embedded.ts';
import { planOf } from '../../test/migrations.ts';
import { given, statementKinds } from '../../test/statement-kinds.ts';
import { applyPlan } from '../apply/apply.ts';
import { install } from '../history/install.ts';
import { connect } from '../postgres/connect.ts';
import { isAtLeast } from '../postgres/table-lock.ts';
import { readerFor } from '../process/rehearsals.ts';
import { createDatabase, dropDatabase } from '../sandbox/copy.ts';
import { type SandboxServer, startServer } from '../sandbox/server.ts';
import { watchStatements } from './observe.ts';
import type { ObservedFacts } from './observe-work.ts';

describe.each(await majorsHere())('on PostgreSQL %i', (major) => {
  let server: SandboxServer;

  beforeAll(async () => {
    server = await startServer(testContext(), { purpose: 'kinds', major });
    await createDatabase(server, { name: 'given' });
    await using database = await connect(server.address('given'), { purpose: 'test' });
    expect(Math.floor(database.version / 10_000)).toBe(major);
    await database.execute(given);
    await install(database);
  });

  afterAll(() => server.stop());

  it.each(statementKinds)('$what', async ({ sql, facts, since }) => {
    const [at, later] = since ?? [Infinity, facts];
    const seen = await factsOf(server, `${sql};`);
    expect(told(seen)).toEqual(major >= at ? later : facts);
  });
});

async function factsOf(server: SandboxServer, sql: string): Promise<ObservedFacts> {
  await createDatabase(server, { name: 'copy', template: 'given' });
  try {
    const address = server.address('copy');
    const plan = await planOf({ '001_a': sql });
    const { locksOf } = readerFor(testContext().signal);
    await using watch = await watchStatements({ copy: address, locksOf });
    const { observer } = watch;
    await applyPlan(testContext(), { address, plan, appliedBy: 'me', observer });
    const seen = watch.facts().at(-1);
    if (seen === undefined) throw new Error('nothing was seen');
    return seen;
  } finally {
    await dropDatabase(server, 'copy');
  }
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
