// A database whose changes are kept and taken back as `drydock apply` and `drydock undo` do it, without the
// backup and the gates around them: for tests that ask what becomes of rows.

import { expect } from 'vitest';
import { applyPlan } from '../src/apply/apply.ts';
import { readOpenRuns } from '../src/history/undo-runs.ts';
import type { Plan } from '../src/migration/plan.ts';
import type { Address } from '../src/postgres/address.ts';
import { connect } from '../src/postgres/connect.ts';
import { type SchemaFact, schemaFacts } from '../src/postgres/fingerprint.ts';
import { undoTrial } from '../src/process/kept-plan.ts';
import { aloneOn, inTurnOn } from '../src/process/with-care.ts';
import { proveWayBack } from '../src/rehearsal/way-back/prove-way-back.ts';
import { PlanKeeper } from '../src/rescue/undo/keep.ts';
import { type LeftOver, readLeftOver } from '../src/rescue/undo/left-over.ts';
import { undo } from '../src/rescue/undo/undo.ts';
import { testContext, testDatabase } from './database.ts';
import { planOf } from './migrations.ts';

/** The database; `await using` drops it. */
export interface KeptDatabase extends AsyncDisposable {
  readonly address: Address;
  /** Runs SQL as the application, and returns the rows of the last statement. */
  run<Row extends object>(sql: string): Promise<Row[]>;
  facts(): Promise<readonly SchemaFact[]>;
  /** Proves that a migration can be taken back, and applies it; returns the statements that ran. */
  apply(sql: string): Promise<readonly string[]>;
  /** Takes the last one back; returns what could not be put back. */
  undo(): Promise<readonly LeftOver[]>;
}

/** Makes one that holds `schema`. */
export async function keptDatabase(schema: string): Promise<KeptDatabase> {
  const database = await testDatabase({ sql: schema });
  const { address } = database;
  const context = testContext();
  let count = 0;

  async function session<T>(
    work: (session: Awaited<ReturnType<typeof connect>>) => Promise<T>,
  ): Promise<T> {
    await using opened = await connect(address, { purpose: 'test' });
    return await work(opened);
  }

  async function applyKept(
    to: Address,
    plan: Plan,
    wayBack?: readonly string[],
  ): Promise<readonly string[]> {
    const versions = plan.pending.map(({ migration }) => migration.version);
    const proven = wayBack && { statements: wayBack, ms: 0 };
    const keeper = new PlanKeeper({ plan: plan.digest, versions, by: 'test', proven });
    const options = { address: to, plan, appliedBy: 'test', keeper };
    return (await applyPlan(context, options)).statements.map(({ sql }) => sql);
  }

  return {
    address,
    run: (sql) => session((opened) => opened.query(sql)),
    facts: () => session(schemaFacts),
    apply: async (sql) => {
      count += 1;
      const plan = await planOf({ [`00${count}_change`]: `${sql}\n` });
      await using asItWas = await testDatabase({ template: address.database });
      await using copy = await testDatabase({ template: address.database });
      await applyKept(copy.address, plan);
      const wayBack = await proveWayBack(context, {
        copy: copy.address,
        asItWas: asItWas.address,
        byAuthors: undefined,
        undo: undoTrial(context, plan, copy.address),
        applyAgain: () => applyKept(copy.address, plan),
      });
      expect(wayBack).toMatchObject({ label: 'reversible', losses: [], reasons: [] });
      return applyKept(address, plan, wayBack.undo);
    },
    undo: async () => {
      const [run] = await session(readOpenRuns);
      if (run === undefined) throw new Error('nothing is kept');
      const inTurn = inTurnOn(context, address, { what: 'undo' });
      const alone = aloneOn(context, address, { what: 'undo' });
      const wayBack = run.wayBack ?? [];
      await undo(context, { address, run, wayBack, by: 'test', reason: null, inTurn, alone });
      return session((opened) => readLeftOver(opened, run.id));
    },
    [Symbol.asyncDispose]: () => database.drop(),
  };
}
