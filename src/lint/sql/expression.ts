// What can be told about an expression from its text: volatility, truth, and what it proves.

import { constantText, type Node, pick, pickAll, strings, walk } from './node.ts';

/** How often the server must compute an expression: once, or for every row; or it cannot be told. */
export type Volatility = 'once' | 'each row' | 'unknown';

// provolatile in pg_proc: volatile functions that appear in defaults.
const volatileFunctions = new Set(
  (
    'random random_normal clock_timestamp timeofday nextval currval lastval setval gen_random_uuid ' +
    'gen_random_bytes uuidv4 uuidv7 uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 gen_salt ' +
    'pg_sleep txid_current_if_assigned'
  ).split(' '),
);

const steadyFunctions = new Set(
  (
    'now transaction_timestamp statement_timestamp current_setting timezone date_trunc date_part extract ' +
    'to_timestamp to_date to_char to_number make_date make_timestamp make_timestamptz make_interval age ' +
    'lower upper initcap trim btrim ltrim rtrim replace substring substr left right lpad rpad concat ' +
    'concat_ws format length char_length md5 sha256 encode decode repeat reverse split_part translate ' +
    'abs ceil ceiling floor round trunc mod power sqrt sign greatest least coalesce nullif ' +
    'array_append array_cat array_fill array_length string_to_array array_to_string cardinality ' +
    'json_build_object jsonb_build_object json_build_array jsonb_build_array to_json to_jsonb ' +
    'json_object jsonb_object int4range int8range numrange tsrange tstzrange daterange to_tsvector ' +
    'to_tsquery plainto_tsquery uuid_nil uuid_generate_v3 uuid_generate_v5 set_config version ' +
    'pg_backend_pid inet_client_addr txid_current'
  ).split(' '),
);

/**
 * Whether a default has to be computed for each row. `known` answers for functions that the
 * migrations themselves define.
 */
export function volatility(
  expression: Node | undefined,
  known: (name: string) => Volatility = () => 'unknown',
): Volatility {
  let worst: Volatility = 'once';
  walk(expression, (kind, body) => {
    if (kind !== 'FuncCall') return;
    const name = strings((body as { funcname?: Node[] }).funcname).at(-1) ?? '';
    const each = volatilityOf(name, known);
    if (each === 'each row' || worst === 'once') worst = each === 'once' ? worst : each;
  });
  return worst;
}

function volatilityOf(name: string, known: (name: string) => Volatility): Volatility {
  const told = known(name);
  if (told !== 'unknown') return told;
  if (volatileFunctions.has(name)) return 'each row';
  return steadyFunctions.has(name) ? 'once' : 'unknown';
}

/** True when a WHERE clause is missing or always true, such as `true` or `1 = 1`. */
export function isAlwaysTrue(where: Node | undefined): boolean {
  if (where === undefined) return true;
  if (constantText(where) === 'true') return true;
  const comparison = pick(where, 'A_Expr');
  if (comparison === undefined || strings(comparison.name)[0] !== '=') return false;
  const [left, right] = [constantText(comparison.lexpr), constantText(comparison.rexpr)];
  return left !== undefined && left === right;
}

/** True for `NULL`, also when cast. */
export function isNull(expression: Node | undefined): boolean {
  const cast = pick(expression, 'TypeCast');
  if (cast !== undefined) return isNull(cast.arg);
  return pick(expression, 'A_Const')?.isnull === true;
}

/**
 * The columns that a CHECK expression proves to hold no NULL: `c IS NOT NULL`, alone or in an AND, or
 * the same said by NOT. An expression that is not NULL (`lower(c) IS NOT NULL`) proves nothing to the
 * server. (ConstraintImpliedByRelConstraint in tablecmds.c)
 */
export function columnsProvedNotNull(expression: Node | undefined): string[] {
  return columnsTested(expression, { isNegated: false });
}

function columnsTested(
  expression: Node | undefined,
  { isNegated }: { isNegated: boolean },
): string[] {
  const test = pick(expression, 'NullTest');
  if (test !== undefined) {
    const column = strings(pick(test.arg, 'ColumnRef')?.fields).at(-1);
    const saysNotNull = test.nulltesttype === (isNegated ? 'IS_NULL' : 'IS_NOT_NULL');
    return saysNotNull && column !== undefined ? [column] : [];
  }
  const bool = pick(expression, 'BoolExpr');
  if (bool?.boolop === 'NOT_EXPR') return columnsTested(bool.args?.[0], { isNegated: !isNegated });
  if (bool?.boolop !== (isNegated ? 'OR_EXPR' : 'AND_EXPR')) return [];
  return (bool.args ?? []).flatMap((each) => columnsTested(each, { isNegated }));
}

/** The texts of all constants in an expression. */
export function constantsOf(expression: unknown): string[] {
  const texts: string[] = [];
  walk([expression], (kind, body) => {
    if (kind !== 'A_Const') return;
    const text = constantText({ A_Const: body } as Node);
    if (text !== undefined) texts.push(text);
  });
  return texts;
}

/** The names of all columns that an expression reads. */
export function columnsOf(expression: unknown): string[] {
  const names: string[] = [];
  walk([expression], (kind, body) => {
    if (kind !== 'ColumnRef') return;
    const name = strings((body as { fields?: Node[] }).fields).at(-1);
    if (name !== undefined) names.push(name);
  });
  return names;
}

/** True when an expression is just a column, or a cast of it that `casts` accepts. */
export function isPlainColumn(expression: Node | undefined, column: string): boolean {
  return pickAll([expression ?? ({} as Node)], 'ColumnRef').some(
    (reference) => strings(reference.fields).at(-1) === column,
  );
}
