// Which texts are statements of the application that can be judged: those that read or change rows of
// its own tables. Utility statements and questions about the server itself are left out.

import { type Node, parseSql } from '../../postgres/parser.ts';
import { ownMark } from '../../postgres/rows.ts';
import type { ApplicationStatement } from './report.ts';
import { preparableText } from './shapes.ts';

/** The verdict about one text. */
type Judgeable = 'judgeable' | 'left out' | 'no statement';

/** Those that can be judged, and those that are no SQL: they are told as not checked. */
export async function onlyJudgeable(
  statements: readonly ApplicationStatement[],
): Promise<ApplicationStatement[]> {
  const verdicts = await Promise.all(statements.map(({ text }) => judgeable(text)));
  return statements.filter((_, index) => verdicts[index] !== 'left out');
}

async function judgeable(text: string): Promise<Judgeable> {
  const { statements, problems } = await parseSql(preparableText(text).sql);
  const [statement] = statements;
  if (problems.length > 0 || statement === undefined || statements.length > 1)
    return 'no statement';
  const isLeftOut =
    text.includes(ownMark) || !isAboutRows(statement.node) || isAboutServer(statement.node);
  return isLeftOut ? 'left out' : 'judgeable';
}

/** True when the statement asks for `*`, in its SELECT or in its RETURNING. */
export async function asksForStar(text: string): Promise<boolean> {
  const { statements } = await parseSql(preparableText(text).sql);
  return JSON.stringify(statements[0]?.node ?? {}).includes('"A_Star"');
}

function isAboutRows(node: Node): boolean {
  return ['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'].some(
    (kind) => kind in node,
  );
}

// Monitoring, and Drydock itself: all that they read is the server's own.
function isAboutServer(node: Node): boolean {
  const within = new Set(namesWithin(node));
  const relations = [...relationsIn(node)].filter(
    ({ schema, name }) => schema !== undefined || !within.has(name),
  );
  if (relations.length === 0) return [...functionsIn(node)].every(isServerFunction);
  return relations.every(({ schema, name }) =>
    schema === undefined
      ? name.startsWith('pg_')
      : ['pg_catalog', 'information_schema', 'drydock'].includes(schema) ||
        name.startsWith('pg_stat_'),
  );
}

function isServerFunction(name: string): boolean {
  return /^(pg_|current_|set_config$|version$|now$)/.test(name);
}

function* functionsIn(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value as Record<string, unknown>)) {
    if (key === 'FuncCall') {
      const { funcname = [] } = inner as { funcname?: { String?: { sval?: string } }[] };
      yield funcname.at(-1)?.String?.sval ?? '';
    }
    yield* functionsIn(inner);
  }
}

// WITH gives a name to a query of the statement itself.
function* namesWithin(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value as Record<string, unknown>)) {
    if (key === 'ctename' && typeof inner === 'string') yield inner;
    yield* namesWithin(inner);
  }
}

function* relationsIn(value: unknown): Generator<{ schema: string | undefined; name: string }> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value as Record<string, unknown>)) {
    if (typeof inner !== 'object' || inner === null) continue;
    const relation = inner as { relname?: unknown; schemaname?: string };
    if (typeof relation.relname === 'string' && (key === 'RangeVar' || key === 'relation')) {
      yield { schema: relation.schemaname, name: relation.relname };
    }
    yield* relationsIn(inner);
  }
}
