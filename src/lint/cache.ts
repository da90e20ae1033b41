// Remembers reports by the content of everything that went into them. Safe to delete at any time.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CheckReport, type Severity, severities } from './finding.ts';
import type { SchemaSnapshot } from './snapshot.ts';
import type { Sources } from './sources.ts';

/** What a check is made with, besides the files. */
export interface CachedCheckOptions {
  readonly runner: 'drydock' | 'other';
  readonly snapshot: SchemaSnapshot | undefined;
  readonly useCache: boolean;
}

/**
 * A report as it is kept: ready to be written, and read into objects only by who asks for them. Ten
 * thousand findings take longer to read and to write again than to copy.
 */
export interface WrittenReport {
  /** The worst severity among its findings; null when there are none. */
  readonly worst: Severity | null;
  /** The report as JSON. */
  readonly json: Uint8Array;
  readonly report: CheckReport;
}

/** The report for these files: from the cache when nothing has changed, else made and remembered. */
export async function cachedCheck(
  sources: Sources,
  options: CachedCheckOptions,
): Promise<WrittenReport> {
  const path = join(cacheFolder(), `${keyOf(sources, options)}.json`);
  const known = options.useCache ? readReport(path) : undefined;
  if (known !== undefined) return known;
  const { check } = await import('./check.ts');
  const { earlier, files, isWholeHistory } = sources;
  const { runner, snapshot } = options;
  const { modelOf } = await import('./snapshot.ts');
  const schema = snapshot === undefined ? {} : { schema: modelOf(snapshot) };
  const report = await check(files, { runner, earlier, isWholeHistory, ...schema });
  const made = written(report);
  if (options.useCache) writeReport(path, made);
  return made;
}

function written(report: CheckReport): WrittenReport {
  let json: Uint8Array | undefined;
  return {
    worst:
      severities.find((each) => report.findings.some(({ severity }) => severity === each)) ?? null,
    get json() {
      json ??= Buffer.from(JSON.stringify(report));
      return json;
    },
    report,
  };
}

function keyOf(sources: Sources, { runner, snapshot }: CachedCheckOptions): string {
  const hash = createHash('sha256');
  // Each part with its length before it: no two lists of parts run together into the same text.
  const add = (part: string): void => {
    hash.update(`${part.length}:`).update(part);
  };
  add(programVersion());
  add(runner);
  add(String(sources.isWholeHistory));
  add(snapshot === undefined ? '' : JSON.stringify(snapshot));
  for (const kind of ['earlier', 'files'] as const) {
    add(String(sources[kind].length));
    for (const { path, sql, collidesWith = '' } of sources[kind])
      [path, sql, collidesWith].forEach(add);
  }
  return hash.digest('hex');
}

// Another build of Drydock must not answer with this one's findings: its files differ in name, size
// or time.
function programVersion(): string {
  const folder = dirname(fileURLToPath(import.meta.url));
  return readdirSync(folder)
    .map((name) => {
      const { size, mtimeMs } = statSync(join(folder, name));
      return `${name} ${size} ${mtimeMs}`;
    })
    .join('\n');
}

function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'drydock', 'check');
}

// An entry is one line with the worst severity and the number of bytes that follow, then the report.
function readReport(path: string): WrittenReport | undefined {
  let entry: Buffer;
  try {
    entry = readFileSync(path);
  } catch {
    return undefined;
  }
  const border = entry.indexOf('\n');
  const [, worst, length] =
    /^(error|warning|info|none) (\d+)$/.exec(entry.toString('latin1', 0, border)) ?? [];
  const json = entry.subarray(border + 1);
  // Half-written by a full disk or another version: made again.
  if (worst === undefined || json.length !== Number(length)) return undefined;
  return {
    worst: worst === 'none' ? null : (worst as Severity),
    json,
    get report() {
      return JSON.parse(json.toString()) as CheckReport;
    },
  };
}

function writeReport(path: string, { worst, json }: WrittenReport): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    const unfinished = `${path}.${process.pid}`;
    writeFileSync(
      unfinished,
      Buffer.concat([Buffer.from(`${worst ?? 'none'} ${json.length}\n`), json]),
    );
    renameSync(unfinished, path);
  } catch {
    // A read-only home or a full disk makes checks slower, not wrong.
  }
}
