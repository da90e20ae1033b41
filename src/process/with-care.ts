// Statements of our own on a database that others use, with the same care for locks as an apply.

import { runAlone } from '../apply/alone.ts';
import { type ApplyPolicy, type PolicyParts, policyFrom } from '../apply/apply-policy.ts';
import type { StatementKeeper } from '../apply/keeper.ts';
import { type ApplySession, openSession, preparationOf } from '../apply/session.ts';
import type { StepRun } from '../apply/step-run.ts';
import { runTransaction } from '../apply/transaction.ts';
import type { Context } from '../core/context.ts';
import { withCleanup } from '../core/failure.ts';
import { emptyStep, type MigrationStep } from '../migration/steps.ts';
import type { Address } from '../postgres/address.ts';
import type { Database } from '../postgres/connect.ts';
import type { Alone } from '../rescue/undo/indexes-back.ts';
import type { InTurn } from '../rescue/undo/undo.ts';

const silenceMs = 20_000;

/** Whose statements they are, for people who look at the sessions, and what they may ask of others. */
interface Care {
  readonly what: string;
  readonly policy?: PolicyParts;
}

/** Runs statements like a step of a migration: in short turns of waiting, and as a whole again. */
export function inTurnOn(context: Context, address: Address, care: Care): InTurn {
  return (statements, last) =>
    withSession(context, address, care, async (session, policy) => {
      const step: MigrationStep = {
        ...emptyStep,
        statements: statements.map((sql) => ({ sql, line: 1, class: 'transactional' })),
      };
      const run = stepRun(context, session, { what: care.what, policy, step });
      await runTransaction({ ...run, keeper: withLastWords(last) });
    });
}

/**
 * Runs a statement like a step outside any transaction: it says whom it waits for, and takes away what it
 * leaves half-done where it can.
 */
export function aloneOn(context: Context, address: Address, { what, policy }: Care): Alone {
  return (sql, { patienceMs, say }) => {
    const limits = { ...policy, concurrentPatienceMs: patienceMs };
    return withSession(context, address, { what, policy: limits }, async (session, all) => {
      const step: MigrationStep = {
        ...emptyStep,
        kind: 'alone',
        statements: [{ sql, line: 1, class: 'alone' }],
        settings: [{ sql: "SET search_path = ''", line: 1, class: 'session' }],
      };
      const run = stepRun(context, session, { what, policy: all, step });
      const { leftovers, settings } = run.preparation;
      await session.database.script([...leftovers, ...settings]);
      // A command that was killed may have run it already: what stands there by its name is its doing.
      const earlier = [{ before: { indexes: [] }, startedAt: context.clock.now() }];
      // It is a line of no file.
      const tell = (text: string): void => say(text.replace(/^line \d+: /, ''));
      await runAlone({ ...run, earlier, say: tell });
    });
  };
}

async function withSession(
  context: Context,
  address: Address,
  care: Care,
  work: (session: ApplySession, policy: ApplyPolicy) => Promise<void>,
): Promise<void> {
  const policy = policyFrom(care.policy);
  const { maxWaiting } = policy;
  const session = await openSession(context, address, { maxWaiting, silenceMs });
  await withCleanup(
    () => work(session, policy),
    () => session.close(),
  );
}

// Nobody writes down how far statements of our own came: what they leave tells it.
function stepRun(
  context: Context,
  session: ApplySession,
  {
    what,
    policy,
    step,
  }: { readonly what: string; readonly policy: ApplyPolicy; readonly step: MigrationStep },
): StepRun {
  const { statementLimitMs } = policy;
  return {
    context,
    ...session,
    place: { version: what, step: 1 },
    step,
    preparation: preparationOf(session, { migration: what, step, isFirst: true, statementLimitMs }),
    observer: undefined,
    say: () => {},
    policy,
    earlier: [],
    resume: false,
    begin: async () => {},
    recordOf: () => [],
  };
}

// Nothing is kept of statements that are our own; only the last words are said before the COMMIT.
function withLastWords(last: (database: Database) => Promise<void>): StatementKeeper {
  return {
    begin: async () => {},
    end: async () => {},
    forTransaction: (database) => ({
      insteadOf: async (statement) => [statement],
      close: () => last(database),
    }),
  };
}
