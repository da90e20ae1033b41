// Single tables of the backup come back beside the live ones, to be copied from.

import { restoreSomeTables } from '../restoring.ts';
import type { WayEvidence } from './evidence.ts';
import { restoreTime } from './restore-time.ts';
import { declined, type Judgement, type Way } from './way.ts';

/** Rows that a migration or a person has damaged are copied back by hand. */
export const tables: Way = {
  name: 'tables',
  touchesDatabase: true,
  judge,
  drive: async (project, { environment: { name }, backup }, hands) => {
    const wanted = await hands.tables(Object.keys(backup?.manifest.contents.tables ?? {}));
    if (wanted.length === 0) return declined;
    const request = { environment: name, backup: backup?.name, tables: wanted };
    const report = await restoreSomeTables(project, request);
    return {
      outcome: 'done',
      did: report.tables.map(
        ({ restoredAs, rows }) => `${restoredAs} has ${rows} rows of the backup`,
      ),
      next: [
        'Look at them and copy what is wanted, such as: INSERT INTO … SELECT … ON CONFLICT DO NOTHING',
        `When nobody needs them: DROP SCHEMA ${report.schema} CASCADE`,
      ],
    };
  },
};

function judge(evidence: WayEvidence): Judgement {
  const { environment, backup, problem } = evidence;
  const { name } = environment;
  const prepare = `drydock backup ${name} && drydock prove ${name}`;
  if (backup === null) return { possible: false, whyNot: 'there is no backup', prepare };
  if (problem !== null) {
    return { possible: false, whyNot: 'the live database cannot be read', prepare: null };
  }
  return {
    possible: true,
    does: `Puts tables of ${backup.name} beside the live ones: what is wrong in them is then copied back by hand`,
    ...restoreTime(evidence, backup),
    loss: { rows: 0, sentence: 'loses nothing, and mends nothing by itself' },
    doubt: 'it helps where single rows are wrong, and the schema is right',
    command: `drydock restore ${name} ${backup.name} --tables a,b`,
  };
}
