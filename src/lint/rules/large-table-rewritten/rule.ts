import { thousands } from '../../../core/thousands.ts';
import { locksOf } from '../../locks-of.ts';
import type { Rule } from '../../rule.ts';
import { alterations, bodyOf } from '../../statement.ts';
import { typeChanges } from '../../type-change.ts';

export const largeTableRewritten: Rule = {
  id: 'large-table-rewritten',
  hazard: 74,
  severity: 'warning',
  concern: 'lock',
  title: 'A large table is rewritten or read under a lock',
  why: "A rewrite needs the table's size again on disk until the COMMIT, and writes all of it to the WAL, behind which replicas fall back.",
  safeForm:
    'Rehearse it on a restored copy (drydock rehearse), look at free disk space and replica lag, or use expand and contract.',
  on: ['AlterTableStmt', 'VacuumStmt', 'ClusterStmt', 'IndexStmt'],
  *check(statement, { schema }) {
    if (!schema.hasSizes) return;
    const [lock] = locksOf(statement, schema);
    const size = lock === undefined ? undefined : schema.tables.get(lock.table)?.size;
    if (lock === undefined || size === undefined || size.bytes < largeBytes) return;
    const rewrites =
      bodyOf(statement, 'AlterTableStmt') === undefined ||
      typeChanges(statement, schema).some((change) => change.cost === 'rewrite') ||
      alterations(statement, 'AT_SetNotNull', 'AT_AddConstraint', 'AT_ValidateConstraint').length >
        0;
    if (!rewrites) return;
    yield {
      objects: [lock.shown],
      message: `${lock.shown} has ${(size.bytes / 1024 ** 3).toFixed(1)} GB and ${thousands(size.rows)} rows${size.callsPerSecond === undefined ? '' : `, and serves ${Math.round(size.callsPerSecond)} calls a second`}: rehearse this before production sees it.`,
    };
  },
};

const largeBytes = 1024 ** 3;
