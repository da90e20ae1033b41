import { notNullPlan } from '../../fix/plan.ts';
import type { Rule } from '../../rule.ts';
import { quoted, shown, strings } from '../../sql/node.ts';
import { addedConstraints, alterations } from '../../statement.ts';

export const setNotNullScans: Rule = {
  id: 'set-not-null-scans',
  hazard: 31,
  severity: 'error',
  concern: 'lock',
  title: 'SET NOT NULL without a proof',
  why: 'The server reads the whole table under ACCESS EXCLUSIVE, unless a validated CHECK proves it (c IS NOT NULL, alone or in an AND; 12 and newer). A CHECK that is NOT VALID, another expression, or one that is dropped in the same ALTER TABLE is no proof.',
  safeForm:
    'CHECK (c IS NOT NULL) NOT VALID; VALIDATE it in another transaction; SET NOT NULL; DROP the CHECK in a statement of its own.',
  work: 'scan',
  on: ['AlterTableStmt'],
  commands: ['AT_AddConstraint', 'AT_DropConstraint', 'AT_SetNotNull'],
  *check(statement, { schema }) {
    const dropped = alterations(statement, 'AT_DropConstraint').map(({ name }) => name);
    for (const { table, name, start, end } of alterations(statement, 'AT_SetNotNull')) {
      const known = schema.table(table);
      if (schema.isNew(table) || known?.columns.get(name)?.notNull) continue;
      const proofs = [...(known?.constraints.values() ?? [])].filter((each) =>
        each.provesNotNull.includes(name),
      );
      if (proofs.some((proof) => proof.validated && !dropped.includes(proof.name))) continue;
      const lost = proofs.find((proof) => proof.validated);
      yield {
        start,
        end,
        objects: [shown(table)],
        message:
          lost === undefined
            ? `Looking for NULLs in ${quoted(name)} locks ${shown(table)} against reads and writes until all of it is read.`
            : `Dropping ${lost.name} in the same ALTER TABLE takes the proof away: all of ${shown(table)} is read under the lock.`,
        fix: notNullPlan(statement, { table, column: name }),
      };
    }
    // From 18 on NOT NULL is a constraint with a name, and can be NOT VALID.
    for (const { table, constraint, start, end } of addedConstraints(statement, 'CONSTR_NOTNULL')) {
      const [column = ''] = strings(constraint.keys);
      if (constraint.skip_validation || schema.isNew(table)) continue;
      yield {
        start,
        end,
        objects: [shown(table)],
        message: `Looking for NULLs in ${quoted(column)} locks ${shown(table)} against reads and writes until all of it is read.`,
        safeForm:
          'ADD CONSTRAINT … NOT NULL … NOT VALID, then VALIDATE CONSTRAINT in another transaction.',
      };
    }
  },
};
