// Findings for people.

import type { CheckedFile } from '../../lint/check.ts';
import type { CheckReport, Finding } from '../../lint/finding.ts';
import { wrap } from './text.ts';

/** Every finding with its place and the safe form, and a summary line. */
export function renderFindings(report: CheckReport, _files: readonly CheckedFile[]): string {
  const count = (severity: Finding['severity']): number =>
    report.findings.filter((finding) => finding.severity === severity).length;
  const summary = `${report.files} files, ${report.statements} statements: ${count('error')} errors, ${count('warning')} warnings, ${count('info')} notes.`;
  return [...report.findings.map(renderFinding), summary].join('\n');
}

function renderFinding(finding: Finding): string {
  return [
    `${finding.file}:${finding.line}:${finding.column} ${finding.severity} ${finding.rule}`,
    ...wrap(finding.message, 76).map((line) => `  ${line}`),
    ...wrap(finding.safeForm, 74).map((line) => `    ${line}`),
    '',
  ].join('\n');
}
