import { exitCodes } from '../exit-code.ts';
import { renderRestore } from '../render/restore.ts';
import { swapAnswerFrom } from '../restore-answer.ts';
import { type Verb, verb } from '../verb.ts';
import { answerFlags, backupArgument, environmentArgument } from './arguments.ts';

export const restore: Verb = verb<{ readonly yes?: boolean; readonly confirm?: string }>({
  name: 'restore',
  brief: 'Emergency: bring a backup back beside the live database, and swap',
  description:
    'Restores the backup beside the live database, compares it with its manifest, says what was written since, asks, and swaps the two names in one transaction. Never overwrites: the broken database stays under another name until a person drops it. The journal lives on. Without a terminal give --yes, and for a guarded environment --confirm with the name of the database.',
  args: [environmentArgument, backupArgument],
  flags: answerFlags,
  run: async (input, environment = '', wanted) => {
    const { restoreEnvironment } = await import('../../recovery.ts');
    const { targetNamed } = await import('../../project.ts');
    const project = await input.project();
    const report = await restoreEnvironment(project, {
      environment,
      backup: wanted,
      confirmSwap: swapAnswerFrom(input, targetNamed(project, environment)),
    });
    return {
      data: report,
      text: renderRestore(report),
      exit: report.outcome === 'done' ? exitCodes.done : exitCodes.gateClosed,
    };
  },
});
