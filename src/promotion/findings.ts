// The findings that a gate cares about, each as one short line.

import { basename } from 'node:path';
import type { Finding } from '../lint/finding.ts';

/** The findings with a concern, as `008_x.sql:3 drop-table-loses-data`. */
export function withConcern(
  findings: readonly Finding[],
  concern: Finding['concern'],
): readonly string[] {
  return findings
    .filter((finding) => finding.concern === concern)
    .map((finding) => `${basename(finding.file)}:${finding.line} ${finding.rule}`);
}
