// A transaction of our own on a database that others use, with the same care for locks as an apply.

import type { PolicyParts } from '../apply/apply-options.ts';
import type { StatementKeeper } from '../apply/keeper.ts';
import { openSession, preparationOf } from '../apply/session.ts';
import { defaultPolicy } from '../apply/step-run.ts';
import { runTransaction } from '../apply/transaction.ts';
import type { Context } from '../core/context.ts';
import { withCleanup } from '../core/failure.ts';
import { emptyStep } from '../migration/steps.ts';
import type { Address } from '../postgres/address.ts';
import type { Database } from '../postgres/connect.ts';
import type { InTurn } from '../rescue/undo/undo.ts';

const silenceMs = 20_000;

/** Runs statements like a step of a migration: in short turns of waiting, and as a whole again. */
export function inTurnOn(
  context: Context,
  address: Address,
  { what, policy = {} }: { readonly what: string; readonly policy?: PolicyParts },
): InTurn {
  const said = Object.entries(policy).filter(([, value]) => value !== undefined);
  const limits = { ...defaultPolicy, ...Object.fromEntries(said) };
  return async (statements, last) => {
    const { maxWaiting, statementLimitMs } = limits;
    const session = await openSession(context, address, { maxWaiting, silenceMs });
    const step = {
      ...emptyStep,
      statements: statements.map((sql) => ({ sql, line: 1, class: 'transactional' as const })),
    };
    await withCleanup(
      async () => {
        const preparation = preparationOf(session, {
          migration: what,
          step,
          isFirst: true,
          statementLimitMs,
        });
        await runTransaction({
          context,
          ...session,
          place: { version: what, step: 1 },
          step,
          preparation,
          observer: undefined,
          keeper: withLastWords(last),
          say: () => {},
          policy: limits,
          earlier: [],
          resume: false,
          begin: async () => {},
          recordOf: () => [],
        });
      },
      () => session.close(),
    );
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
