// The model's types and routines: enums with their new values, domains, and how often a function has
// to be computed.

import type { Volatility } from '../sql/expression.ts';
import { constantText, type Node, option, pickAll, rangeOf, strings, walk } from '../sql/node.ts';
import { dataType } from '../sql/type-name.ts';
import { bodyOf, type Statement } from '../statement.ts';
import type { SchemaModel } from './schema.ts';
import type { TransactionModel } from './transaction.ts';

/** Applies a statement about a type to the model and to the transaction it runs in. */
export function foldType(
  schema: SchemaModel,
  statement: Statement,
  transaction: TransactionModel,
): void {
  const created = bodyOf(statement, 'CreateEnumStmt');
  if (created !== undefined) {
    const key = schema.newKey(rangeOf(strings(created.typeName)));
    schema.types.set(key, { kind: 'enum', madeIn: schema.file, transaction: transaction.id });
  }
  const altered = bodyOf(statement, 'AlterEnumStmt');
  if (altered?.newVal !== undefined && altered.oldVal === undefined) {
    const key = schema.key(rangeOf(strings(altered.typeName)));
    const values = transaction.enumValues.get(key) ?? new Set();
    transaction.enumValues.set(key, values.add(altered.newVal));
    if (!schema.types.has(key)) schema.types.set(key, { kind: 'enum', madeIn: 0, transaction: 0 });
  }
  const domain = bodyOf(statement, 'CreateDomainStmt');
  if (domain !== undefined) {
    const isConstrained = pickAll(domain.constraints, 'Constraint').some(
      ({ contype }) => contype === 'CONSTR_CHECK' || contype === 'CONSTR_NOTNULL',
    );
    schema.types.set(schema.newKey(rangeOf(strings(domain.domainname))), {
      kind: 'domain',
      madeIn: schema.file,
      isConstrained,
      base: dataType(domain.typeName),
    });
  }
  const constrained = bodyOf(statement, 'AlterDomainStmt');
  if (constrained?.subtype === 'C' || constrained?.subtype === 'O') {
    const key = schema.key(rangeOf(strings(constrained.typeName)));
    const known = schema.types.get(key);
    if (known?.kind === 'domain') schema.types.set(key, { ...known, isConstrained: true });
  }
  const other =
    bodyOf(statement, 'CompositeTypeStmt')?.typevar ??
    rangeOf(strings(bodyOf(statement, 'CreateRangeStmt')?.typeName));
  if (other.relname) schema.types.set(schema.newKey(other), { kind: 'other' });
}

/** Notes a function or procedure, by its bare name. */
export function foldRoutine(schema: SchemaModel, statement: Statement): void {
  const create = bodyOf(statement, 'CreateFunctionStmt');
  const name = strings(create?.funcname).at(-1);
  if (create === undefined || name === undefined) return;
  const options = new Map(
    pickAll(create.options, 'DefElem').map((each) => [each.defname ?? '', each.arg]),
  );
  const language = constantText(options.get('language')) ?? 'sql';
  schema.routines.set(name, {
    volatility: routineVolatility(language, constantText(options.get('volatility'))),
    definition: statement.text,
    commits: commits(statement.text),
  });
}

/** Follows ALTER FUNCTION … IMMUTABLE and its kin. */
export function foldAlteredRoutine(schema: SchemaModel, statement: Statement): void {
  const alter = bodyOf(statement, 'AlterFunctionStmt');
  const name = strings(alter?.func?.objname).at(-1) ?? '';
  const known = schema.routines.get(name);
  const volatility = constantText(option(alter?.actions, 'volatility') as Node | undefined);
  if (known === undefined || volatility === undefined) return;
  const isSteady = volatility === 'immutable' || volatility === 'stable';
  schema.routines.set(name, { ...known, volatility: isSteady ? 'once' : 'each row' });
}

// Not in quotes and not in comments.
function commits(definition: string): boolean {
  const code = definition.replace(/'(?:[^']|'')*'|--.*|\/\*[\s\S]*?\*\//g, ' ');
  return /\bcommit\s*;/i.test(code);
}

// The server inlines a simple SQL function before it asks whether a default is volatile, so the
// declaration of one proves nothing either way. (inline_function in the server's clauses.c)
function routineVolatility(language: string, declared: string | undefined): Volatility {
  if (declared === 'immutable' || declared === 'stable') return 'once';
  return language === 'sql' ? 'unknown' : 'each row';
}

/** The names of the routines that a query or a CALL runs, wherever in it they stand. */
export function calledRoutines(statement: Statement): string[] {
  const kind = Object.keys(statement.node)[0] ?? '';
  if (!/^(Select|Call|Insert|Update|Delete|Merge|CreateTableAs)Stmt$/.test(kind)) return [];
  const names = new Set<string>();
  const note = (call: { readonly funcname?: Node[] }): void => {
    const name = strings(call.funcname).at(-1);
    if (name !== undefined) names.add(name);
  };
  // The call of a CALL is no node of its own in the tree.
  note(bodyOf(statement, 'CallStmt')?.funccall ?? {});
  walk([statement.node], (each, body) => {
    if (each === 'FuncCall') note(body);
  });
  return [...names];
}
