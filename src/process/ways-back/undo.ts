// The last change is taken back in place; what was written since stays.

import type { TableLoss } from '../../restore/loss.ts';
import { undoChange } from '../undoing.ts';
import type { WayEvidence } from './evidence.ts';
import { declined, type Judgement, type Way, type WayLoss } from './way.ts';

/** The inverse that the rehearsal has proven, and the rows that the change had altered. */
export const undo: Way = {
  name: 'undo',
  touchesDatabase: true,
  judge,
  drive: async (project, { environment: { name } }, hands) => {
    const report = await undoChange(project, {
      environment: name,
      reason: 'drydock recover',
      ask: ({ plans }) => {
        const names = plans.flatMap(({ migrations }) => migrations).join(', ');
        return hands.confirmChange(`${names} will be taken back in ${name}.`);
      },
    });
    if (report.outcome !== 'undone') return declined;
    const { file } = report;
    return {
      outcome: 'done',
      did: report.plans.map(({ migrations }) => `${migrations.join(', ')} is taken back in place`),
      next: file === null ? [] : [`Look at the rows that could not be put back: ${file}`],
    };
  },
};

function judge(evidence: WayEvidence): Judgement {
  const { environment, undo: state } = evidence;
  const { name } = environment;
  if (state.plan === null) {
    const whyNot = state.problem ?? 'nothing was kept of the last change';
    const prepare = environment.guarded
      ? `environments.${name}.undo: true in the configuration keeps it`
      : null;
    return { possible: false, whyNot, prepare };
  }
  const { migrations, provenMs } = state.plan;
  return {
    possible: true,
    does: `Takes ${migrations.join(', ')} back in place, while the application goes on`,
    ms: provenMs,
    measured: provenMs === null ? 'never measured' : 'its rehearsal',
    loss: lossOf(evidence, state.plan.plan),
    doubt: null,
    command: `drydock undo ${name}`,
  };
}

// Tables and columns that the plan made go with it, and what was written to them since.
function lossOf({ journal, loss }: WayEvidence, plan: string): WayLoss {
  const made = madeBy(journal, plan);
  if (made.length === 0) return { rows: 0, sentence: 'keeps every later write' };
  const rows =
    loss === null
      ? null
      : loss.tables.filter(({ table }) => made.some((name) => isOf(name, table))).reduce(sum, 0);
  const count = rows === null ? 'what' : `at most ${rows} writes of what`;
  return {
    rows,
    sentence: `loses ${count} went to the new ${made.join(', ')}; every other write stays`,
  };
}

function madeBy(journal: WayEvidence['journal'], plan: string): readonly string[] {
  const found = journal.find(
    ({ entry }) => entry.command === 'rehearse' && entry.phase === 'done' && entry.plan === plan,
  )?.entry;
  const wayBack = found?.details?.wayBack as { readonly discards?: readonly string[] } | undefined;
  return wayBack?.discards ?? [];
}

// `table public.users` itself, or `column public.users.tier`.
function isOf(made: string, table: string): boolean {
  const name = made.slice(made.indexOf(' ') + 1);
  return name === table || name.startsWith(`${table}.`);
}

function sum(total: number, { inserted, updated, deleted }: TableLoss): number {
  return total + inserted + updated + deleted;
}
