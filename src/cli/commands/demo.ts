import { withCleanup } from '../../core/failure.ts';
import { type Verb, verb } from '../verb.ts';

export const demo: Verb = verb<{ readonly keep?: boolean }>({
  name: 'demo',
  brief: "Play the runbook's whole story on a throw-away server",
  description:
    'Starts a throw-away PostgreSQL server with a dev, a staging and a production database of 100,000 users, an application and traffic on it. Takes a migration from a file to production by the seven scripts; then lets another one break the application, restores the backup, rolls the code back and brings the writes since the backup back. Takes about a minute and a half and touches nothing of yours.',
  flags: {
    keep: { kind: 'switch', brief: 'Leave everything running to play with, until Ctrl-C' },
  },
  run: async ({ flags, context, say }) => {
    const { play } = await import('../demo/play.ts');
    const { setStage } = await import('../demo/stage.ts');
    say(
      'Nothing of yours is touched: the demo plays on a throw-away PostgreSQL server.\nIt takes about a minute and a half; Ctrl-C ends it and clears everything away.\n',
    );
    const stage = await setStage(context);
    return withCleanup(
      () => play(stage, { context, say, keep: flags.keep === true }),
      () => stage.strike(),
    );
  },
});
