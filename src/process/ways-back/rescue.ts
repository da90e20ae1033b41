// The database from before the change, with every write since.

import { rescueEnvironment } from '../rescuing.ts';
import type { WayEvidence } from './evidence.ts';
import { restoreTime } from './restore-time.ts';
import { declined, type Judgement, type Way } from './way.ts';

/** Restored beside, kept in step, compared and swapped: what the migration did is left out. */
export const rescue: Way = {
  name: 'rescue',
  touchesDatabase: true,
  judge,
  drive: async (project, { environment: { name } }, hands) => {
    const report = await rescueEnvironment(project, {
      environment: name,
      reason: 'drydock recover',
      ask: ({ broken }) =>
        hands.confirmChange(
          `The database from before the change takes its place in ${name}, with every write since; the one of now is kept as ${broken}.`,
        ),
    });
    if (report.outcome !== 'rescued') return declined;
    return {
      outcome: 'done',
      did: [
        `The database from before the change is in place, with every write since; the old one is kept as ${report.broken}`,
      ],
      next:
        report.file === null
          ? []
          : [`Look at the writes that the old schema cannot hold: ${report.file}`],
    };
  },
};

function judge(evidence: WayEvidence): Judgement {
  const { environment, armed } = evidence;
  const { name } = environment;
  if (armed === null || armed.state !== 'armed' || armed.isLost) {
    return {
      possible: false,
      whyNot:
        armed?.isLost === true
          ? 'the log of the writes since was given up'
          : 'it was not armed before the last change',
      prepare: environment.guarded
        ? `environments.${name}.rescue: 'warm' in the configuration arms it with each apply`
        : `drydock arm ${name}`,
    };
  }
  const { backup } = evidence;
  const { ms, measured } =
    armed.hasCopy || backup === null
      ? { ms: null, measured: 'of playing the writes since: the copy is there' }
      : restoreTime(evidence, backup);
  return {
    possible: true,
    does: `Swaps in the database from before ${armed.since.toISOString().slice(0, 16).replace('T', ' ')} UTC, with every write since`,
    ms,
    measured,
    loss: { rows: 0, sentence: 'keeps every later write' },
    doubt: null,
    command: `drydock rescue ${name}`,
  };
}
