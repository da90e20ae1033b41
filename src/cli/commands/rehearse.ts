import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Failure, messageOf } from '../../core/failure.ts';
import type { RehearsalReport } from '../../rehearsal/report.ts';
import { exitCodes } from '../exit-code.ts';
import { styler } from '../render/failure.ts';
import { renderRehearsal } from '../render/rehearsal.ts';
import { type Verb, verb } from '../verb.ts';
import { environmentArgument, migrationArgument } from './arguments.ts';

interface RehearseFlags {
  readonly markdown?: boolean;
  readonly html?: string;
}

export const rehearse: Verb = verb<RehearseFlags>({
  name: 'rehearse',
  brief: 'Run the pending migrations on a copy, and see what they really do',
  description:
    "Restores the newest backup into a throw-away server, compares it with its manifest, runs the pending migrations on it with the same code that runs them for real, and reports what each statement did: its locks and whom they block, rewrites, scans, rows. From the environment's traffic it says who would wait. Exit 4 when the plan fails there, is over the budget of the configuration, or rows are gone that no statement names.",
  args: [environmentArgument, migrationArgument],
  flags: {
    markdown: { kind: 'switch', brief: 'Print Markdown, for a merge request' },
    html: { kind: 'text', placeholder: 'file', brief: 'Write the report as one page' },
  },
  run: async ({ flags, project, cwd }, environment = '', file) => {
    const { rehearseChange } = await import('../../rehearsals.ts');
    const report = await rehearseChange(await project(), {
      environment,
      file: file?.includes('/') ? resolve(cwd, file) : file,
    });
    if (flags.html !== undefined) await writePage(resolve(cwd, flags.html), report);
    const { problems = [] } = report;
    return {
      data: report,
      text: await textOf(report, flags),
      exit: problems.length > 0 ? exitCodes.rehearsalFailed : exitCodes.done,
    };
  },
});

async function textOf(report: RehearsalReport, flags: RehearseFlags): Promise<string> {
  if (flags.markdown !== true) return renderRehearsal(report, styler(process.stdout));
  const { rehearsalMarkdown } = await import('../render/rehearsal-markdown.ts');
  return rehearsalMarkdown(report);
}

async function writePage(path: string, report: RehearsalReport): Promise<void> {
  const { rehearsalPage } = await import('../render/rehearsal-page.ts');
  await writeFile(path, rehearsalPage(report)).catch((error: unknown) => {
    throw new Failure({
      code: 'usage/page-not-written',
      message: `the page could not be written: ${messageOf(error)}`,
      hint: 'Name another file: drydock rehearse --html rehearsal.html',
      cause: error,
    });
  });
}
