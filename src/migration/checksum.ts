// The checksum of a migration: of what it tells the server to do. A comment that was corrected, lines
// that were indented anew or line ends of another machine leave it as it was.

import { sha256 } from '../core/digest.ts';
import { normalText } from '../postgres/normal-text.ts';

/**
 * SHA-256 of the normal text. A comment that tells Drydock how to run the file counts; one that allows a
 * finding of the check changes nothing that is run.
 */
export function checksumOf(sql: string): string {
  return sha256(normalText(sql, decidesHowItRuns));
}

/** True when a checksum of a ledger, old or new, is that of this migration. */
export function isChecksumOf(
  checksum: string,
  migration: { readonly checksum: string; readonly sql: string },
): boolean {
  return checksum === migration.checksum || checksum === formerChecksum(migration.sql);
}

function decidesHowItRuns(comment: string): boolean {
  return /^(?:--|\/\*)\s*drydock:\s*(?!\s|allow)/i.test(comment);
}

// Ledgers that were written before white space and comments stopped counting.
function formerChecksum(sql: string): string {
  return sha256(
    sql
      .replace(/^\uFEFF/, '')
      .replaceAll('\r\n', '\n')
      .trimEnd(),
  );
}
