// A statement that is to be run in batches: which table is walked, and the text with a range of its key
// in the condition. The author's text is edited in place and read again, never printed anew.

import type { DeleteStmt, InsertStmt, RangeVar, SelectStmt, UpdateStmt } from '@pgsql/types';
import type { Failure } from '../core/failure.ts';
import { quoteIdentifier } from '../postgres/address.ts';
import { type Node, parseSql } from '../postgres/parser.ts';
import { cannotBeBatched } from './batch-refusal.ts';
import { narrowed } from './narrow.ts';

/** What a batch needs to know of its statement. */
export interface BatchStatement {
  /** The table whose key is walked, by its name alone. */
  readonly relation: string;
  /** The same as a statement names it, with ONLY where the author says so. */
  readonly table: string;
  /** Columns that the statement writes in that table. */
  readonly writes: readonly string[];
  /** Functions that its SELECT calls: one that sums up rows cannot be run in batches. */
  readonly functions: readonly string[];
  /**
   * The statement for keys up to `$1…$n`, the key being of these columns; with `isBounded`, after
   * `$n+1…$2n`.
   */
  inRange(key: readonly KeyColumn[], isBounded: boolean): Promise<string>;
}

/** A column of the key that is walked. */
export interface KeyColumn {
  readonly name: string;
  readonly type: string;
}

/**
 * Reads the statement.
 *
 * @throws `apply/cannot-be-batched` when the outcome of the batches together would be another one than
 *   that of the statement
 */
export async function readBatchStatement(sql: string): Promise<BatchStatement> {
  const { statements } = await parseSql(sql);
  const node = statements[0]?.node ?? ({} as Node);
  const parts = partsOf(node);
  const { walked, target } = parts;
  const others = tablesIn(node).filter((table) => table !== walked && table !== target);
  if (others.some((table) => table.relname === target.relname)) {
    throw cannotBeBatched(
      `it also reads ${target.relname}, which earlier batches have changed by then`,
      'Write what it reads into a table of its own first, in an earlier step.',
    );
  }
  if (parts.walked !== target && walked.relname === target.relname) {
    throw cannotBeBatched(
      `it adds rows to ${target.relname}, the table that it walks`,
      'Insert into another table.',
    );
  }
  if (hasWritingWith(node)) {
    throw cannotBeBatched(
      'its WITH changes rows, once for every batch',
      'Make that a statement of its own.',
    );
  }
  return {
    relation: nameOf(walked),
    table: `${walked.inh === true ? '' : 'ONLY '}${nameOf(walked)}`,
    writes: parts.writes,
    functions: parts.functions,
    inRange: async (key, isBounded) => {
      const range = rangeOf(walked, key, isBounded);
      return narrowed(sql, node, range);
    },
  };
}

interface Parts {
  readonly target: RangeVar;
  readonly walked: RangeVar;
  readonly writes: readonly string[];
  readonly functions: readonly string[];
}

function partsOf(node: Node): Parts {
  if ('UpdateStmt' in node) return updateParts(node.UpdateStmt);
  if ('DeleteStmt' in node) return deleteParts(node.DeleteStmt);
  if ('InsertStmt' in node) return insertParts(node.InsertStmt);
  throw cannotBeBatched('it is no UPDATE, DELETE or INSERT … SELECT', 'Take the comment away.');
}

function updateParts({ relation, targetList }: UpdateStmt): Parts {
  const writes = (targetList ?? []).flatMap((item) =>
    'ResTarget' in item && item.ResTarget.name !== undefined ? [item.ResTarget.name] : [],
  );
  return { target: relation ?? {}, walked: relation ?? {}, writes, functions: [] };
}

function deleteParts({ relation }: DeleteStmt): Parts {
  return { target: relation ?? {}, walked: relation ?? {}, writes: [], functions: [] };
}

