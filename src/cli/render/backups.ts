// Backups and proofs for people.

import { relative } from 'node:path';
import { type Proof, validProof } from '../../backup/manifest.ts';
import { formatBytes, formatDuration } from '../../core/duration.ts';
import type { NewBackup, PlacedBackups } from '../../process/keeping.ts';
import { plural, table, wrapLines } from './text.ts';

/** One new backup, by its path from where the command was typed. */
export function renderBackup(backup: NewBackup, cwd: string): string {
  const { name, file, manifest, places, store } = backup;
  const { contents, dump, environment } = manifest;
  const rows = Object.values(contents.tables).reduce((sum, count) => sum + count, 0);
  return [
    places.includes('here') ? relative(cwd, file) : name,
    ...(store === null ? [] : [`Kept in ${store}${places.includes('here') ? '' : ', encrypted'}`]),
    `${formatBytes(dump.sizeBytes)}, ${plural(Object.keys(contents.tables).length, 'table')}, ${plural(rows, 'row')}, sha256 ${dump.sha256.slice(0, 12)}`,
    `Prove that it can be restored: drydock prove ${environment}`,
  ].join('\n');
}

/** All backups of an environment. */
export function renderBackups(environment: string, list: PlacedBackups, now: Date): string {
  if (list.backups.length === 0 && list.incomplete.length === 0) {
    return `There is no backup of ${environment} yet: drydock backup ${environment}`;
  }
  const rows = list.backups.map((backup) => {
    const proof = validProof(backup);
    return [
      backup.name,
      formatDuration(now.getTime() - new Date(backup.manifest.endedAt).getTime()),
      formatBytes(backup.manifest.dump.sizeBytes),
      proof === null ? 'no' : formatDuration(proof.restoreMs),
      ...(list.store === null ? [] : [backup.places.join(', ')]),
      backup.manifest.reason,
    ];
  });
  return [
    table(
      [
        { title: 'backup' },
        { title: 'age', align: 'right' },
        { title: 'size', align: 'right' },
        { title: 'proven', align: 'right' },
        ...(list.store === null ? [] : [{ title: 'where' }]),
        { title: 'why' },
      ],
      rows,
    ),
    ...list.incomplete.map(({ file, reason }) => `✗ ${file} is no backup: ${reason}`),
    ...list.damaged.map(({ reason }) => `! ${reason}; the copy beside it holds, and was read`),
  ].join('\n');
}

/** A proof that holds. */
export function renderProof({ backup, proof }: { backup: string; proof: Proof }): string {
  const { examined } = proof;
  const { tables, hashedTables, rows, sequences, schemaObjects } = proof.compared;
  return wrapLines([
    `${backup} is proven: restored in ${formatDuration(proof.restoreMs)} and compared.`,
    `${plural(tables, 'table')} with ${plural(rows, 'row')}, ${plural(sequences, 'sequence')} and ${plural(schemaObjects, 'schema object')} are as the manifest says.`,
    hashedTables === tables
      ? 'The content of every table was compared, not only the number of its rows.'
      : `The content of ${hashedTables} tables was compared, of the ${tables - hashedTables} larger ones the number of rows: \`--hash-all\` of \`drydock backup\` hashes all.`,
    ...(examined === null
      ? []
      : [
          `Every page of ${plural(examined.tables, 'table')} and of ${examined.indexes} B-tree indexes makes sense to amcheck.`,
        ]),
  ]);
}
