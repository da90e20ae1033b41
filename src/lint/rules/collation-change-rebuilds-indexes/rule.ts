import type { Rule } from '../../rule.ts';
import { quoted, shown } from '../../sql/node.ts';
import { typeChanges } from '../../type-change.ts';

export const collationChangeRebuildsIndexes: Rule = {
  id: 'collation-change-rebuilds-indexes',
  hazard: 38,
  severity: 'error',
  concern: 'lock',
  title: 'A change of collation',
  why: 'The rows stay, but every index on the column is built again under ACCESS EXCLUSIVE.',
  safeForm:
    'A new column with the new collation, or a new index with COLLATE that queries can use.',
  work: 'index build',
  on: ['AlterTableStmt'],
  commands: ['AT_AlterColumnType'],
  *check(statement, { schema }) {
    for (const { table, name, cost, setsCollation, start, end } of typeChanges(statement, schema)) {
      if (!setsCollation || cost === 'rewrite') continue;
      const known = schema.table(table)?.hasAllColumns === true;
      const indexed = schema.indexesOf(table).some((index) => index.columns.includes(name));
      if (known && !indexed) continue;
      yield {
        start,
        end,
        objects: [shown(table)],
        dependsOn: indexed ? undefined : `whether ${quoted(name)} is in an index`,
        message: `Every index on ${quoted(name)} is built again while nobody can read ${shown(table)}.`,
      };
    }
  },
};
