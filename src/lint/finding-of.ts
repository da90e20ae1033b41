// Makes a finding of what a rule said, the lock table's answer, and what is known of the table.

import { blockedBy, type LockMode } from '../postgres/table-lock.ts';
import type { positionsIn } from '../postgres/text-position.ts';
import { type Finding, type Severity, severities } from './finding.ts';
import type { TableSize } from './model/schema.ts';
import type { FileContext, Hit, Rule } from './rule.ts';
import type { Statement } from './statement.ts';
import { weigh } from './weight.ts';

/** A hit with everything that is needed to make a finding of it. */
export interface Told {
  readonly rule: Rule;
  readonly hit: Hit;
  readonly statement: Statement | undefined;
  readonly lock: LockMode | null;
  readonly isPerhapsNew: boolean;
  /** IF NOT EXISTS proves nothing, but nobody seems to have made the table before. */
  readonly isMostLikelyNew: boolean;
  readonly size: TableSize | undefined;
}

export function findingOf(
  { rule, hit, statement, lock, isPerhapsNew, isMostLikelyNew, size }: Told,
  file: FileContext,
  positionAt: ReturnType<typeof positionsIn>,
): Finding {
  const start = hit.start ?? statement?.start ?? 0;
  const end = hit.end ?? statement?.end ?? start;
  const from = positionAt(start);
  const to = positionAt(end);
  const depends =
    hit.dependsOn ??
    (isPerhapsNew ? `whether ${hit.objects[0]} existed before this file` : undefined) ??
    (statement?.inside?.runs === false ? 'whether and when this routine is called' : undefined);
  const severity =
    hit.severity ?? (depends === undefined ? rule.severity : softened(rule.severity, rule));
  // The application calls it, or this file does: there it is told once more, as what it is.
  const isOnlyDefined = statement?.inside?.runs === false;
  const work = hit.work ?? rule.work ?? 'none';
  return {
    rule: rule.id,
    hazard: rule.hazard,
    severity:
      isMostLikelyNew || isOnlyDefined
        ? 'info'
        : weigh(severity, {
            work,
            lock,
            size,
          }),
    concern: rule.concern,
    file: file.path,
    line: from.line,
    column: from.column,
    endLine: to.line,
    endColumn: to.column,
    statement: statement?.text ?? '',
    objects: hit.objects,
    lock,
    blocks: lock === null ? null : blockedBy(lock),
    work,
    message: hit.message,
    safeForm: hit.safeForm ?? rule.safeForm,
    fix: hit.fix ?? null,
    confidence: depends === undefined ? { kind: 'certain' } : { kind: 'depends', on: depends },
    tags: [rule.concern, ...(statement?.inside === undefined ? [] : [statement.inside.kind])],
  };
}

// What is not certain stops nobody; lost data does not become less lost by a doubt.
function softened(severity: Severity, rule: Rule): Severity {
  return severity === 'error' && rule.concern === 'lock' ? 'warning' : severity;
}

export function rank(finding: Finding): number {
  return severities.indexOf(finding.severity);
}
