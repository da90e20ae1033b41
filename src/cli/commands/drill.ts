import { renderDrill } from '../render/drill.ts';
import { type Verb, verb } from '../verb.ts';
import { environmentArgument } from './arguments.ts';

export const drill: Verb = verb({
  name: 'drill',
  brief: 'Rehearse the whole recovery on an environment such as staging',
  description:
    'Takes a backup, makes a copy of the database on the same server, writes a change into the copy that the recovery has to take back, restores the backup beside it, swaps the names, and looks whether the change is gone and kept in the broken database. The environment itself is only read, and nothing is left but the backup. The times stay in the journal, where the gate way-back-ready of the next environment and `drydock recover` find them.',
  args: [environmentArgument],
  run: async ({ project }, environment = '') => {
    const { drillRecovery } = await import('../../process/drill.ts');
    const report = await drillRecovery(await project(), environment);
    return { data: report, text: renderDrill(report) };
  },
});
