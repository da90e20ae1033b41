// Which tables a statement takes rows from by name, so that a loss of rows is known to be meant.

import type { DropStmt, RangeVar } from '@pgsql/types';
import { parseSql } from '../postgres/parser.ts';
import { routineBody } from './plpgsql.ts';
import { pickAll, shown, walk } from './sql/node.ts';
import { droppedNames, type Statement } from './statement.ts';

/** The tables that a statement, or a DO block's statements, delete from, truncate or drop, as written. */
export async function tablesEmptiedBy(sql: string): Promise<readonly string[]> {
  const { statements } = await parseSql(sql);
  const outer = statements.map((each): Statement => ({ ...each, inside: undefined }));
  const inner = await Promise.all(outer.map((each) => routineBody(each)));
  const named: RangeVar[] = [];
  for (const { node } of [...outer, ...inner.flatMap((body) => body.statements)]) {
    walk(node, (kind, body) => {
      if (kind === 'DeleteStmt' || kind === 'MergeStmt') {
        const { relation } = body as { relation?: RangeVar };
        if (relation !== undefined) named.push(relation);
      }
      if (kind === 'TruncateStmt') {
        named.push(...pickAll((body as { relations?: [] }).relations, 'RangeVar'));
      }
      const drop = body as DropStmt;
      if (kind === 'DropStmt' && drop.removeType === 'OBJECT_TABLE') {
        named.push(...droppedNames(drop));
      }
    });
  }
  return [...new Set(named.map((name) => shown(name).replace(/^public\./, '')))];
}
