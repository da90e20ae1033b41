// Mends files: edits first, checked again after each round; then plans, as numbered files beside.

import { basename, dirname, join } from 'node:path';
import { replaceFile } from '../../core/write-file.ts';
import { migrationFiles, nextFree } from '../../migration/file.ts';
import { parseSql } from '../../postgres/parser.ts';
import { type CheckedFile, check } from '../check.ts';
import type { CheckReport, Finding, PlannedFile, TextEdit } from '../finding.ts';
import type { Sources } from '../sources.ts';
import { diff } from './diff.ts';

/** A file that a fix changed or made. */
export interface FixedFile {
  readonly path: string;
  readonly sql: string;
  readonly isNew: boolean;
  /** The rules whose findings are gone. */
  readonly rules: readonly string[];
}

/** What was mended, for programs and for people. */
export interface FixResult {
  readonly files: readonly FixedFile[];
  readonly text: string;
}

/** Mends what can be mended; `write` is false for a dry run, whose text is a diff. */
export async function fixFiles(
  sources: Sources,
  report: CheckReport,
  { write }: { readonly write: boolean },
): Promise<FixResult> {
  const done: FixedFile[] = [];
  for (const file of sources.files) {
    const findings = report.findings.filter((finding) => finding.file === file.path);
    if (!findings.some((finding) => finding.fix !== null)) continue;
    done.push(...(await fixFile(file, findings, sources)));
  }
  if (write) for (const { path, sql } of done) replaceFile(path, sql);
  return { files: done, text: textOf(done, sources, write) };
}

/** A file mended by its edits, and the files of its plans. */
export async function fixFile(
  file: CheckedFile,
  findings: readonly Finding[],
  sources: Pick<Sources, 'files' | 'earlier'>,
): Promise<FixedFile[]> {
  const edited = await editFile(file, findings, sources);
  const planned = await planFile(edited.file, edited.findings);
  const rules = [...edited.rules, ...planned.rules];
  if (rules.length === 0) return [];
  return [{ path: file.path, sql: planned.sql, isNew: false, rules }, ...planned.files];
}

const rounds = 6;

interface Checked {
  readonly file: CheckedFile;
  readonly findings: readonly Finding[];
}

// One round takes the edits that do not touch each other; a later round may take the others, and
// those that only became possible.
async function editFile(
  file: CheckedFile,
  findings: readonly Finding[],
  sources: Pick<Sources, 'files' | 'earlier'>,
): Promise<Checked & { rules: string[] }> {
  const wanted = new Set(findings.map((finding) => finding.rule));
  let current: Checked = { file, findings };
  const rules: string[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const chosen = withoutOverlap(current.findings.filter(({ rule }) => wanted.has(rule)));
    if (chosen.length === 0) break;
    const next = (await tried(current, chosen, sources)) ?? (await oneOf(current, chosen, sources));
    if (next === undefined) break;
    rules.push(...next.taken.map((finding) => finding.rule));
    current = next;
  }
  return { ...current, rules };
}

type Tried = Checked & { readonly taken: readonly Finding[] };

// When all edits together do harm, the first one that does none is taken alone.
async function oneOf(
  current: Checked,
  chosen: readonly Finding[],
  sources: Pick<Sources, 'files' | 'earlier'>,
): Promise<Tried | undefined> {
  for (const finding of chosen) {
    const next = await tried(current, [finding], sources);
    if (next !== undefined) return next;
  }
  return undefined;
}

async function tried(
  current: Checked,
  taken: readonly Finding[],
  sources: Pick<Sources, 'files' | 'earlier'>,
): Promise<Tried | undefined> {
  const edits = taken.flatMap(({ fix }) => (fix?.kind === 'edit' ? fix.edits : []));
  const { path, sql } = current.file;
  const file = { ...current.file, sql: applyEdits(sql, edits) };
  const at = sources.files.findIndex((each) => each.path === path);
  const earlier = [...sources.earlier, ...sources.files.slice(0, Math.max(at, 0))];
  const before = await check([current.file], { earlier });
  const { findings } = await check([file], { earlier });
  return isWorse(before.findings, findings) ? undefined : { file, findings, taken };
}

