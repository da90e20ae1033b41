// "Uses IF EXISTS / IF NOT EXISTS": every statement can be run again where the grammar allows it.

import { withConcern } from '../findings.ts';
import { closed, type Gate, open } from '../gate.ts';

export const reRunnable: Gate = {
  id: 're-runnable',
  title: 'Uses IF EXISTS / IF NOT EXISTS',
  judge: ({ findings }) => {
    const found = withConcern(findings, 're-runnable');
    return found.length === 0
      ? open('every statement can be run again')
      : closed(
          found.join('; '),
          'write IF [NOT] EXISTS there, or --waive re-runnable="why it need not be"',
        );
  },
};
