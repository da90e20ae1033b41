// The statements inside DO blocks and PL/pgSQL routines, with their places in the file. What is put
// together at run time cannot be known and is told as such.

import { type ParsedStatement, parsePlpgsql, parseSql } from '../postgres/parser.ts';
import { constantText, type Node, option, pick, pickAll, strings } from './sql/node.ts';
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
  if (create?.sql_body !== undefined) {
    const text = atomicBody(statement);
    return text === undefined
      ? nothing
      : sqlBody(text, { kind: 'routine', runs: false, commits: false });
  }
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

// BEGIN ATOMIC … END (14 and newer). The other form, RETURN, is an expression.
function atomicBody({ text, start }: Statement): Body | undefined {
  const begin = /\bbegin\s+atomic\b/i.exec(text);
  const end = /\bend\s*$/i.exec(text);
  if (begin === null || end === null) return undefined;
  const from = begin.index + begin[0].length;
  return { text: text.slice(from, end.index), start: start + from };
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
      const constant = await constantQuery(query);
      const end = at < 0 ? start : start + query.length;
      if (constant === undefined) {
        dynamic.push({ start, end });
        continue;
      }
      const parsed = await parseSql(constant);
      const inner = query.indexOf(constant);
      // A text that is put together of constants has no place of its own: the expression's is taken.
      const placed = (each: ParsedStatement): Statement =>
        inner < 0 ? { ...each, start, end, inside } : moved(each, start + inner, inside);
      statements.push(...parsed.statements.map(placed));
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

// Where a statement of PL/pgSQL keeps the SQL that it runs as it is written.
const staticQueries: Readonly<Record<string, 'sqlstmt' | 'expr' | 'query'>> = {
  PLpgSQL_stmt_execsql: 'sqlstmt',
  PLpgSQL_stmt_perform: 'expr',
  PLpgSQL_stmt_call: 'expr',
  PLpgSQL_stmt_fors: 'query',
  PLpgSQL_stmt_return_query: 'query',
  PLpgSQL_stmt_open: 'query',
};

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
    const field = staticQueries[kind];
    const staticQuery = field === undefined ? undefined : queryOf(inner[field]);
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

// EXECUTE of a constant text is as good as the text, and so is what constants are put together to.
async function constantQuery(expression: string): Promise<string | undefined> {
  const [select] = (await parseSql(`SELECT ${expression}`)).statements;
  const targets = pickAll(pick(select?.node, 'SelectStmt')?.targetList, 'ResTarget');
  return targets.length === 1 ? constantValue(targets[0]?.val) : undefined;
}

function constantValue(node: Node | undefined): string | undefined {
  const cast = pick(node, 'TypeCast');
  if (cast !== undefined) return constantValue(cast.arg);
  const operation = pick(node, 'A_Expr');
  if (operation !== undefined) {
    const [left, right] = [constantValue(operation.lexpr), constantValue(operation.rexpr)];
    const isJoin = strings(operation.name).join() === '||';
    return isJoin && left !== undefined && right !== undefined ? left + right : undefined;
  }
  const call = pick(node, 'FuncCall');
  if (call !== undefined) {
    // Only without placeholders, which would need format's own quoting.
    const [text] = call.args ?? [];
    const value = constantValue(text);
    const isPlain = strings(call.funcname).at(-1) === 'format' && !value?.includes('%');
    return isPlain ? value : undefined;
  }
  return constantText(node);
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}
