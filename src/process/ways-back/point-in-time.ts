// The whole server as it was at a moment, by pgBackRest. The moment is chosen, the old server stays: a
// person does it, on a machine with room for it.

import type { BackupEngine } from '../../config/environment.ts';
import type { LedgerRow } from '../../history/ledger.ts';
import type { WayEvidence } from './evidence.ts';
import type { Judgement, Way } from './way.ts';

/** A new server, brought to the moment before the last change. */
export const pointInTime: Way = { name: 'point-in-time', touchesDatabase: true, judge };

function judge({ environment, engine, ledger }: WayEvidence): Judgement {
  const { name, backupEngine } = environment;
  if (engine === null || backupEngine?.pgbackrest === undefined) {
    const prepare = `name pgBackRest as environments.${name}.backups.engine in the configuration`;
    return { possible: false, whyNot: `${name} has no pgBackRest in its configuration`, prepare };
  }
  const [newest] = engine.backups;
  if (newest === undefined) {
    const whyNot = engine.problem ?? `${engine.label} has no backup`;
    return { possible: false, whyNot, prepare: `drydock backup ${name} --engine` };
  }
  const proof = engine.backups.find((backup) => backup.proof?.outcome === 'done')?.proof ?? null;
  return {
    possible: true,
    does: `Brings up the whole server as it was at a moment, beside the live one, for an administrator to switch to`,
    ms: proof?.copyMs ?? null,
    measured: proof === null ? 'never measured' : 'its proof',
    loss: { rows: null, sentence: 'loses what was written after the moment, not counted' },
    doubt: proof === null ? `no backup of ${engine.label} was proven` : null,
    command: commandFor(backupEngine.pgbackrest, momentBefore(ledger)),
  };
}

// `check` has the live server archive its newest log and waits for that. Without it the log may end before
// the moment, and the new server would not start (manual, 20.5.6); where the live one is gone it fails, and
// what it could not archive is not to be had. The new server must not archive: it would write into the
// repository of the live one. Tablespaces of the live one are at their paths on this machine, perhaps.
function commandFor(
  { stanza, config }: NonNullable<BackupEngine['pgbackrest']>,
  moment: string,
): string {
  const given = config === undefined ? '' : ` --config=${quoted(config)}`;
  const program = `pgbackrest --stanza=${quoted(stanza)}${given}`;
  const place = '--pg1-path=NEW_FOLDER --tablespace-map-all=NEW_FOLDER.tablespaces';
  const until = `--type=time --target="${moment}" --target-action=promote`;
  return `${program} check; ${program} ${place} --archive-mode=off ${until} restore`;
}

function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

// By the ledger, for its times are the server's, as those of the commits in its log are. A row is written at
// the end of its migration. A second for safety: one commit of the change too many would make all of it vain.
function momentBefore(ledger: readonly LedgerRow[]): string {
  const newest = ledger.toSorted((a, b) => b.appliedAt.getTime() - a.appliedAt.getTime())[0];
  if (newest === undefined) return 'YYYY-MM-DD HH:MM:SS+00';
  const begun = ledger
    .filter(({ plan }) => plan === newest.plan)
    .map(({ appliedAt, durationMs }) => appliedAt.getTime() - durationMs);
  const moment = new Date(Math.min(...begun) - 1_000);
  return moment.toISOString().replace('T', ' ').replace('Z', '+00');
}
