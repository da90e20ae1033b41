// Puts a range behind the condition of a statement, in the author's own text, and proves by the parser that
// nothing else has changed.

import { type Node, parseSql } from '../postgres/parser.ts';
import { topLevelWords } from '../postgres/top-level-words.ts';
import { cannotBeBatched } from './batch-refusal.ts';

/**
 * The statement with `ranges` as further parts of its condition.
 *
 * @throws `apply/cannot-be-batched` when its text cannot be edited so
 */
export async function narrowed(
  sql: string,
  node: Node,
  ranges: readonly string[],
): Promise<string> {
  const edited = withCondition(sql, ranges.join(' AND '));
  await assertOnlyNarrowed(node, edited, ranges.length);
  return edited;
}

const endsCondition: ReadonlySet<string> = new Set(['order', 'for', 'window', 'returning']);

// Before the first word at the top that ends the condition; a comment at the end of the old condition
// must not swallow the parenthesis.
function withCondition(sql: string, range: string): string {
  const words = topLevelWords(sql);
  const end = words.find(
    ({ word, next }) => endsCondition.has(word) || (word === 'on' && next === 'conflict'),
  );
  // An ON CONFLICT may have a WHERE of its own.
  const condition = words.find(
    ({ word, start }) => word === 'where' && (end === undefined || start < end.start),
  );
  const to = end?.start ?? sql.length;
  const head = sql.slice(0, condition?.start ?? to);
  const tail = sql.slice(to);
  const old = condition === undefined ? '' : `(${sql.slice(condition.end, to)}\n) AND `;
  return `${head}\nWHERE ${old}${range}\n${tail}`;
}

// Words can be read wrongly (`AS order`), the parser cannot be: the edited statement must be the old one
// but for the range behind its condition.
async function assertOnlyNarrowed(node: Node, edited: string, ranges: number): Promise<void> {
  const { statements } = await parseSql(edited);
  const before = withoutPlaces(node);
  const after = withoutPlaces(statements[0]?.node ?? ({} as Node));
  const [old, now] = [takeCondition(before), takeCondition(after)];
  const wanted = old === undefined ? [] : (argumentsOf(old) ?? [old]);
  const kept = (argumentsOf(now) ?? [now]).slice(0, -ranges);
  if (
    statements.length === 1 &&
    JSON.stringify(before) === JSON.stringify(after) &&
    JSON.stringify(kept) === JSON.stringify(wanted)
  ) {
    return;
  }
  throw cannotBeBatched(
    'its condition cannot be found in its text',
    'Write it without words such as "where" or "order" as names.',
  );
}

function withoutPlaces(node: Node): Record<string, unknown> {
  return JSON.parse(
    JSON.stringify(node, (key, value: unknown) =>
      /location|list_start|list_end/.test(key) ? undefined : value,
    ),
  ) as Record<string, unknown>;
}

// Takes the condition out of the statement, or out of the SELECT of an INSERT.
function takeCondition(tree: Record<string, unknown>): unknown {
  const [body] = Object.values(tree) as Record<string, unknown>[];
  const select = (body?.selectStmt as { SelectStmt?: Record<string, unknown> } | undefined)
    ?.SelectStmt;
  const holder = select ?? body ?? {};
  const condition = holder.whereClause;
  delete holder.whereClause;
  return condition;
}

// The parser makes one list of `a AND b AND c`, whatever the parentheses.
function argumentsOf(condition: unknown): unknown[] | undefined {
  const and = (condition as { BoolExpr?: { boolop?: string; args?: unknown[] } } | undefined)
    ?.BoolExpr;
  return and?.boolop === 'AND_EXPR' ? and.args : undefined;
}
