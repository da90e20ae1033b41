import { renderArm } from '../render/rescue.ts';
import { type Verb, verb } from '../verb.ts';
import { environmentArgument } from './arguments.ts';

export const arm: Verb = verb<{ readonly cold?: boolean; readonly follow?: boolean }>({
  name: 'arm',
  brief: 'Before a change: make a rescue without loss possible',
  description:
    'Takes a backup and follows every write from its snapshot on, by a replication slot or, where the server has no wal_level = logical, by triggers on every table (the cost is said first), so that `drydock rescue` can bring the database back from before the next change with every later write. The restored copy is built beside the live database at once, or with --cold at the rescue. The slot holds the log of the server, and the triggers write theirs, until `drydock disarm` or `drydock rescue`. `rescue: warm` in the configuration arms with each apply. With --follow it keeps the copy in step until Ctrl-C; whoever is armed already is followed only.',
  args: [environmentArgument],
  flags: {
    cold: { kind: 'switch', brief: 'Build the copy at the rescue: saves the disk until then' },
    follow: { kind: 'switch', brief: 'Keep the copy in step until Ctrl-C' },
  },
  run: async (input, environment = '') => {
    const { flags, say } = input;
    const project = await input.project();
    const { armEnvironment, isArmed } = await import('../../process/arming.ts');
    const isFollowedOnly = flags.follow === true && (await isArmed(project, environment));
    const report = isFollowedOnly
      ? null
      : await armEnvironment(project, { environment, cold: flags.cold === true });
    if (flags.follow === true) {
      const { followEnvironment } = await import('../../process/following.ts');
      if (report !== null) say(renderArm(report));
      await followEnvironment(project, environment);
    }
    return { data: report, text: report === null ? '' : renderArm(report) };
  },
});
