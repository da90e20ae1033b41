// The schema is as the last apply left it: nobody has changed it by hand since.

import { closed, type Gate, open } from '../gate.ts';

const namedAtMost = 3;

export const noDrift: Gate = {
  id: 'no-drift',
  title: 'Schema as the last apply left it',
  judge: ({ environment: { name, drift: policy }, target: { drift, marker } }) => {
    if (marker === undefined) return open('nothing to compare with before the first apply');
    if (drift.length === 0) return open('the schema is as the last apply left it');
    const rest = drift.length - namedAtMost;
    const named = drift.slice(0, namedAtMost).join('; ');
    const said = `changed by hand: ${named}${rest > 0 ? `; and ${rest} more` : ''}`;
    return policy === 'warn'
      ? open(`${said}; the configuration only warns`)
      : closed(
          said,
          `take it back, or accept the schema as it is: drydock adopt ${name} --reason "why"`,
        );
  },
};
