// Names of data types: one spelling for each, and what changing one into another costs.

import type { TypeName } from '@pgsql/types';
import { constantText, strings } from './node.ts';

/** A data type in its one spelling. */
export interface DataType {
  /** Name without schema, as `pg_type` has it: `int4`, `varchar`, `mood`. */
  readonly name: string;
  readonly schema: string | undefined;
  /** Length, or precision and scale. */
  readonly modifiers: readonly number[];
  readonly isArray: boolean;
}

const aliases: Readonly<Record<string, string>> = {
  smallserial: 'serial2',
  bigserial: 'serial8',
  serial: 'serial4',
};

/** The one spelling of a type as the parser gives it. */
export function dataType(type: TypeName | undefined): DataType {
  const parts = strings(type?.names);
  const name = parts.at(-1) ?? '';
  const schema = parts.length > 1 && parts[0] !== 'pg_catalog' ? parts[0] : undefined;
  return {
    name: aliases[name] ?? name,
    schema,
    modifiers: (type?.typmods ?? []).map((each) => Number(constantText(each))),
    isArray: (type?.arrayBounds ?? []).length > 0,
  };
}

const sqlNames: Readonly<Record<string, string>> = {
  int2: 'smallint',
  int4: 'integer',
  int8: 'bigint',
  float4: 'real',
  float8: 'double precision',
  bool: 'boolean',
  bpchar: 'char',
  serial2: 'smallserial',
  serial4: 'serial',
  serial8: 'bigserial',
};

/** A type as people write it. */
export function shownType(type: DataType): string {
  const name = sqlNames[type.name] ?? type.name;
  const modifiers = type.modifiers.length > 0 ? `(${type.modifiers.join(', ')})` : '';
  return `${type.schema === undefined ? '' : `${type.schema}.`}${name}${modifiers}${type.isArray ? '[]' : ''}`;
}

/** True for `serial` and its kin: an integer with a sequence as its default. */
export function isSerial(type: DataType): boolean {
  return /^serial[248]$/.test(type.name);
}

/**
 * What ALTER COLUMN … TYPE does to the heap: `rewrite`, `none`, or `time-zone` where the server
 * decides by the session's TimeZone (timestamp and timestamptz are the same bytes in UTC, since 12).
 *
 * From the casts that pg_cast marks binary-coercible, and the type's own support function for its
 * modifiers (varchar_support, numeric_support, varbit_support, the interval and time families).
 */
export function costOfChange(from: DataType, to: DataType): 'rewrite' | 'none' | 'time-zone' {
  if (from.isArray !== to.isArray) return 'rewrite';
  if (from.name === to.name) return isWider(from, to) ? 'none' : 'rewrite';
  const pair = `${from.name} ${to.name}`;
  if (pair === 'timestamp timestamptz' || pair === 'timestamptz timestamp') return 'time-zone';
  if (pair === 'cidr inet' || pair === 'bit varbit' || pair === 'xml text') {
    return to.modifiers.length === 0 ? 'none' : 'rewrite';
  }
  const isText = (type: DataType): boolean => type.name === 'text' || type.name === 'varchar';
  return isText(from) && isText(to) && to.modifiers.length === 0 ? 'none' : 'rewrite';
}

// The same type with other modifiers: does every stored value fit as it stands?
function isWider(from: DataType, to: DataType): boolean {
  if (to.name === 'bpchar' || to.name === 'bit') {
    return (from.modifiers[0] ?? 1) === (to.modifiers[0] ?? 1);
  }
  if (to.modifiers.length === 0) return true;
  if (from.modifiers.length === 0) return false;
  const [fromSize = 0, fromScale = 0] = from.modifiers;
  const [toSize = 0, toScale = 0] = to.modifiers;
  return toSize >= fromSize && fromScale === toScale;
}

/** True when values may be cut, refused or lose digits on the way. */
export function mayLose(from: DataType, to: DataType): boolean {
  const rank = ['int2', 'int4', 'int8', 'numeric'];
  const [a, b] = [rank.indexOf(from.name), rank.indexOf(to.name)];
  if (from.name === to.name) return !isWider(from, to);
  if (a >= 0 && b >= 0) return b < a || to.modifiers.length > 0;
  if (from.name === 'text' || from.name === 'varchar') {
    return !(to.name === 'text' || to.name === 'varchar') || to.modifiers.length > 0;
  }
  return ['float8 float4', 'timestamptz date', 'timestamp date', 'timestamptz time'].includes(
    `${from.name} ${to.name}`,
  );
}

const builtIn = new Set(
  (
    'bit bool box bpchar bytea char cidr circle date datemultirange daterange float4 float8 inet int2 int4 ' +
    'int4multirange int4range int8 int8multirange int8range interval json jsonb jsonpath line lseg ' +
    'macaddr macaddr8 money name numeric nummultirange numrange oid path pg_lsn point polygon regclass ' +
    'regproc regtype serial2 serial4 serial8 text time timestamp timestamptz timetz tsmultirange ' +
    'tsquery tsrange tstzmultirange tstzrange tsvector uuid varbit varchar xml xid xid8 ' +
    'citext hstore ltree geometry geography vector'
  ).split(' '),
);

/** True for types that come with the server or a well-known extension, so cannot be a user's domain. */
export function isBuiltIn(type: DataType): boolean {
  return type.schema === undefined && builtIn.has(type.name);
}
