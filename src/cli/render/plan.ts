// The plan for people: each migration with the steps in which it will be run.

import type { Plan, PlannedMigration } from '../../migration/plan.ts';
import { firstWords, type MigrationStep } from '../../migration/steps.ts';
import { plural } from './text.ts';

const width = 79;

/** The pending migrations as lines of at most 80 columns. */
export function renderPlan(plan: Plan): string {
  return plan.pending.flatMap(migrationLines).join('\n');
}

function migrationLines({ migration, fromStep }: PlannedMigration): string[] {
  const { name, steps } = migration;
  const [only] = steps;
  if (only !== undefined && steps.length === 1) return [line(`  ${name}  `, only)];
  return [
    `  ${name}  ${plural(steps.length, 'step')}`,
    ...steps.map((step, index) => {
      const number = `    ${String(index + 1).padStart(2)}  `;
      return index < fromStep ? `${number}is in force already` : line(number, step);
    }),
  ];
}

function line(beginning: string, step: MigrationStep): string {
  const { statements, verifications } = step;
  const [first] = statements;
  if (first === undefined) return `${beginning}no statement`;
  const head = `${beginning}${wayOf(step)}${verifications.length === 0 ? '' : ', verified'}`;
  return statements.length > 1
    ? head
    : `${head}: ${firstWords(first.sql, width - head.length - ': '.length)}`;
}

function wayOf({ kind, statements }: MigrationStep): string {
  if (kind === 'batch') return 'in batches';
  if (kind === 'alone') return 'outside a transaction';
  if (statements.length === 1) {
    return statements[0]?.class === 'validation' ? 'a validation' : 'one statement';
  }
  const changesRows = statements.some((each) => each.class === 'data');
  return `one transaction of ${plural(statements.length, 'statement')}${changesRows ? ', changes rows' : ''}`;
}
