import type { Rule } from '../../rule.ts';
import { strings } from '../../sql/node.ts';
import { bodyOf } from '../../statement.ts';

export const enumValueWithoutPlace: Rule = {
  id: 'enum-value-without-place',
  hazard: 63,
  severity: 'info',
  concern: 'compatibility',
  title: 'An enum value is added without BEFORE or AFTER',
  why: "It sorts last, and the order of an enum's values cannot be changed later; nor can a value be removed.",
  safeForm:
    'Say BEFORE or AFTER; or use a table of values with a foreign key where values come and go.',
  on: ['AlterEnumStmt'],
  *check(statement) {
    const alter = bodyOf(statement, 'AlterEnumStmt');
    if (
      alter?.newVal === undefined ||
      alter.oldVal !== undefined ||
      alter.newValNeighbor !== undefined
    )
      return;
    const type = strings(alter.typeName).join('.');
    yield {
      objects: [type],
      message: `'${alter.newVal}' sorts after every other value of ${type}, for ever.`,
    };
  },
};
