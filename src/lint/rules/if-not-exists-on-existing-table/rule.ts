import type { Rule } from '../../rule.ts';
import { pickAll, shown } from '../../sql/node.ts';
import { bodyOf } from '../../statement.ts';

export const ifNotExistsOnExistingTable: Rule = {
  id: 'if-not-exists-on-existing-table',
  hazard: 71,
  severity: 'warning',
  concern: 'compatibility',
  title: 'CREATE TABLE IF NOT EXISTS for a table that exists',
  why: 'The server leaves the existing table as it is, whatever the statement says: nothing is created and nobody is told.',
  safeForm: 'ALTER TABLE … ADD COLUMN IF NOT EXISTS for what is missing.',
  on: ['CreateStmt'],
  *check(statement, { schema }) {
    const create = bodyOf(statement, 'CreateStmt');
    const table = create?.relation;
    if (create?.if_not_exists !== true || !schema.existed(table)) return;
    const known = schema.table(table);
    if (known?.hasAllColumns !== true) return;
    const columns = pickAll(create.tableElts, 'ColumnDef').map((column) => column.colname ?? '');
    const missing = columns.filter((column) => !known.columns.has(column));
    yield {
      objects: [shown(table)],
      lock: null,
      severity: missing.length > 0 ? 'warning' : 'info',
      message: `${shown(table)} exists already: this does nothing${missing.length > 0 ? `, and ${missing.join(', ')} will be missing` : ''}.`,
    };
  },
};
