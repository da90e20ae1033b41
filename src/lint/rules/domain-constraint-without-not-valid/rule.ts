import { splitIn } from '../../fix/edit.ts';
import type { Rule } from '../../rule.ts';
import { pick, quoted, rangeOf, shown, strings } from '../../sql/node.ts';
import { bodyOf } from '../../statement.ts';

export const domainConstraintWithoutNotValid: Rule = {
  id: 'domain-constraint-without-not-valid',
  hazard: 28,
  severity: 'warning',
  concern: 'lock',
  title: 'ALTER DOMAIN … ADD CONSTRAINT without NOT VALID, or SET NOT NULL',
  why: 'Every table with a column of the domain is locked with SHARE, which blocks writes, and read.',
  safeForm:
    'ALTER DOMAIN … ADD CONSTRAINT … NOT VALID (no table lock), then VALIDATE CONSTRAINT in another transaction.',
  work: 'scan',
  on: ['AlterDomainStmt'],
  *check(statement, { transaction }) {
    const alter = bodyOf(statement, 'AlterDomainStmt');
    const constraint = pick(alter?.def, 'Constraint');
    const isAdded = alter?.subtype === 'C' && !constraint?.skip_validation;
    if (!isAdded && alter?.subtype !== 'O') return;
    const domain = shown(rangeOf(strings(alter?.typeName)));
    const name = constraint?.conname;
    yield {
      objects: [domain],
      lock: 'SHARE',
      message: `Every table with a column of ${domain} is read and accepts no writes until that is done.`,
      fix:
        isAdded && name !== undefined
          ? splitIn(statement, transaction, {
              first: `${statement.text} NOT VALID`,
              second: `ALTER DOMAIN ${domain} VALIDATE CONSTRAINT ${quoted(name)}`,
            })
          : undefined,
    };
  },
};
