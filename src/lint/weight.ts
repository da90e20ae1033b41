// Makes a lock's finding lighter or heavier by the size and traffic of its table, where known.

import type { LockMode } from '../postgres/table-lock.ts';
import { isAtLeast } from '../postgres/table-lock.ts';
import type { Severity, Work } from './finding.ts';
import type { TableSize } from './model/schema.ts';

const megabyte = 1024 * 1024;

// A server reads and rewrites some 100 MB a second: below this, even a rewrite is over before anybody
// waits as long as for one slow page.
const smallBytes = 8 * megabyte;
const busyCallsPerSecond = 100;

/** The severity of a finding, given what is known of its table. Findings without work keep theirs. */
export function weigh(
  severity: Severity,
  about: { work: Work; lock: LockMode | null; size: TableSize | undefined },
): Severity {
  const { work, lock, size } = about;
  if (size === undefined || work === 'none' || lock === null) return severity;
  if (size.bytes < smallBytes) return 'info';
  const isBusy = (size.callsPerSecond ?? 0) >= busyCallsPerSecond;
  return isBusy && isAtLeast(lock, 'SHARE') ? 'error' : severity;
}
