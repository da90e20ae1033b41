// The whole server as it was at a moment, by pgBackRest. The moment is chosen, the old server stays: a
// person does it, on a machine with room for it.

import { newestDone, type WayEvidence } from './evidence.ts';
import type { Judgement, Way } from './way.ts';

/** A new server, brought to the moment before the last change. */
export const pointInTime: Way = { name: 'point-in-time', touchesDatabase: true, judge };

function judge({ environment, engine, journal }: WayEvidence): Judgement {
  const { name, backupEngine } = environment;
  if (engine === null) {
    const prepare = `name pgBackRest as environments.${name}.backups.engine in the configuration`;
    return { possible: false, whyNot: `${name} has no pgBackRest in its configuration`, prepare };
  }
  const [newest] = engine.backups;
  if (newest === undefined) {
    const whyNot = engine.problem ?? `${engine.label} has no backup`;
    return { possible: false, whyNot, prepare: `drydock backup ${name} --engine` };
  }
  const proof = engine.backups.find((backup) => backup.proof?.outcome === 'done')?.proof ?? null;
  const change = newestDone(journal, 'apply');
  const stanza = backupEngine?.pgbackrest?.stanza ?? '';
  const moment = change === undefined ? 'YYYY-MM-DD HH:MM:SS+00' : beforeOf(change);
  return {
    possible: true,
    does: `Brings up the whole server as it was at a moment, beside the live one, for an administrator to switch to`,
    ms: proof?.copyMs ?? null,
    measured: proof === null ? 'never measured' : 'its proof',
    loss: { rows: null, sentence: 'loses what was written after the moment, not counted' },
    doubt: proof === null ? `no backup of ${engine.label} was proven` : null,
    command: `pgbackrest --stanza=${stanza} --pg1-path=NEW_FOLDER --type=time --target="${moment}" --target-action=promote restore`,
  };
}

// The entry is written at the end of the apply, and the change began that much earlier.
function beforeOf({ at, durationMs = 0 }: { at: string; durationMs?: number }): string {
  const begun = new Date(Date.parse(at) - durationMs - 1_000);
  return `${begun.toISOString().slice(0, 19).replace('T', ' ')}+00`;
}
