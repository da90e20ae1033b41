import type { RangeVar } from '@pgsql/types';
import { rangeOfKey } from '../../model/names.ts';
import type { SchemaModel } from '../../model/schema.ts';
import type { Rule } from '../../rule.ts';
import { pick, shown } from '../../sql/node.ts';
import { alterations } from '../../statement.ts';

export const attachPartitionScans: Rule = {
  id: 'attach-partition-scans',
  hazard: 53,
  severity: 'warning',
  concern: 'lock',
  title: 'ATTACH PARTITION without proof of the bounds',
  why: 'The partition is read under ACCESS EXCLUSIVE unless a valid CHECK proves the bounds; a DEFAULT partition is locked and read too unless its own CHECK excludes them.',
  safeForm:
    'First a CHECK that says the bounds on the partition (and its opposite on the DEFAULT), NOT VALID then VALIDATE; then ATTACH.',
  work: 'scan',
  on: ['AlterTableStmt'],
  commands: ['AT_AttachPartition'],
  *check(statement, { schema }) {
    for (const { table, command, start, end } of alterations(statement, 'AT_AttachPartition')) {
      const child = pick(command.def, 'PartitionCmd')?.name;
      const fallback = schema.table(table)?.defaultPartition;
      const keys = [child, rangeOfKey(fallback)].filter((each) => each !== undefined);
      const unproved = keys.filter((each) => !schema.isNew(each) && !hasProof(schema, each));
      const [first] = unproved;
      if (first === undefined || schema.isNew(table)) continue;
      yield {
        start,
        end,
        objects: [shown(first), shown(table)],
        lock: 'ACCESS EXCLUSIVE',
        dependsOn: `whether a CHECK on ${unproved.map(shown).join(' and ')} proves the bounds`,
        message: `${unproved.map(shown).join(' and ')} is read under the lock to see that every row belongs there.`,
      };
    }
  },
};

// Whether the expression says just these bounds is for the server to see; a valid CHECK is taken as
// the attempt.
function hasProof(schema: SchemaModel, name: RangeVar): boolean {
  return [...(schema.table(name)?.constraints.values() ?? [])].some(
    (each) => each.kind === 'check' && each.validated,
  );
}
