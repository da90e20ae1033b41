// Plans for columns that would rewrite the table: added beside, filled, then put in place.

import type { ColumnDef } from '@pgsql/types';
import type { Fix } from '../finding.ts';
import { quoted, shown } from '../sql/node.ts';
import { dataType, isSerial, shownType } from '../sql/type-name.ts';
import { addedColumns, constraintOf, type Statement } from '../statement.ts';
import type { TypeChange } from '../type-change.ts';
import { type BatchContext, backfillStep } from './batches.ts';
import { doesOneThing, notNullSteps, planOf } from './plan.ts';

/** ADD COLUMN with a default, a serial or an identity that would rewrite the table. */
export function addColumnPlan(
  statement: Statement,
  column: ColumnDef,
  context: BatchContext,
): Fix | undefined {
  const [added] = addedColumns(statement);
  if (added === undefined || !doesOneThing(statement)) return undefined;
  const known = ['CONSTR_DEFAULT', 'CONSTR_NOTNULL', 'CONSTR_IDENTITY', 'CONSTR_NULL'];
  if (added.constraints.some(({ contype }) => !known.includes(contype ?? ''))) return undefined;
  const { table, name, constraints } = added;
  const type = dataType(column.typeName);
  if (constraintOf(constraints, 'CONSTR_IDENTITY'))
    return identityPlan(added, shownType(type), context);
  const serial = isSerial(type);
  const sequence = quoted(`${table.relname}_${name}_seq`);
  const given = serial ? `nextval('${sequence}')` : defaultText(statement);
  if (given === undefined) return undefined;
  const plain = serial
    ? { serial2: 'smallint', serial4: 'integer', serial8: 'bigint' }[type.name]
    : shownType(type);
  const [tableName, columnName] = [shown(table), quoted(name)];
  return planOf(
    [
      'expand',
      'The column, and its default for new rows: only the catalog changes.',
      `ALTER TABLE ${tableName} ADD COLUMN IF NOT EXISTS ${columnName} ${plain}`,
      ...(serial
        ? [
            `CREATE SEQUENCE IF NOT EXISTS ${sequence} AS ${plain} OWNED BY ${tableName}.${columnName}`,
          ]
        : []),
      `ALTER TABLE ${tableName} ALTER COLUMN ${columnName} SET DEFAULT ${given}`,
    ],
    backfillStep(
      { table, set: `${columnName} = ${given}`, where: `${columnName} IS NULL` },
      context,
    ),
    ...(serial || constraintOf(constraints, 'CONSTR_NOTNULL') ? notNullSteps(table, name) : []),
  );
}

function identityPlan(
  { table, name, constraints }: ReturnType<typeof addedColumns>[number],
  type: string,
  context: BatchContext,
): Fix {
  const [tableName, columnName] = [shown(table), quoted(name)];
  const interim = quoted(`${table.relname}_${name}_interim`);
  const always =
    constraintOf(constraints, 'CONSTR_IDENTITY')?.generated_when === 'a' ? 'ALWAYS' : 'BY DEFAULT';
  const given = `nextval('${interim}')`;
  return planOf(
    [
      'expand',
      'The column, numbered by an interim sequence from now on: only the catalog changes.',
      `CREATE SEQUENCE IF NOT EXISTS ${interim}`,
      `ALTER TABLE ${tableName} ADD COLUMN IF NOT EXISTS ${columnName} ${type}`,
      `ALTER TABLE ${tableName} ALTER COLUMN ${columnName} SET DEFAULT ${given}`,
    ],
    backfillStep(
      { table, set: `${columnName} = ${given}`, where: `${columnName} IS NULL` },
      context,
    ),
    ...notNullSteps(table, name),
    [
      'identity',
      'The identity goes on where the interim sequence stands, in one moment.\n-- drydock: allow-file drop-breaks-running-code because only this column used the interim sequence',
      `ALTER TABLE ${tableName} ALTER COLUMN ${columnName} DROP DEFAULT, ALTER COLUMN ${columnName} ADD GENERATED ${always} AS IDENTITY`,
      `SELECT setval(pg_get_serial_sequence('${tableName.replaceAll("'", "''")}', '${name.replaceAll("'", "''")}'), nextval('${interim}'))`,
      `DROP SEQUENCE IF EXISTS ${interim}`,
    ],
  );
}

// The default as it was written: what stands between DEFAULT and the end, or NOT NULL.
function defaultText(statement: Statement): string | undefined {
  return /\bdefault\s+([\s\S]+?)\s*(?:\bnot\s+null\b\s*)?$/i.exec(statement.text)?.[1];
}

/** A new type by way of a second column that a trigger keeps in step. */
export function typeChangePlan(
  statement: Statement,
  change: TypeChange,
  context: BatchContext,
): Fix | undefined {
  const { schema } = context;
  const known = schema.table(change.table);
  const column = known?.columns.get(change.name);
  const isUsed =
    [...(known?.constraints.values() ?? [])].some((each) => each.columns.includes(change.name)) ||
    schema.indexesOf(change.table).some((index) => index.columns.includes(change.name)) ||
    [...schema.views.values()].some((columns) => columns.includes(`${known?.key}.${change.name}`));
  // Whatever hangs on the column would have to be made again: only plain columns are done by rote.
  const isPlain = known?.hasAllColumns === true && column !== undefined && !isUsed;
  // A column of a constrained domain rewrites the table too, and a key of partitions cannot be dropped.
  if (schema.isConstrained(change.to) || known?.kind === 'partitioned table') return undefined;
  if (!isPlain || column.hasDefault || column.notNull || !doesOneThing(statement)) return undefined;
  if (/\b(using|collate)\b/i.test(statement.text)) return undefined;
  const table = shown(change.table);
  const [old, next] = [quoted(change.name), quoted(`${change.name}_next`)];
  const type = shownType(change.to);
  const sync = quoted(`${change.table.relname}_${change.name}_sync`);
  return planOf(
    [
      'expand',
      `A second column of the new type; a trigger keeps it in step.`,
      `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS ${next} ${type}`,
      `CREATE OR REPLACE FUNCTION ${sync}() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n  NEW.${next} := NEW.${old};\n  RETURN NEW;\nEND\n$$`,
      `CREATE OR REPLACE TRIGGER ${sync} BEFORE INSERT OR UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION ${sync}()`,
    ],
    backfillStep(
      { table: change.table, set: `${next} = ${old}`, where: `${next} IS DISTINCT FROM ${old}` },
      context,
    ),
    [
      'contract',
      'The new column takes the place and the name of the old one.\n-- drydock: allow-file drop-column, rename-breaks-running-code because the copy takes the old name in the same transaction',
      `DROP TRIGGER IF EXISTS ${sync} ON ${table}`,
      `DROP FUNCTION IF EXISTS ${sync}()`,
      `ALTER TABLE ${table} DROP COLUMN IF EXISTS ${old}`,
      `ALTER TABLE ${table} RENAME COLUMN ${next} TO ${old}`,
    ],
  );
}
