import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseDuration } from '../../core/duration.ts';
import { Failure } from '../../core/failure.ts';
import { replaceFile, writeNewFile } from '../../core/write-file.ts';
import type { WantedLoad } from '../../rehearsal/load/around.ts';
import { queryProblems } from '../../rehearsal/queries/problems.ts';
import type { RehearsalReport } from '../../rehearsal/report.ts';
import { exitCodes } from '../exit-code.ts';
import { styler } from '../render/failure.ts';
import { renderRehearsal } from '../render/rehearsal.ts';
import { type Verb, verb } from '../verb.ts';
import { environmentArgument, migrationArgument } from './arguments.ts';

interface RehearseFlags {
  readonly from?: string;
  readonly rows?: string;
  readonly keep?: boolean;
  readonly dropKept?: boolean;
  readonly timeout?: string;
  readonly markdown?: boolean;
  readonly html?: string;
  readonly queries?: string;
  readonly wayBack?: string;
  readonly load?: readonly string[];
  readonly connections?: string;
  readonly rate?: string;
}

export const rehearse: Verb = verb<RehearseFlags>({
  name: 'rehearse',
  brief: 'Run the pending migrations on a copy, and see what they really do',
  description:
    "Restores the newest backup into a throw-away server, compares it with its manifest, runs the pending migrations on it with the same code that runs them for real, and reports what each statement did: its locks and whom they block, rewrites, scans, rows. From the environment's traffic it says who would wait. The statements of the application (pg_stat_statements, --queries), the views and the functions are shown to the copy before and after; then the plan is taken back and run again, and what did not come back is told. With --load it runs once more while sessions work on the copy. Exit 4 when the plan fails there, is over the budget of the configuration, breaks a query, or rows are gone that no statement names.",
  args: [{ ...environmentArgument, optional: true }, migrationArgument],
  flags: {
    from: {
      kind: 'text',
      placeholder: 'source',
      brief: 'schema, clone, template:NAME, or an environment',
    },
    rows: {
      kind: 'text',
      placeholder: 'number',
      brief: 'With --from schema: at most so many rows of each table',
    },
    keep: { kind: 'switch', brief: 'Leave the copy for a day, to look into it' },
    dropKept: { kind: 'switch', brief: 'Drop the copies that were kept, and do nothing else' },
    timeout: { kind: 'text', placeholder: 'time', brief: 'Stop after this time, such as 10m' },
    markdown: { kind: 'switch', brief: 'Print Markdown, for a merge request' },
    html: { kind: 'text', placeholder: 'file', brief: 'Write the report as one page' },
    queries: {
      kind: 'text',
      placeholder: 'file',
      brief: 'Statements of the application too: SQL, or a log',
    },
    wayBack: { kind: 'text', placeholder: 'file', brief: 'Write the proven way back as SQL' },
    load: {
      kind: 'texts',
      placeholder: 'auto|file[@weight]',
      brief: "Once more under load: production's own, or pgbench files",
    },
    connections: { kind: 'text', placeholder: 'number', brief: 'Sessions of the load (8)' },
    rate: { kind: 'text', placeholder: 'number', brief: 'Scripts a second of the load (100)' },
  },
  run: async ({ flags, project, cwd }, environment, file) => {
    if (flags.dropKept === true) {
      const { dropKeptCopies } = await import('../../process/copy-server.ts');
      const dropped = await dropKeptCopies(await project());
      return { data: { dropped }, text: `Kept copies that were dropped: ${dropped}.` };
    }
    const { rehearseChange } = await import('../../process/rehearsals.ts');
    const into = flags.wayBack === undefined ? undefined : resolve(cwd, flags.wayBack);
    if (into !== undefined && existsSync(into))
      throw wouldOverwrite(flags.wayBack ?? '', environment ?? '');
    const report = await rehearseChange(await project(), {
      environment: environment ?? noEnvironment(),
      from: flags.from,
      rows: rowsOf(flags),
      keep: flags.keep,
      timeoutMs: flags.timeout === undefined ? undefined : timeLimit(flags.timeout),
      file: file?.includes('/') ? resolve(cwd, file) : file,
      queries: flags.queries === undefined ? undefined : resolve(cwd, flags.queries),
      load: loadOf(flags, cwd),
    });
    if (flags.html !== undefined) await writePage(resolve(cwd, flags.html), report);
    const sql = report.wayBack?.sql ?? null;
    if (into !== undefined && sql !== null) writeNewFile(into, sql);
    const problems = [...(report.problems ?? []), ...queryProblems(report)];
    return {
      data: report,
      text: await textOf(report, flags),
      exit: problems.length > 0 ? exitCodes.rehearsalFailed : exitCodes.done,
    };
  },
});

function timeLimit(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new Failure({
    code: 'usage/bad-duration',
    message: `--timeout ${text} is not a time such as 90s or 10m`,
    hint: 'Give a number and a unit, for example: drydock rehearse production --timeout 10m',
  });
}

function noEnvironment(): never {
  throw new Failure({
    code: 'usage/no-environment',
    message: 'no environment was named',
    hint: 'Name one, for example: drydock rehearse production',
  });
}

async function textOf(report: RehearsalReport, flags: RehearseFlags): Promise<string> {
  if (flags.markdown !== true) return renderRehearsal(report, styler(process.stdout));
  const { rehearsalMarkdown } = await import('../render/rehearsal-markdown.ts');
  return rehearsalMarkdown(report);
}

async function writePage(path: string, report: RehearsalReport): Promise<void> {
  const { rehearsalPage } = await import('../render/rehearsal-page.ts');
  replaceFile(path, rehearsalPage(report));
}

function loadOf({ load, connections, rate }: RehearseFlags, cwd: string): WantedLoad | undefined {
  if (load === undefined || load.length === 0) return undefined;
  return {
    workload: load.map((each) => (each === 'auto' ? each : resolve(cwd, each))),
    connections: countOf(connections, 8, '--connections'),
    perSecond: countOf(rate, 100, '--rate'),
  };
}

function rowsOf({ rows, from }: RehearseFlags): number | undefined {
  if (rows === undefined) return undefined;
  if (from === 'schema') return countOf(rows, 1_000, '--rows');
  throw new Failure({
    code: 'usage/rows-without-schema',
    message: '--rows is for a copy of the schema: every other copy has its rows',
    hint: `Write: drydock rehearse production --from schema --rows ${rows}`,
  });
}

function countOf(text: string | undefined, otherwise: number, flag: string): number {
  const count = text === undefined ? otherwise : Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new Failure({
    code: 'usage/bad-number',
    message: `${flag} ${text} is no whole number above 0`,
    hint: `Write for example: ${flag} ${otherwise}`,
  });
}

function wouldOverwrite(path: string, environment: string): Failure {
  return new Failure({
    code: 'usage/file-exists',
    message: `${path} is there already, and nothing is overwritten`,
    hint: `Name another file: drydock rehearse ${environment} --way-back FILE`,
  });
}
