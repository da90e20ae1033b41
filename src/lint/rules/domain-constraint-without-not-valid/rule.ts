import { atEnd, editOf } from '../../fix/edit.ts';
import type { Rule } from '../../rule.ts';
import { pick, rangeOf, shown, strings } from '../../sql/node.ts';
import { bodyOf } from '../../statement.ts';

export const domainConstraintWithoutNotValid: Rule = {
  id: 'domain-constraint-without-not-valid',
  hazard: 28,
  severity: 'warning',
  concern: 'lock',
  title: 'ALTER DOMAIN … ADD CONSTRAINT without NOT VALID, VALIDATE, or SET NOT NULL',
  why: 'Every table with a column of the domain is locked with SHARE, which blocks writes, and read. VALIDATE CONSTRAINT takes the same lock, up to version 18.',
  safeForm:
    'ALTER DOMAIN … ADD CONSTRAINT … NOT VALID: new values are checked and no table is locked. VALIDATE old values in a quiet hour, if at all.',
  work: 'scan',
  on: ['AlterDomainStmt'],
  *check(statement, { schema }) {
    const alter = bodyOf(statement, 'AlterDomainStmt');
    const constraint = pick(alter?.def, 'Constraint');
    const isAdded = alter?.subtype === 'C' && !constraint?.skip_validation;
    if (!isAdded && alter?.subtype !== 'O' && alter?.subtype !== 'V') return;
    const name = rangeOf(strings(alter?.typeName));
    const known = schema.types.get(schema.key(name));
    // No table that is in use has a column of a domain that this file made.
    if (known?.kind === 'domain' && known.madeIn === schema.file) return;
    yield {
      objects: [shown(name)],
      lock: 'SHARE',
      message: `Every table with a column of ${shown(name)} is read and accepts no writes until that is done.`,
      fix: isAdded ? editOf(atEnd(statement, ' NOT VALID')) : undefined,
    };
  },
};
