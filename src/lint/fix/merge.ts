// Two ALTER TABLE of one table, one right after the other, written as one.

import type { AlterTableType } from '@pgsql/types';
import { skipTrivia } from '../../postgres/sql-text.ts';
import type { Fix } from '../finding.ts';
import { alterations, bodyOf, type Statement } from '../statement.ts';
import { editOf } from './edit.ts';

// One ALTER TABLE does its commands in passes of its own order (ATRewriteCatalogs in the server's
// tablecmds.c): only those that come to the same in any order are put together.
const independent: readonly AlterTableType[] = [
  'AT_AddColumn',
  'AT_ColumnDefault',
  'AT_SetStatistics',
  'AT_SetStorage',
];

/** Takes the head of `second` away, so that its commands follow those of `first` after a comma. */
export function merged(first: Statement, second: Statement, sql: string): Fix | undefined {
  if (first.inside !== undefined || second.inside !== undefined) return undefined;
  const [before, after] = [alterations(first), alterations(second)];
  const [next] = after;
  const columns = [...before, ...after].map(columnOf);
  const isSafe =
    [...before, ...after].every(({ kind }) => independent.includes(kind)) &&
    new Set(columns).size === columns.length &&
    headOf(first) === headOf(second);
  if (!isSafe || next === undefined || next.start === second.start) return undefined;
  // What could not be read may stand between them.
  const areNeighbours = sql[first.end] === ';' && skipTrivia(sql, first.end + 1) === second.start;
  if (!areNeighbours) return undefined;
  return editOf(
    { start: first.end, end: first.end + 1, text: ',' },
    { start: second.start, end: next.start, text: '  ' },
  );
}

function columnOf({ name, command }: ReturnType<typeof alterations>[number]): string {
  const added = command.def !== undefined && 'ColumnDef' in command.def && command.def.ColumnDef;
  return added === false || added === undefined ? name : (added.colname ?? '');
}

// ONLY and IF EXISTS belong to every command of the statement.
function headOf(statement: Statement): string {
  const alter = bodyOf(statement, 'AlterTableStmt');
  const { schemaname, relname, inh } = alter?.relation ?? {};
  return JSON.stringify([schemaname, relname, inh, alter?.missing_ok]);
}
