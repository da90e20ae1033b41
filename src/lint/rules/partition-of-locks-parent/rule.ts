import type { RangeVar } from '@pgsql/types';
import { editOf, replaceText } from '../../fix/edit.ts';
import { rangeOfKey } from '../../model/names.ts';
import type { Rule } from '../../rule.ts';
import type { NodeBody } from '../../sql/node.ts';
import { pickAll, shown } from '../../sql/node.ts';
import { bodyOf, type Statement } from '../../statement.ts';

export const partitionOfLocksParent: Rule = {
  id: 'partition-of-locks-parent',
  hazard: 52,
  severity: 'warning',
  concern: 'lock',
  title: 'CREATE TABLE … PARTITION OF',
  why: 'The partitioned table is locked with ACCESS EXCLUSIVE, and a DEFAULT partition is read under that lock.',
  safeForm:
    'CREATE TABLE … (LIKE parent INCLUDING ALL), add a CHECK that proves the bounds, then ATTACH PARTITION (which blocks neither reads nor writes of the parent).',
  work: 'scan',
  on: ['CreateStmt'],
  *check(statement, { schema }) {
    const create = bodyOf(statement, 'CreateStmt');
    if (create?.partbound === undefined) return;
    for (const parent of pickAll(create.inhRelations, 'RangeVar')) {
      if (schema.isNew(parent)) continue;
      const fallback = schema.table(parent)?.defaultPartition;
      yield {
        objects: [shown(parent), ...(fallback === undefined ? [] : [shown(rangeOfKey(fallback))])],
        ...(fallback === undefined ? { work: 'none' as const } : { severity: 'error' as const }),
        message: `${shown(parent)} is locked against reads and writes${fallback === undefined ? '' : ` while its DEFAULT partition ${shown(rangeOfKey(fallback))} is read`}.`,
        fix: fallback === undefined ? attachFix(statement, create, parent) : undefined,
      };
    }
  },
};

function attachFix(
  statement: Statement,
  create: NodeBody<'CreateStmt'>,
  parent: RangeVar,
): ReturnType<typeof editOf> {
  const bounds = /\bpartition\s+of\s+\S+\s+((?:for\s+values\b|default\b)[\s\S]*)$/i.exec(
    statement.text,
  )?.[1];
  if (bounds === undefined || (create.tableElts ?? []).length > 0) return undefined;
  const [table, target] = [shown(create.relation), shown(parent)];
  const check = create.if_not_exists ? 'IF NOT EXISTS ' : '';
  return editOf(
    replaceText(
      statement,
      `CREATE TABLE ${check}${table} (LIKE ${target} INCLUDING ALL);\nALTER TABLE ${target} ATTACH PARTITION ${table} ${bounds.trim()}`,
    ),
  );
}
