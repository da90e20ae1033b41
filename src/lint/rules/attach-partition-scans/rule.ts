import { rangeOfKey } from '../../model/names.ts';
import type { TableModel } from '../../model/schema.ts';
import type { Rule } from '../../rule.ts';
import { constantsOf } from '../../sql/expression.ts';
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
      const bounds = constantsOf(pick(command.def, 'PartitionCmd')?.bound);
      const key = schema.table(table)?.partitionKey;
      const read = [child, rangeOfKey(fallback)].filter((each) => each !== undefined);
      const unproved = read.filter(
        (each) => !schema.isNew(each) && !hasProof(schema.table(each), { key, bounds }),
      );
      const isKnown =
        key !== undefined && unproved.every((each) => schema.table(each)?.hasAllColumns);
      const [first] = unproved;
      if (first === undefined || schema.isNew(table)) continue;
      yield {
        start,
        end,
        objects: [shown(first), shown(table)],
        lock: 'ACCESS EXCLUSIVE',
        dependsOn: isKnown
          ? undefined
          : `whether a CHECK on ${unproved.map(shown).join(' and ')} proves the bounds`,
        message: `${unproved.map(shown).join(' and ')} is read under the lock to see that every row belongs there.`,
      };
    }
  },
};

// Whether the expression says just these bounds is for the server to see; a valid CHECK of the key that
// names them is taken as the attempt.
function hasProof(
  table: TableModel | undefined,
  { key = [], bounds }: { key: readonly string[] | undefined; bounds: readonly string[] },
): boolean {
  return [...(table?.constraints.values() ?? [])].some(
    ({ kind, validated, columns, constants }) =>
      kind === 'check' &&
      validated &&
      key.every((column) => columns.includes(column)) &&
      (constants === undefined || bounds.every((bound) => constants.includes(bound))),
  );
}
