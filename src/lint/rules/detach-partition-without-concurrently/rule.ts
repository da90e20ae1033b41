import { atEnd, editOf } from '../../fix/edit.ts';
import type { Rule } from '../../rule.ts';
import { pick, shown } from '../../sql/node.ts';
import { alterations } from '../../statement.ts';

export const detachPartitionWithoutConcurrently: Rule = {
  id: 'detach-partition-without-concurrently',
  hazard: 54,
  severity: 'warning',
  concern: 'lock',
  title: 'DETACH PARTITION without CONCURRENTLY',
  why: 'The partitioned table, the partition and a DEFAULT partition are locked with ACCESS EXCLUSIVE. CONCURRENTLY (14 and newer) is refused while there is a DEFAULT partition.',
  safeForm:
    'DETACH PARTITION … CONCURRENTLY, outside BEGIN and COMMIT; with a DEFAULT partition, detach that one first.',
  on: ['AlterTableStmt'],
  commands: ['AT_DetachPartition'],
  *check(statement, { schema, transaction }) {
    for (const { table, command, start, end } of alterations(statement, 'AT_DetachPartition')) {
      const partition = pick(command.def, 'PartitionCmd');
      const hasDefault = schema.table(table)?.defaultPartition !== undefined;
      if (partition === undefined || schema.isNew(table)) continue;
      if (partition.concurrent === true) {
        if (!hasDefault) continue;
        yield {
          start,
          end,
          objects: [shown(table)],
          severity: 'error',
          message: `${shown(table)} has a DEFAULT partition: the server refuses DETACH … CONCURRENTLY.`,
        };
        continue;
      }
      yield {
        start,
        end,
        objects: [shown(table), shown(partition.name)],
        message: `${shown(table)} is locked against reads and writes while ${shown(partition.name)} leaves it.`,
        fix:
          hasDefault || transaction.kind === 'own'
            ? undefined
            : editOf(atEnd(statement, ' CONCURRENTLY')),
      };
    }
  },
};
