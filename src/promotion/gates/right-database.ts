// The database itself says that it is this environment. One without a marker gets it from the apply, after
// a person typed the name of the database.

import { closed, type Gate, open } from '../gate.ts';

export const rightDatabase: Gate = {
  id: 'right-database',
  title: 'Right database',
  judge: ({ environment: { name }, target: { marker } }) => {
    if (marker === undefined) return open(`not marked yet: the apply marks it as ${name}`);
    return marker === name
      ? open(`it is marked as ${name}`)
      : closed(`it is marked as ${marker}`, `correct the address of ${name} in the configuration`);
  },
};
