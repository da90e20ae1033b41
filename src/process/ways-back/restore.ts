// The whole database comes back from a backup: built beside the live one, compared, names swapped.

import { validProof } from '../../backup/manifest.ts';
import { formatDuration } from '../../core/duration.ts';
import { restoreEnvironment } from '../restoring.ts';
import type { WayEvidence } from './evidence.ts';
import { restoreTime } from './restore-time.ts';
import { declined, type Judgement, type Way, type WayLoss } from './way.ts';

/** The backup from before the last change takes the place of the live database. */
export const restore: Way = {
  name: 'restore',
  touchesDatabase: true,
  judge,
  drive: async (project, { environment: { name }, backup }, { confirmSwap }) => {
    const request = { environment: name, backup: backup?.name, confirmSwap };
    const report = await restoreEnvironment(project, request);
    if (report.outcome !== 'done') return declined;
    const { broken } = report;
    return {
      outcome: 'done',
      did: [
        `${report.database} is the database of ${report.backup} again, restored in ${formatDuration(report.restoreMs)}; writes paused for ${formatDuration(report.pauseMs)}`,
        ...(broken === null ? [] : [`The broken database is kept as ${broken}`]),
      ],
      next:
        broken === null
          ? []
          : [
              `Save what was written since the backup: drydock salvage ${name}`,
              `When nobody needs the broken database: drydock drop-broken ${name}`,
            ],
    };
  },
};

function judge(evidence: WayEvidence): Judgement {
  const { environment, backup, database, restoreObstacle } = evidence;
  const { name } = environment;
  if (backup === null) {
    const prepare = `drydock backup ${name} && drydock prove ${name}`;
    return { possible: false, whyNot: 'there is no backup', prepare };
  }
  if (restoreObstacle !== null) {
    const { reason, remedy } = restoreObstacle;
    return { possible: false, whyNot: reason, prepare: remedy };
  }
  return {
    possible: true,
    does: `Builds ${backup.name} beside ${database}, compares it and swaps the names; the broken database stays`,
    ...restoreTime(evidence, backup),
    loss: lossOf(evidence),
    doubt: validProof(backup) === null ? 'this backup was never proven' : null,
    command: `drydock restore ${name} ${backup.name}`,
  };
}

function lossOf({ loss, backup }: WayEvidence): WayLoss {
  const since = backup?.manifest.startedAt.slice(0, 16).replace('T', ' ') ?? '';
  if (loss === null) {
    return { rows: null, sentence: `loses what was written since ${since} UTC, not counted` };
  }
  const rows = loss.inserted + loss.updated + loss.deleted;
  const said = rows === 0 ? 'nothing was written since' : `loses about ${rows} writes since`;
  const doubt = loss.doubt === null ? '' : ' (the counters began anew, it may be more)';
  return {
    rows: loss.doubt === null ? rows : null,
    sentence: `${said} ${since} UTC${doubt}; salvage saves what it can of them`,
  };
}
