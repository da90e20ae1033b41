// The model's types and routines: enums with their new values, domains, and how often a function has
// to be computed.

import type { Volatility } from '../sql/expression.ts';
import { constantText, pick, pickAll, rangeOf, strings } from '../sql/node.ts';
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
    const key = schema.key(rangeOf(strings(created.typeName)));
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
    schema.types.set(schema.key(rangeOf(strings(domain.domainname))), {
      kind: 'domain',
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
  if (other.relname) schema.types.set(schema.key(other), { kind: 'other' });
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
  });
}

// The server inlines a simple SQL function before it asks whether a default is volatile, so the
// declaration of one proves nothing either way. (inline_function in the server's clauses.c)
function routineVolatility(language: string, declared: string | undefined): Volatility {
  if (declared === 'immutable' || declared === 'stable') return 'once';
  return language === 'sql' ? 'unknown' : 'each row';
}

/** The name of a routine that a statement does nothing but call: `SELECT f()` or `CALL p()`. */
export function calledRoutine(statement: Statement): string | undefined {
  const call = bodyOf(statement, 'CallStmt')?.funccall;
  if (call !== undefined) return strings(call.funcname).at(-1);
  const select = bodyOf(statement, 'SelectStmt');
  if (select === undefined || (select.fromClause ?? []).length > 0) return undefined;
  const [only, ...more] = pickAll(select.targetList, 'ResTarget');
  const called = pick(only?.val, 'FuncCall');
  return more.length === 0 ? strings(called?.funcname).at(-1) : undefined;
}
