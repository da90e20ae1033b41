// The SQL inside a PL/pgSQL body, made askable: each statement and expression that stands in the body,
// with its variables replaced by nulls of their types. The server itself looks at a body only when it
// runs (manual, 43.11.2).

import { parsePlpgsql, parseSql } from '../../postgres/parser.ts';

/** What a body holds. */
export interface BodySql {
  /** Statements that the server can be asked about. */
  readonly statements: readonly string[];
  /** True when the body builds SQL at run time, too. */
  readonly dynamic: boolean;
}

/**
 * Reads a body.
 *
 * @param definition the whole CREATE FUNCTION statement
 * @param row the table whose rows NEW and OLD are, for a trigger function
 */
export async function bodySql(definition: string, row: string | null): Promise<BodySql> {
  const tree = await parsePlpgsql(definition);
  const variables = variablesOf(tree, row);
  const expressions = [...expressionsIn(tree)];
  const statements: string[] = [];
  for (const { query, parseMode = 0, dynamic } of expressions) {
    if (dynamic) continue;
    const askable = await withoutVariables(asStatement(query, parseMode), variables);
    if (askable !== undefined) statements.push(askable);
  }
  return {
    statements: [...new Set(statements)],
    dynamic: expressions.some((expression) => expression.dynamic),
  };
}

interface Expression {
  readonly query: string;
  /** How the server parses it: 0 a statement, 2 an expression, from 3 on an assignment (parsenodes.h). */
  readonly parseMode?: number;
  readonly dynamic: boolean;
}

function* expressionsIn(value: unknown, dynamic = false): Generator<Expression> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value as Record<string, unknown>)) {
    if (key === 'PLpgSQL_expr') yield { ...(inner as Omit<Expression, 'dynamic'>), dynamic };
    else if (key === 'PLpgSQL_stmt_dynexecute' || key === 'PLpgSQL_stmt_dynfors') {
      const { query, ...rest } = inner as Record<string, unknown>;
      yield* expressionsIn(query, true);
      yield* expressionsIn(rest);
    } else yield* expressionsIn(inner, key === 'dynquery');
  }
}

function asStatement(query: string, parseMode: number): string {
  if (parseMode === 0) return query;
  return `SELECT ${parseMode >= 3 ? query.replace(/^[\s\S]*?:?=/, '') : query}`;
}

// What is written for a variable: a null of its type; the row that it is, for its fields.
interface Variable {
  readonly value: string;
  /** A value of which fields can be asked; null where their names are known at run time only. */
  readonly row: string | null;
}

interface Datum {
  readonly PLpgSQL_var?: { refname: string; datatype?: { PLpgSQL_type?: { typname?: string } } };
  readonly PLpgSQL_rec?: { refname: string; datatype?: { PLpgSQL_type?: { typname?: string } } };
}

function variablesOf(tree: unknown, row: string | null): ReadonlyMap<string, Variable> {
  const [first] =
    (tree as { plpgsql_funcs?: { PLpgSQL_function?: { datums?: Datum[] } }[] }).plpgsql_funcs ?? [];
  const variables = new Map<string, Variable>();
  for (const datum of first?.PLpgSQL_function?.datums ?? []) {
    const found = datum.PLpgSQL_var ?? datum.PLpgSQL_rec;
    if (found === undefined) continue;
    const { refname, datatype } = found;
    const isTriggerRow = refname === 'new' || refname === 'old';
    variables.set(
      refname.toLowerCase(),
      isTriggerRow && row !== null ? rowOf(row) : variableOf(datatype?.PLpgSQL_type?.typname ?? ''),
    );
  }
  return variables;
}

function variableOf(type: string): Variable {
  const column = /^(.+)\.([^.]+)%type$/i.exec(type);
  if (column !== null)
    return { value: `(SELECT ${column[2]} FROM ${column[1]} LIMIT 0)`, row: null };
  const table = /^(.+)%rowtype$/i.exec(type)?.[1];
  if (table !== undefined) return rowOf(table);
  const isUnknown = type === '' || type.toLowerCase() === 'record';
  return isUnknown
    ? { value: 'NULL', row: null }
    : { value: `(NULL::${type})`, row: `(NULL::${type})` };
}

function rowOf(table: string): Variable {
  return { value: `(NULL::${table})`, row: `(NULL::${table})` };
}

async function withoutVariables(
  sql: string,
  variables: ReadonlyMap<string, Variable>,
): Promise<string | undefined> {
  const { statements, problems } = await parseSql(sql);
  const [statement] = statements;
  if (problems.length > 0 || statement === undefined) return undefined;
  let text = sql;
  const references = [...columnReferences(statement.node)].sort((a, b) => b.location - a.location);
  for (const { location, names } of references) {
    const value = substituteFor(names, variables);
    if (value === undefined) continue;
    const length = written.exec(text.slice(location))?.[0].length ?? 0;
    text = `${text.slice(0, location)}${value}${text.slice(location + length)}`;
  }
  return text;
}

const written =
  /^(?:"(?:[^"]|"")+"|[\w$\u0080-\uFFFF]+)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[\w$\u0080-\uFFFF]+))*/;

// A variable by its name, a field of a row, or either behind the name of the function.
function substituteFor(
  names: readonly string[],
  variables: ReadonlyMap<string, Variable>,
): string | undefined {
  const [first = '', second] = names;
  const variable = variables.get(first);
  if (variable === undefined) return undefined;
  if (second === undefined) return variable.value;
  return variable.row === null ? 'NULL' : `${variable.row}."${second.replaceAll('"', '""')}"`;
}

function* columnReferences(value: unknown): Generator<{ location: number; names: string[] }> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value as Record<string, unknown>)) {
    if (key === 'ColumnRef') {
      const { fields = [], location = 0 } = inner as {
        fields?: { String?: { sval?: string } }[];
        location?: number;
      };
      const names = fields.flatMap((field) => field.String?.sval ?? []);
      if (names.length === fields.length) yield { location, names };
    } else yield* columnReferences(inner);
  }
}
