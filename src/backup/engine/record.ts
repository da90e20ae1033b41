// What Drydock knows of a backup in the hands of an engine: a file for each, beside the dumps.

import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Actor } from '../../core/actor.ts';
import { canonicalJson, sha256 } from '../../core/digest.ts';
import type { Evidence } from '../../core/evidence.ts';
import { Failure } from '../../core/failure.ts';
import { backupFolder } from '../backups.ts';
import { partialName } from '../file-name.ts';
import { syncFolder } from '../manifest.ts';
import type { EngineBackup } from './engine.ts';
import type { EngineFigures, EngineProof } from './prove-copy.ts';

/** The record of a backup that Drydock had an engine take. */
export interface EngineRecord extends Evidence {
  readonly kind: 'engine-backup';
  readonly environment: string;
  readonly engine: string;
  readonly backup: EngineBackup;
  readonly reason: string;
  readonly by: Actor;
  readonly figures: EngineFigures;
  readonly proof: EngineProof | null;
}

/** Where records are. */
export interface RecordPlace {
  /** Folder of all backups. */
  readonly backups: string;
  readonly environment: string;
}

/** Writes a record: whole and on disk, or not at all. */
export async function writeEngineRecord(place: RecordPlace, record: EngineRecord): Promise<void> {
  const folder = folderOf(place);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const name = fileName(record.backup.id);
  const partial = join(folder, await partialName(name));
  {
    await using file = await open(partial, 'w', 0o600);
    const content = { ...record, sha256: sha256(canonicalJson(record)) };
    await file.writeFile(`${JSON.stringify(content, undefined, 2)}\n`);
    await file.sync();
  }
  await rename(partial, join(folder, name));
  await syncFolder(folder);
}

/**
 * The records of an environment, newest first.
 *
 * @throws `engine/record-damaged`
 */
export async function readEngineRecords(place: RecordPlace): Promise<readonly EngineRecord[]> {
  const folder = folderOf(place);
  const names = (await readdir(folder).catch(() => [] as string[])).filter(
    (name) => name.endsWith('.json') && !name.startsWith('.'),
  );
  const records = names.map(async (name) => {
    const path = join(folder, name);
    const { sha256: digest, ...record } = JSON.parse(
      await readFile(path, 'utf8'),
    ) as EngineRecord & {
      sha256: string;
    };
    if (sha256(canonicalJson(record)) === digest) return record;
    throw new Failure({
      code: 'engine/record-damaged',
      message: `the record ${path} is not the one that was written`,
      hint: 'Move it away; the backup itself is in the hands of its engine.',
    });
  });
  return (await Promise.all(records)).sort((a, b) =>
    b.backup.takenAt.localeCompare(a.backup.takenAt),
  );
}

function folderOf({ backups, environment }: RecordPlace): string {
  return join(backupFolder(backups, environment), 'engine');
}

// An engine names its backups as it likes.
function fileName(id: string): string {
  return `${encodeURIComponent(id).replaceAll('.', '%2E')}.json`;
}
