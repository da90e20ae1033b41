// What is about to be restored, as far as it is judged beforehand.

import type { Backup } from '../backup/manifest.ts';
import type { Database } from '../postgres/connect.ts';
import type { ReferencedRole } from '../postgres/roles.ts';

/** What is about to be restored, and where. */
export interface RestoreIntent {
  /** A session on another database of the same server. */
  readonly maintenance: Database;
  readonly database: string;
  /** Size of the database that the backup was taken of. */
  readonly sizeBytes: number;
  /** Roles that the backup mentions. */
  readonly roles: readonly ReferencedRole[];
  /** Extensions that the backup mentions. */
  readonly extensions: readonly string[];
}

/** What a restore of a backup wants to know first. */
export function intentOf(
  { manifest }: Pick<Backup, 'manifest'>,
  where: Pick<RestoreIntent, 'maintenance' | 'database'>,
): RestoreIntent {
  const { sizeBytes, roles } = manifest.source;
  return { ...where, sizeBytes, roles, extensions: Object.keys(manifest.contents.extensions) };
}
