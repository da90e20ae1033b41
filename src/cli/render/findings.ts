// Findings for people: grouped by file, each with its source and a caret, the lock, whom it blocks, why,
// and the safe form, in 80 columns.

import { styleText } from 'node:util';
import type { CheckedFile } from '../../lint/check.ts';
import type { CheckReport, Finding, Severity } from '../../lint/finding.ts';
import { wrap } from './text.ts';

/** How findings are shown. */
export interface FindingsView {
  /** Where the text goes: decides about colours. */
  readonly stream: NodeJS.WriteStream;
  /** Shows notes in full too. */
  readonly verbose: boolean;
}

/** Every finding below the name of its file, and a summary line. */
export function renderFindings(
  report: CheckReport,
  files: readonly CheckedFile[],
  view: FindingsView,
): string {
  const texts = new Map(files.map((file) => [file.path, file.sql]));
  const blocks: string[] = [];
  for (const [path, findings] of byFile(report.findings)) {
    blocks.push(styled('bold', path, view));
    const full = findings.filter((finding) => view.verbose || finding.severity !== 'info');
    const notes = findings.filter((finding) => !full.includes(finding));
    const lines = (texts.get(path) ?? '').split(/\r\n|\n|\r/);
    blocks.push(...full.map((finding) => renderFinding(finding, lines, view)));
    if (notes.length > 0) blocks.push(notes.map((note) => renderNote(note, view)).join('\n'));
  }
  return [...blocks, summary(report, view)].join('\n\n');
}

const colours = { error: 'red', warning: 'yellow', info: 'cyan' } as const;
const words = { error: 'error', warning: 'warning', info: 'note' } as const;

function renderFinding(finding: Finding, lines: readonly string[], view: FindingsView): string {
  const { severity, rule, line, column } = finding;
  const head = `${styled(colours[severity], words[severity], view)} ${styled('bold', rule, view)}  ${line}:${column}`;
  const facts = [lockLine(finding), dependsLine(finding)].filter((fact) => fact !== undefined);
  return [
    `  ${head}`,
    ...excerpt(finding, lines).map((each) => `    ${each}`),
    ...wrapped(visible(finding.message), '    '),
    ...facts.flatMap((fact) => wrapped(visible(fact), '    ')),
    ...wrapped(visible(finding.safeForm), '      ', `    ${styled('green', '→', view)} `),
    ...(finding.fix === null ? [] : [styled('dim', `      ${fixLine(finding)}`, view)]),
  ].join('\n');
}

function renderNote(note: Finding, view: FindingsView): string {
  const place = `  ${styled('cyan', 'note', view)} ${note.line}:${note.column} ${note.rule}`;
  return [place, ...wrapped(visible(note.message), '    ')].join('\n');
}

const durations = {
  rewrite: 'during the rewrite',
  'index build': 'during the index build',
  scan: 'during the scan',
  held: 'until the transaction ends',
  none: 'for a moment',
} as const;

function lockLine({ lock, blocks, work, objects }: Finding): string | undefined {
  if (lock === null) return undefined;
  const on = objects[0] === undefined ? '' : ` on ${objects[0]}`;
  const during = durations[work];
  const blocked =
    blocks === 'nothing' || blocks === null
      ? 'blocks neither reads nor writes'
      : `blocks ${blocks} ${during}`;
  return `Lock: ${lock}${on}: ${blocked}.`;
}

function dependsLine({ confidence }: Finding): string | undefined {
  return confidence.kind === 'depends' ? `Depends on ${confidence.on}.` : undefined;
}

function fixLine({ fix }: Finding): string {
  return fix?.kind === 'plan'
    ? `drydock check --fix writes ${fix.files.length} files that do it step by step.`
    : 'drydock check --fix changes it.';
}

const excerptWidth = 68;

// The line with a caret below the place. A long line is cut around it.
function excerpt(finding: Finding, lines: readonly string[]): string[] {
  const characters = Array.from(visible(lines[finding.line - 1] ?? ''));
  const column = finding.column - 1;
  const isLong = characters.length > excerptWidth;
  const from = isLong ? Math.max(0, Math.min(column - 8, characters.length - excerptWidth)) : 0;
  const shown = characters.slice(from, from + excerptWidth).join('');
  const until = finding.endLine === finding.line ? finding.endColumn - 1 : characters.length;
  const length = Math.max(1, Math.min(until, from + excerptWidth) - column);
  const margin = `${finding.line} | `;
  return [
    `${margin}${shown}`,
    `${' '.repeat(margin.length - 2)}| ${' '.repeat(column - from)}${'^'.repeat(length)}`,
  ];
}

// A file may hold anything: what it holds must not steer the terminal. Places stay where they are.
function visible(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ');
}

function summary(report: CheckReport, view: FindingsView): string {
  const count = (severity: Severity): number =>
    report.findings.filter((finding) => finding.severity === severity).length;
  const parts = [
    styled(count('error') > 0 ? 'red' : 'dim', plural(count('error'), 'error'), view),
    styled(count('warning') > 0 ? 'yellow' : 'dim', plural(count('warning'), 'warning'), view),
    styled('dim', plural(count('info'), 'note'), view),
  ];
  if (report.allowed.length > 0) parts.push(`${report.allowed.length} allowed by comment`);
  const seen = `${plural(report.statements, 'statement')} in ${plural(report.files, 'file')}`;
  return `${seen}: ${parts.join(', ')}.`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function wrapped(text: string, indent: string, first = indent): string[] {
  const width = 80 - indent.length;
  return wrap(text, width).map((line, index) => `${index === 0 ? first : indent}${line}`);
}

function byFile(findings: readonly Finding[]): Map<string, Finding[]> {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const group = groups.get(finding.file) ?? [];
    group.push(finding);
    groups.set(finding.file, group);
  }
  return groups;
}

type Format = Parameters<typeof styleText>[0];

function styled(format: Format, text: string, { stream }: FindingsView): string {
  return styleText(format, text, { stream });
}
