// What a store has of a backup: its files, encrypted or as they are, and one record that says what
// they must be. The record is written last and removed first, so that what has one is whole.

import { canonicalJson, sha256 } from '../../core/digest.ts';
import { messageOf } from '../../core/failure.ts';
import type { ArchiveFile } from '../../postgres/archive-content.ts';
import type { IncompleteBackup } from '../backups.ts';
import type { Manifest } from '../manifest.ts';
import { isPlainName, shapeProblem } from '../manifest-shape.ts';
import type { Store, StoredFile } from './store.ts';

/** What a store keeps of a backup. */
export interface KeptBackup {
  readonly kind: 'kept-backup';
  readonly version: 1;
  /** `pre_migration_20251015_120000.dump` */
  readonly name: string;
  /** As they lie there, so that looking at them needs no key: in the order of the backup's files. */
  readonly files: readonly ArchiveFile[];
  /** Null when the files are as they were. */
  readonly encryption: {
    readonly format: 'age';
    readonly recipients: readonly string[];
    /** All of it was decrypted again with the key for restores, before it was kept. */
    readonly decrypts: 'proven' | 'not-tried-without-a-key';
  } | null;
  readonly manifest: Manifest;
}

/** Where a backup is kept. */
export interface Keeping {
  readonly store: Store;
  readonly environment: string;
}

const ending = '.kept.json';

/** Writes the record of a backup whose files are all there, or replaces it by what a proof has found. */
export async function writeKept({ store, environment }: Keeping, kept: KeptBackup): Promise<void> {
  const content = { ...kept, sha256: sha256(canonicalJson(kept)) };
  const text = `${JSON.stringify(content, undefined, 2)}\n`;
  await store.write(`${environment}/${kept.name}${ending}`, text);
}

/** The record of a backup; undefined when there is none. */
export async function readKept(
  { store, environment }: Keeping,
  name: string,
): Promise<KeptBackup | undefined> {
  const text = await store.read(`${environment}/${name}${ending}`);
  return text === undefined ? undefined : readRecord(text, environment);
}

/** What a store has of an environment. */
export interface KeptList {
  /** Of every backup of which anything is there. */
  readonly names: readonly string[];
  /** Whole, newest first. */
  readonly kept: readonly KeptBackup[];
  /** Records that do not hold. */
  readonly incomplete: readonly IncompleteBackup[];
  /** Files without a record: of a backup that is being kept now, or was not kept to its end. */
  readonly loose: readonly StoredFile[];
}

/** Lists what a store has of an environment, by the names and sizes of the files there. */
export async function listKept({ store, environment }: Keeping): Promise<KeptList> {
  const files = (await store.list(`${environment}/`)).map((file) => ({
    file,
    name: file.key.slice(environment.length + 1),
  }));
  const sizes = new Map(files.map(({ file, name }) => [name, file.sizeBytes]));
  const recorded = [...sizes.keys()]
    .filter((name) => name.endsWith(ending))
    .map((name) => name.slice(0, -ending.length));
  const kept: KeptBackup[] = [];
  const incomplete: IncompleteBackup[] = [];
  for (const name of recorded) {
    const key = `${environment}/${name}${ending}`;
    const text = await store.read(key);
    try {
      const record = readRecord(text, environment);
      assertThere(record, sizes);
      kept.push(record);
    } catch (error) {
      incomplete.push({ file: `${store.label}/${key}`, reason: messageOf(error) });
    }
  }
  return {
    names: [...new Set(files.flatMap(({ name }) => /^.*?\.dump/.exec(name) ?? []))],
    kept: kept.sort((a, b) => b.manifest.endedAt.localeCompare(a.manifest.endedAt)),
    incomplete,
    // What belongs to a record that does not hold is not loose: a person has to look at it.
    loose: files
      .filter(({ name }) => !recorded.some((backup) => name.startsWith(backup)))
      .map(({ file }) => file),
  };
}

/** Removes what backups that were not kept to their end, before that time, have left. */
export async function sweepLoose(
  { store }: Keeping,
  { loose, before }: { readonly loose: readonly StoredFile[]; readonly before: Date },
): Promise<void> {
  await store.sweep(before);
  for (const { key, storedAt } of loose) if (storedAt < before) await store.remove(key);
}

/** Removes a kept backup: what is left when it is interrupted is none any more. */
export async function forgetKept({ store, environment }: Keeping, kept: KeptBackup): Promise<void> {
  await store.remove(`${environment}/${kept.name}${ending}`);
  for (const { name } of kept.files) await store.remove(`${environment}/${name}`);
}

function assertThere({ files }: KeptBackup, sizes: ReadonlyMap<string, number>): void {
  for (const { name, sizeBytes } of files) {
    const size = sizes.get(name);
    if (size === undefined) throw new Error(`${name} is missing`);
    if (size !== sizeBytes) throw new Error(`${name} has ${size} bytes instead of ${sizeBytes}`);
  }
}

// Names become paths here, and a store may be in the hands of others: none leads out of its folder.
function readRecord(text: string | undefined, environment: string): KeptBackup {
  const { sha256: digest, ...kept } = JSON.parse(text ?? 'null') as KeptBackup & { sha256: string };
  if (kept.kind !== 'kept-backup' || kept.version !== 1) throw new Error('its kind is unknown');
  if (sha256(canonicalJson(kept)) !== digest) throw new Error('its content was changed');
  const names = [kept.name, ...kept.files.flatMap(({ name }) => name.split('/'))];
  if (!names.every(isPlainName)) throw new Error('it has names of no backup');
  const problem = shapeProblem(kept.manifest);
  if (problem !== undefined) throw new Error(problem);
  if (kept.manifest.environment !== environment)
    throw new Error(`it is a backup of ${kept.manifest.environment}`);
  return kept;
}