// The rows of an INSERT are walked by the first table of its FROM: each of them must come from exactly
// one row there.
function insertParts({ relation, selectStmt }: InsertStmt): Parts {
  const select =
    selectStmt !== undefined && 'SelectStmt' in selectStmt ? selectStmt.SelectStmt : {};
  const summing: readonly (readonly [unknown, string])[] = [
    [select.groupClause, 'GROUP BY'],
    [select.havingClause, 'HAVING'],
    [select.distinctClause, 'DISTINCT'],
    [select.limitCount ?? select.limitOffset, 'LIMIT'],
    [select.op !== 'SETOP_NONE' ? select.op : undefined, 'UNION'],
  ];
  const found = summing.find(([clause]) => clause !== undefined);
  if (found !== undefined) throw looksAtAll(found[1]);
  const walked = firstTable(select);
  if (walked === undefined) {
    throw cannotBeBatched(
      'its FROM does not begin with a table whose rows could be walked',
      'Begin its FROM with that table, or make it an inner or left join behind it.',
    );
  }
  return { target: relation ?? {}, walked, writes: [], functions: functionsIn(select.targetList) };
}

function firstTable({ fromClause }: SelectStmt): RangeVar | undefined {
  let node = fromClause?.[0];
  while (node !== undefined && 'JoinExpr' in node) {
    const { jointype, larg } = node.JoinExpr;
    // The other side of a RIGHT or FULL JOIN gives rows that belong to no row here.
    if (jointype !== 'JOIN_INNER' && jointype !== 'JOIN_LEFT') return undefined;
    node = larg;
  }
  return node !== undefined && 'RangeVar' in node ? node.RangeVar : undefined;
}

function rangeOf(walked: RangeVar, key: readonly KeyColumn[], isBounded: boolean): string[] {
  const alias = quoteIdentifier(walked.alias?.aliasname ?? walked.relname ?? '');
  const columns = key.map(({ name }) => `${alias}.${quoteIdentifier(name)}`).join(', ');
  const values = (from: number): string =>
    key.map(({ type }, index) => `$${from + index}::${type}`).join(', ');
  const upTo = `(${columns}) <= (${values(1)})`;
  return isBounded ? [upTo, `(${columns}) > (${values(key.length + 1)})`] : [upTo];
}

function nameOf({ schemaname, relname }: RangeVar): string {
  return [schemaname, relname].flatMap((part) => (part ? [quoteIdentifier(part)] : [])).join('.');
}

function tablesIn(node: Node): RangeVar[] {
  const found: RangeVar[] = [];
  visit(node, (kind, value) => {
    if (kind === 'RangeVar' || kind === 'relation') found.push(value as RangeVar);
    return true;
  });
  return found;
}

function functionsIn(targets: readonly Node[] | undefined): string[] {
  const found: string[] = [];
  visit(targets, (kind, value) => {
    if (kind !== 'FuncCall') return kind !== 'SubLink';
    const { funcname, over } = value as { funcname?: Node[]; over?: unknown };
    if (over !== undefined) throw looksAtAll('a window function');
    const last = funcname?.at(-1);
    if (last !== undefined && 'String' in last) found.push(last.String.sval ?? '');
    return true;
  });
  return found;
}

function hasWritingWith(node: Node): boolean {
  let found = false;
  visit(node, (kind, value) => {
    if (kind === 'CommonTableExpr') {
      found ||= !('SelectStmt' in ((value as { ctequery?: object }).ctequery ?? {}));
    }
    return true;
  });
  return found;
}

// Calls `look` for everything below; what it answers with false is not looked into.
function visit(value: unknown, look: (kind: string, value: object) => boolean): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [kind, inner] of Object.entries(value)) {
    if (typeof inner !== 'object' || inner === null) continue;
    if (look(kind, inner)) visit(inner, look);
  }
}

function looksAtAll(what: string): Failure {
  return cannotBeBatched(
    `its SELECT has ${what}, which looks at all rows together`,
    'Write the rows that it gives into a table of its own, and insert from there.',
  );
}
