import { exitCodes } from '../exit-code.ts';
import {
  renderRestore,
  renderRestoreBeside,
  renderRestoreElsewhere,
  renderRestoreTables,
} from '../render/restore.ts';
import { swapAnswerFrom } from '../restore-answer.ts';
import { type Verb, verb } from '../verb.ts';
import { answerFlags, backupArgument, environmentArgument } from './arguments.ts';

export const restore: Verb = verb<{
  readonly yes?: boolean;
  readonly confirm?: string;
  readonly into?: string;
  readonly tables?: string;
  readonly to?: string;
  readonly viewsLater?: boolean;
}>({
  name: 'restore',
  brief: 'Emergency: bring a backup back beside the live database, and swap',
  description:
    'Restores the backup beside the live database, compares it with its manifest, says what was written since, asks, and swaps the two names in one transaction. Never overwrites: the broken database stays under another name until a person drops it. The journal lives on. Without a terminal give --yes, and for a guarded environment --confirm with the name of the database.',
  args: [environmentArgument, backupArgument],
  flags: {
    ...answerFlags,
    into: {
      kind: 'text',
      placeholder: 'name',
      brief: 'Restore into a new database of this name, and swap nothing',
    },
    to: {
      kind: 'text',
      placeholder: 'env',
      brief: 'Restore into the empty database of another environment',
    },
    tables: {
      kind: 'text',
      placeholder: 'a,b',
      brief: 'Bring these tables back, in a schema beside the live ones',
    },
    viewsLater: {
      kind: 'switch',
      brief: 'Leave materialised views empty, and show how to fill them',
    },
  },
  run: async (input, environment = '', wanted) => {
    const { restoreEnvironment, restoreIntoEnvironment, restoreSomeTables, restoreUnderName } =
      await import('../../process/restoring.ts');
    const { targetNamed } = await import('../../process/project.ts');
    const project = await input.project();
    const { into: name, tables, to, viewsLater = false } = input.flags;
    const request = { environment, backup: wanted, viewsLater };
    if (to !== undefined) {
      const made = await restoreIntoEnvironment(project, { ...request, to });
      return { data: made, text: renderRestoreElsewhere(made) };
    }
    if (tables !== undefined) {
      const names = tables.split(',').map((table) => table.trim());
      const made = await restoreSomeTables(project, { environment, backup: wanted, tables: names });
      return { data: made, text: renderRestoreTables(made) };
    }
    if (name !== undefined) {
      const made = await restoreUnderName(project, { ...request, name });
      return { data: made, text: renderRestoreBeside(made) };
    }
    const report = await restoreEnvironment(project, {
      ...request,
      confirmSwap: swapAnswerFrom(
        input,
        targetNamed(project, environment),
        [
          ...['drydock restore', environment, ...(wanted === undefined ? [] : [wanted])],
          ...(viewsLater ? ['--views-later'] : []),
        ].join(' '),
      ),
    });
    return {
      data: report,
      text: renderRestore(report),
      exit: report.outcome === 'done' ? exitCodes.done : exitCodes.gateClosed,
    };
  },
});
