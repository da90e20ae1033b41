// From the model's keys back to names, and from objects to the tables that they belong to.

import type { RangeVar } from '@pgsql/types';
import { contains } from '../sql/node.ts';
import type { SchemaModel } from './schema.ts';

/** The tables that foreign keys inside a CREATE TABLE point to. */
export function referencedTables(create: unknown): RangeVar[] {
  const tables: RangeVar[] = [];
  contains([create], 'Constraint', ({ contype, pktable }) => {
    if (contype === 'CONSTR_FOREIGN' && pktable !== undefined) tables.push(pktable);
    return false;
  });
  return tables;
}

/** The table of an index, where the model knows it. */
export function tableOfIndex(
  index: RangeVar | undefined,
  schema: SchemaModel,
): RangeVar | undefined {
  return rangeOfKey(schema.index(schema.key(index))?.table);
}

/** A key of the model as a name; the default schema is left out, as people do. */
export function rangeOfKey(key: string | undefined): RangeVar | undefined {
  if (key === undefined) return undefined;
  const dot = key.indexOf('.');
  const relname = key.slice(dot + 1);
  return key.startsWith('public.') ? { relname } : { relname, schemaname: key.slice(0, dot) };
}
