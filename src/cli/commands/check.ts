import { relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { Failure } from '../../core/failure.ts';
import { type CheckReport, type Severity, severities } from '../../lint/finding.ts';
import type { SchemaSnapshot } from '../../lint/snapshot.ts';
import { exitCodes } from '../exit-code.ts';
import { renderFindings } from '../render/findings.ts';
import { type CommandInput, type Verb, verb } from '../verb.ts';
import { addressFor } from './schema.ts';

interface CheckFlags {
  readonly failOn?: string;
  readonly format?: string;
  readonly changedSince?: string;
  readonly schema?: string;
  readonly database?: string;
  readonly runner?: string;
  readonly fix?: boolean;
  readonly dryRun?: boolean;
  readonly verbose?: boolean;
  readonly noCache?: boolean;
}

export const check: Verb = verb<CheckFlags>({
  name: 'check',
  brief: 'Name every hazard in migrations, and the safe form',
  description:
    "Reads SQL files with PostgreSQL's own parser and names what would hurt a live database. Without files it checks the migrations folder; - reads standard input. Needs no database and no configuration. Exit 3 when a finding is as bad as --fail-on.",
  args: [
    {
      placeholder: 'file',
      brief: 'Files or folders to check (default: the migrations folder)',
      rest: true,
    },
  ],
  flags: {
    failOn: {
      kind: 'text',
      placeholder: 'severity',
      brief: 'Exit 3 from: error (default), warning, info or never',
    },
    format: {
      kind: 'text',
      placeholder: 'name',
      brief: 'sarif, github, gitlab or markdown in place of text',
    },
    changedSince: {
      kind: 'text',
      placeholder: 'ref',
      brief: 'Only files that differ from this branch, tag or commit',
    },
    schema: {
      kind: 'text',
      placeholder: 'file',
      brief: 'What the database holds: a snapshot of it',
    },
    database: {
      kind: 'text',
      placeholder: 'address',
      brief: 'A live database to look at: address or environment',
    },
    runner: {
      kind: 'text',
      placeholder: 'name',
      brief: 'Who runs the files: drydock (default) or other',
    },
    fix: { kind: 'switch', brief: 'Mend what can be mended: edits, or files beside' },
    dryRun: { kind: 'switch', brief: 'With --fix: show the changes and make none' },
    verbose: { kind: 'switch', brief: 'Show notes in full' },
    noCache: { kind: 'switch', brief: 'Look at unchanged files too' },
  },
  run: async (input, ...paths) => {
    const { flags, cwd } = input;
    const isJson = (flags as { readonly json?: boolean }).json === true;
    const failOn = oneOf('--fail-on', flags.failOn ?? 'error', [...severities, 'never']);
    const format = oneOf('--format', flags.format ?? 'people', [...formatNames, 'people']);
    const runner = oneOf('--runner', flags.runner ?? 'drydock', ['drydock', 'other']);
    const { readSources } = await import('../../lint/sources.ts');
    const sources = await readSources({
      paths: paths.length > 0 ? paths : [await migrationsFolder(input)],
      cwd,
      changedSince: flags.changedSince,
      standardInput: () => text(process.stdin),
    });
    const { cachedCheck } = await import('../../lint/cache.ts');
    const written = await cachedCheck(sources, {
      runner,
      snapshot: await snapshotFor(input),
      useCache: flags.noCache !== true,
    });
    if (flags.fix === true) {
      const { fixFiles } = await import('../../lint/fix/fix-files.ts');
      // Standard input cannot be written: its changes are shown.
      const write = flags.dryRun !== true && paths[0] !== '-';
      const { report } = written;
      const done = await fixFiles(sources, report, { write });
      return { data: { ...report, fixed: done.files }, text: done.text };
    }
    return {
      // Read into objects for those who look: ten thousand findings take long.
      get data() {
        return written.report;
      },
      json: () => written.json,
      text: isJson
        ? ''
        : await textOf(written.report, { format, sources, verbose: flags.verbose === true }),
      exit: isBad(written.worst, failOn) ? exitCodes.findings : exitCodes.done,
    };
  },
});

const formatNames = ['sarif', 'github', 'gitlab', 'markdown'] as const;

function isBad(worst: Severity | null, failOn: Severity | 'never'): boolean {
  if (failOn === 'never' || worst === null) return false;
  return severities.indexOf(worst) <= severities.indexOf(failOn);
}

async function textOf(
  report: CheckReport,
  options: {
    format: (typeof formatNames)[number] | 'people';
    sources: { files: readonly { path: string; sql: string }[] };
    verbose: boolean;
  },
): Promise<string> {
  const { format, sources, verbose } = options;
  if (format === 'people') {
    return renderFindings(report, sources.files, { stream: process.stdout, verbose });
  }
  const { formats } = await import('../../lint/formats.ts');
  return formats[format](report);
}

async function snapshotFor({
  flags,
  project,
  context,
}: CommandInput<CheckFlags>): Promise<SchemaSnapshot | undefined> {
  if (flags.schema !== undefined) {
    const { readSnapshot } = await import('../../lint/snapshot.ts');
    return readSnapshot(flags.schema);
  }
  if (flags.database === undefined) return undefined;
  const { takeSnapshot } = await import('../../lint/live-schema.ts');
  return takeSnapshot(await addressFor(flags.database, project), context.signal);
}

async function migrationsFolder({ project, cwd }: CommandInput<CheckFlags>): Promise<string> {
  return relative(cwd, (await project()).config.migrations) || '.';
}

function oneOf<const Name extends string>(
  flag: string,
  given: string,
  names: readonly Name[],
): Name {
  const name = names.find((each) => each === given);
  if (name !== undefined) return name;
  throw new Failure({
    code: 'usage/bad-choice',
    message: `${flag} ${given} is not one of ${names.join(', ')}`,
    hint: `Choose one of them, for example: drydock check ${flag} ${names[0]}`,
  });
}
