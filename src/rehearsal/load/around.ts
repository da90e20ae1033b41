// The load as a part of a rehearsal: on the second copy, when nothing needs that any more.

import { basename } from 'node:path';
import type { Context } from '../../core/context.ts';
import { connect } from '../../postgres/connect.ts';
import type { ApplicationStatement } from '../queries/report.ts';
import type { AroundPlan } from '../rehearse.ts';
import { type MeasureOptions, measureUnderLoad } from './measure.ts';
import { readWorkloadFile } from './pgbench-file.ts';
import { sampledWorkload } from './sample.ts';

/** A load as a person asks for it. */
export interface WantedLoad {
  /** `auto`, or files in pgbench's format, each with `@weight` if wanted. */
  readonly workload: readonly string[];
  readonly connections: number;
  readonly perSecond: number;
}

/** Runs the plan once more, under load. */
export function loadAround(
  context: Context,
  wanted: WantedLoad,
  options: Pick<MeasureOptions, 'copy' | 'runPlan'> & {
    readonly statements: readonly ApplicationStatement[];
  },
): AroundPlan {
  return {
    before: async () => {},
    after: async () => {
      const { copy, runPlan, statements } = options;
      const { scripts, notReplayed } = await workloadOf(context, wanted, { copy, statements });
      if (scripts.length === 0) {
        context.emit({
          kind: 'note',
          text: 'No statement of production could be replayed: no load.',
        });
        return {};
      }
      const load = { ...wanted, scripts };
      const workload = wanted.workload.map((each) => basename(each)).join(', ');
      return {
        load: await measureUnderLoad(context, { copy, runPlan, workload, load, notReplayed }),
      };
    },
  };
}

async function workloadOf(
  context: Context,
  { workload }: WantedLoad,
  {
    copy,
    statements,
  }: Pick<MeasureOptions, 'copy'> & { statements: readonly ApplicationStatement[] },
): Promise<Awaited<ReturnType<typeof sampledWorkload>>> {
  if (workload.includes('auto')) {
    await using database = await connect(copy, { purpose: 'load', signal: context.signal });
    return await sampledWorkload(database, statements);
  }
  return { scripts: await Promise.all(workload.map(readWorkloadFile)), notReplayed: [] };
}
