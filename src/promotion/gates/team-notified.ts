// "Team notified": a message was delivered for this very plan, or a named person gives their word.

import { closed, type Gate, open } from '../gate.ts';

export const teamNotified: Gate = {
  id: 'team-notified',
  title: 'Team notified',
  broughtBy: 'people',
  judge: ({ environment, notice }) =>
    notice === null
      ? closed(
          'nobody was told of this plan',
          environment.notify.length > 0
            ? `drydock preflight ${environment.name} --notify`
            : '--told-by "Name of the person who told the team"',
        )
      : open(`told by ${notice.by}`),
};
