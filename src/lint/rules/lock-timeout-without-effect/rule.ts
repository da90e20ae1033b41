import { asksForNoTransaction } from '../../../migration/directives.ts';
import { mustRunAlone } from '../../../migration/statement-class.ts';
import { editOf, replaceText } from '../../fix/edit.ts';
import type { Rule } from '../../rule.ts';
import { constantText } from '../../sql/node.ts';
import { bodyOf } from '../../statement.ts';

export const lockTimeoutWithoutEffect: Rule = {
  id: 'lock-timeout-without-effect',
  hazard: 65,
  severity: 'warning',
  concern: 'lock',
  title: 'A lock_timeout that is void, or so long that it helps nobody',
  why: '0 and RESET switch it off, SET LOCAL outside a transaction has no effect, and while a long one runs everybody waits behind it.',
  safeForm: "SET LOCAL lock_timeout = '500ms' inside the transaction; or leave it to Drydock.",
  on: ['VariableSetStmt'],
  *check(statement, context) {
    const set = bodyOf(statement, 'VariableSetStmt');
    if (set?.name !== 'lock_timeout' && set?.kind !== 'VAR_RESET_ALL') return;
    const value = constantText(set.args?.[0]);
    const ms = value === undefined ? 0 : milliseconds(value);
    const { next, transaction } = context;
    const isAlone =
      transaction.kind === 'none' ||
      (transaction.kind === 'managed' && asksForNoTransaction(context.file.comments)) ||
      (transaction.kind === 'managed' && next !== undefined && mustRunAlone(next.node));
    const problem =
      ms === undefined
        ? 'This is no duration that the server understands.'
        : ms === 0
          ? 'This switches the lock_timeout off: statements wait for their locks without end.'
          : set.is_local === true && isAlone
            ? 'SET LOCAL has no effect here: it is not in the transaction of what follows.'
            : ms > longestMs
              ? `While a statement waits ${value} for its lock, everything that comes after it waits too.`
              : undefined;
    if (problem === undefined) return;
    yield {
      objects: [],
      message: problem,
      fix:
        set.name === 'lock_timeout' && (ms === 0 || ms === undefined || ms > longestMs)
          ? editOf(replaceText(statement, "SET LOCAL lock_timeout = '500ms'"))
          : undefined,
    };
  },
};

const longestMs = 10_000;

// A number without a unit counts milliseconds. (Manual, section 19.1.1)
function milliseconds(value: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)?\s*$/.exec(value);
  if (match === null) return undefined;
  const unit = { us: 0.001, ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 }[
    match[2] ?? 'ms'
  ];
  return Number(match[1]) * (unit ?? 1);
}
