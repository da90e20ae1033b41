// Remembers reports by the content of everything that went into them. Safe to delete at any time.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CheckReport } from './finding.ts';
import type { SchemaSnapshot } from './snapshot.ts';
import type { Sources } from './sources.ts';

/** What a check is made with, besides the files. */
export interface CachedCheckOptions {
  readonly runner: 'drydock' | 'other';
  readonly snapshot: SchemaSnapshot | undefined;
  readonly useCache: boolean;
}

/** The report for these files: from the cache when nothing has changed, else made and remembered. */
export async function cachedCheck(
  sources: Sources,
  options: CachedCheckOptions,
): Promise<CheckReport> {
  const path = join(cacheFolder(), `${keyOf(sources, options)}.json`);
  const known = options.useCache ? readReport(path) : undefined;
  if (known !== undefined) return known;
  const { check } = await import('./check.ts');
  const { earlier, files, isWholeHistory } = sources;
  const { runner, snapshot } = options;
  const { modelOf } = await import('./snapshot.ts');
  const schema = snapshot === undefined ? {} : { schema: modelOf(snapshot) };
  const report = await check(files, { runner, earlier, isWholeHistory, ...schema });
  if (options.useCache) writeReport(path, report);
  return report;
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

function readReport(path: string): CheckReport | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as CheckReport;
  } catch {
    // Not there, or half-written by a process that was killed: made again.
    return undefined;
  }
}

function writeReport(path: string, report: CheckReport): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    const unfinished = `${path}.${process.pid}`;
    writeFileSync(unfinished, JSON.stringify(report));
    renameSync(unfinished, path);
  } catch {
    // A read-only home or a full disk makes checks slower, not wrong.
  }
}
