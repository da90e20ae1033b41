import type { RangeVar } from '@pgsql/types';
import { atEnd, editOf } from '../../fix/edit.ts';
import type { Rule } from '../../rule.ts';
import { pickAll, quoted, shown, strings } from '../../sql/node.ts';
import {
  addedColumns,
  addedConstraints,
  bodyOf,
  constraintOf,
  type Statement,
} from '../../statement.ts';

export const foreignKeyWithoutIndex: Rule = {
  id: 'foreign-key-without-index',
  hazard: 9,
  severity: 'warning',
  concern: 'lock',
  title: 'A foreign key without an index on its columns',
  why: 'Every DELETE, and every UPDATE of the key, on the referenced table reads the whole referencing table.',
  safeForm: "CREATE INDEX CONCURRENTLY on the foreign key's columns, before the constraint.",
  *checkFile(file, schema) {
    const hasOwnTransaction = file.statements.some(
      (each) => bodyOf(each, 'TransactionStmt') !== undefined,
    );
    for (const statement of file.statements) {
      for (const { table, columns, start } of foreignKeys(statement)) {
        const key = schema.key(table);
        const covered = schema
          .indexesOf(table)
          .some(
            (index) =>
              !index.isPartial &&
              columns.every((column) => index.columns.slice(0, columns.length).includes(column)),
          );
        if (covered || !schema.tables.has(key)) continue;
        const isKnown = schema.table(table)?.hasAllColumns === true;
        yield {
          statement,
          start,
          objects: [shown(table)],
          severity: schema.isNew(table) || !isKnown ? 'info' : 'warning',
          dependsOn: isKnown
            ? undefined
            : `whether ${shown(table)} has an index on ${columns.join(', ')}`,
          lock: null,
          message: `No index covers ${shown(table)} (${columns.join(', ')}): each delete on the referenced table reads all of ${shown(table)}.`,
          fix:
            hasOwnTransaction || schema.table(table)?.kind === 'partitioned table'
              ? undefined
              : editOf(
                  atEnd(
                    statement,
                    `;\nCREATE INDEX CONCURRENTLY ${quoted(`${table.relname}_${columns.join('_')}_idx`)} ON ${shown(table)} (${columns.map(quoted).join(', ')})`,
                  ),
                ),
        };
      }
    }
  },
};

interface ForeignKey {
  readonly table: RangeVar;
  readonly columns: readonly string[];
  readonly start: number;
}

function* foreignKeys(statement: Statement): Generator<ForeignKey> {
  for (const { table, constraint, start } of addedConstraints(statement, 'CONSTR_FOREIGN')) {
    yield { table, columns: strings(constraint.fk_attrs), start };
  }
  for (const { table, name, constraints, start } of addedColumns(statement)) {
    if (constraintOf(constraints, 'CONSTR_FOREIGN')) yield { table, columns: [name], start };
  }
  const create = bodyOf(statement, 'CreateStmt');
  if (create?.relation === undefined) return;
  for (const column of pickAll(create.tableElts, 'ColumnDef')) {
    const inline = pickAll(column.constraints, 'Constraint');
    const start = column.location ?? statement.start;
    if (constraintOf(inline, 'CONSTR_FOREIGN')) {
      yield { table: create.relation, columns: [column.colname ?? ''], start };
    }
  }
  for (const constraint of pickAll(create.tableElts, 'Constraint')) {
    if (constraint.contype !== 'CONSTR_FOREIGN') continue;
    const start = constraint.location ?? statement.start;
    yield { table: create.relation, columns: strings(constraint.fk_attrs), start };
  }
}
