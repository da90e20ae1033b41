// "Team notified": a message was delivered for this very plan, or a named person gives their word.

import { closed, closedUntilApply, type Gate, open } from '../gate.ts';

export const teamNotified: Gate = {
  id: 'team-notified',
  title: 'Team notified',
  judge: ({ environment, notice }) => {
    if (notice?.delivered === true) return open(`told by ${notice.by}`);
    const byMessage = `drydock preflight ${environment.name} --notify`;
    if (notice !== null) return closed('no webhook took the message', byMessage);
    return environment.notify.length > 0
      ? closedUntilApply('the team is told when every other gate is open', byMessage)
      : closed('nobody was told of this plan', '--told-by "Who told the team"');
  },
};
