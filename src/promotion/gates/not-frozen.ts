// Nobody, and no red monitor, has frozen the environment.

import { closed, type Gate, open } from '../gate.ts';

export const notFrozen: Gate = {
  id: 'not-frozen',
  title: 'Not frozen',
  judge: ({ environment, target: { freeze } }) =>
    freeze === null
      ? open('nobody has frozen it')
      : closed(
          `frozen by ${freeze.by}: ${freeze.reason}`,
          `drydock unfreeze ${environment.name} --reason "why it may go on"`,
        ),
};
