// The statements inside DO blocks and PL/pgSQL routines, with their places in the file. What is put
// together at run time cannot be known and is told as such.

import { parsePlpgsql, parseSql } from '../postgres/parser.ts';
import { constantText, option, pick, pickAll } from './sql/node.ts';
import { bodyOf, type Statement } from './statement.ts';

/** What a body holds. */
export interface RoutineBody {
  readonly statements: readonly Statement[];
  /** Places of EXECUTE with a text that is made at run time. */
  readonly dynamic: readonly { readonly start: number; readonly end: number }[];
}

const nothing: RoutineBody = { statements: [], dynamic: [] };

/** Looks into a DO statement or a CREATE FUNCTION; other statements have no body. */
export async function routineBody(statement: Statement): Promise<RoutineBody> {
  const block = bodyOf(statement, 'DoStmt');
  const create = bodyOf(statement, 'CreateFunctionStmt');
  const options = block?.args ?? create?.options;
  if (options === undefined) return nothing;
  const language = option(options, 'language');
  const name = language === true ? '' : (constantText(language) ?? (block ? 'plpgsql' : 'sql'));
  const body = bodyText(options, statement);
  if (body === undefined) return nothing;
  const kind = block ? 'do' : 'routine';
  const inside = { kind, runs: block !== undefined, commits: false } as const;
  if (name === 'sql') return sqlBody(body, inside);
  if (name !== 'plpgsql') return { statements: [], dynamic: [wholeOf(statement)] };
  try {
    const tree = await parsePlpgsql(statement.text);
    const commits = JSON.stringify(tree).includes('"PLpgSQL_stmt_commit"');
    return await collect(tree, body, { ...inside, commits });
  } catch {
    // libpg_query refuses some bodies that the server takes (types it cannot look up): not checked.
    return { statements: [], dynamic: [wholeOf(statement)] };
  }
}

interface Body {
  readonly text: string;
  /** Where the text begins in the file. */
  readonly start: number;
}

function bodyText(options: Parameters<typeof option>[0], statement: Statement): Body | undefined {
  const as = option(options, 'as');
  if (as === undefined || as === true) return undefined;
  const text = pick(as, 'String')?.sval ?? pickAll(pick(as, 'List')?.items, 'String')[0]?.sval;
  if (text === undefined) return undefined;
  // A body in plain quotes with doubled quotes inside has no exact place: the statement's is taken.
  const at = statement.text.indexOf(text);
  return at < 0 ? undefined : { text, start: statement.start + at };
}

function wholeOf({ start, end }: Statement): { start: number; end: number } {
  return { start, end };
}

async function sqlBody(body: Body, inside: Statement['inside']): Promise<RoutineBody> {
  const { statements } = await parseSql(body.text);
  return { statements: statements.map((each) => moved(each, body.start, inside)), dynamic: [] };
}

async function collect(
  tree: unknown,
  body: Body,
  inside: NonNullable<Statement['inside']>,
): Promise<RoutineBody> {
  const statements: Statement[] = [];
  const dynamic: { start: number; end: number }[] = [];
  const lines = lineStarts(body.text);
  for (const { kind, line, query } of queries(tree)) {
    const from = lines[Math.max(0, line - 1)] ?? 0;
    const at = body.text.indexOf(query, from);
    const start = body.start + Math.max(at, from);
    if (kind === 'dynamic') {
      const constant = constantQuery(query);
      if (constant === undefined) {
        dynamic.push({ start, end: at < 0 ? start : start + query.length });
        continue;
      }
      const parsed = await parseSql(constant);
      const inner = start + Math.max(0, query.indexOf(constant));
      statements.push(...parsed.statements.map((each) => moved(each, inner, inside)));
    } else {
      const parsed = await parseSql(query);
      statements.push(...parsed.statements.map((each) => moved(each, start, inside)));
    }
  }
  return { statements: statements.sort((a, b) => a.start - b.start), dynamic };
}

function moved(
  statement: Pick<Statement, 'text' | 'start' | 'end' | 'node'>,
  by: number,
  inside: Statement['inside'],
): Statement {
  return { ...statement, start: statement.start + by, end: statement.end + by, inside };
}

interface Query {
  readonly kind: 'static' | 'dynamic';
  readonly line: number;
  readonly query: string;
}

// PLpgSQL_stmt_* nodes: SQL that stands in the body as it is, and EXECUTE in its three forms.
function* queries(tree: unknown): Generator<Query> {
  if (Array.isArray(tree)) {
    for (const each of tree) yield* queries(each);
    return;
  }
  if (typeof tree !== 'object' || tree === null) return;
  for (const [kind, inner] of Object.entries(tree as Record<string, Record<string, unknown>>)) {
    if (typeof inner !== 'object' || inner === null) continue;
    const line = typeof inner.lineno === 'number' ? inner.lineno : 1;
    const staticQuery = queryOf(inner.sqlstmt);
    const dynamicQuery =
      queryOf(inner.dynquery) ??
      (kind === 'PLpgSQL_stmt_dynexecute' || kind === 'PLpgSQL_stmt_dynfors'
        ? queryOf(inner.query)
        : undefined);
    if (staticQuery !== undefined) yield { kind: 'static', line, query: staticQuery };
    if (dynamicQuery !== undefined) yield { kind: 'dynamic', line, query: dynamicQuery };
    yield* queries(inner);
  }
}

function queryOf(expression: unknown): string | undefined {
  const inner = (expression as { PLpgSQL_expr?: { query?: string } } | undefined)?.PLpgSQL_expr;
  return inner?.query;
}

// EXECUTE of a constant text is as good as the text.
function constantQuery(expression: string): string | undefined {
  const plain = /^\s*'((?:[^']|'')*)'\s*$/.exec(expression)?.[1];
  if (plain !== undefined) return plain.replaceAll("''", "'");
  return /^\s*\$(\w*)\$([\s\S]*)\$\1\$\s*$/.exec(expression)?.[2];
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}