// More findings of some rule than before. IF NOT EXISTS, for one, takes away the proof that a table
// is new.
function isWorse(before: readonly Finding[], after: readonly Finding[]): boolean {
  const count = (findings: readonly Finding[], rule: string): number =>
    findings.filter((finding) => finding.rule === rule && finding.severity !== 'info').length;
  return after.some(({ rule }) => count(after, rule) > count(before, rule));
}

/** The text with every edit made; new lines end as the text's first one does. */
export function applyEdits(sql: string, edits: readonly TextEdit[]): string {
  const newline = /\r?\n/.exec(sql)?.[0] ?? '\n';
  return (
    [...edits]
      // Two at one place come out in the order given.
      .reverse()
      .sort((a, b) => b.start - a.start)
      .reduce(
        (text, { start, end, text: inserted }) =>
          text.slice(0, start) + inserted.replace(/\r?\n/g, newline) + text.slice(end),
        sql,
      )
  );
}

const rank = { error: 0, warning: 1, info: 2 } as const;

// The worst first: where two edits want the same place, the more dangerous hazard goes.
function withoutOverlap(findings: readonly Finding[]): Finding[] {
  const taken: TextEdit[] = [];
  return [...findings]
    .sort((a, b) => rank[a.severity] - rank[b.severity])
    .filter(({ fix }) => {
      if (fix?.kind !== 'edit') return false;
      const free = fix.edits.every((edit) =>
        taken.every((other) => edit.start > other.end || edit.end < other.start),
      );
      if (free) taken.push(...fix.edits);
      return free;
    });
}

// The statement moves into files of its own; where it stood, a comment says so.
async function planFile(
  file: CheckedFile,
  findings: readonly Finding[],
): Promise<{ sql: string; files: FixedFile[]; rules: string[] }> {
  const { statements } = await parseSql(file.sql);
  const files: FixedFile[] = [];
  const edits: TextEdit[] = [];
  const rules: string[] = [];
  const folder = dirname(file.path);
  let names = [...migrationFiles(folder)];
  for (const { fix, statement: text, rule } of findings) {
    const statement = statements.find((each) => each.text === text);
    if (fix?.kind !== 'plan' || statement === undefined) continue;
    if (edits.some((edit) => edit.start === statement.start)) continue;
    const made = fix.files.map((planned) => {
      const name = nameOf(file.path, planned, names);
      names = [...names, name];
      return { path: join(folder, name), sql: planned.sql, isNew: true, rules: [rule] };
    });
    const list = made.map((each) => basename(each.path)).join(', ');
    const semicolon = file.sql[statement.end] === ';' ? 1 : 0;
    edits.push({
      start: statement.start,
      end: statement.end + semicolon,
      text: `-- Done step by step in ${list}`,
    });
    files.push(...made);
    rules.push(rule);
  }
  return { sql: applyEdits(file.sql, edits), files, rules };
}

function nameOf(path: string, { step }: PlannedFile, names: readonly string[]): string {
  const words = basename(path)
    .replace(/^\d+_?/, '')
    .replace(/\.sql$/, '');
  return `${nextFree(names)}_${words}_${step}.sql`;
}

function textOf(done: readonly FixedFile[], { files }: Sources, write: boolean): string {
  if (done.length === 0) return 'There is nothing here that can be mended by rote.';
  if (!write) {
    return done
      .map(({ path, sql, isNew }) => {
        const before = isNew ? '' : (files.find((file) => file.path === path)?.sql ?? '');
        return diff({ path, before, after: sql });
      })
      .join('\n');
  }
  const lines = done.map(
    ({ path, isNew, rules }) =>
      `${isNew ? 'Wrote' : 'Changed'} ${path} (${[...new Set(rules)].join(', ')})`,
  );
  return [...lines, 'Read them, then look again with: drydock check'].join('\n');
}
