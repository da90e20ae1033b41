// `drydock check` finds no error beside those that have a line of their own in the checklist.

import { basename } from 'node:path';
import { closed, type Gate, open } from '../gate.ts';

export const checkClean: Gate = {
  id: 'check-clean',
  title: 'The check finds no error',
  judge: ({ findings }) => {
    const errors = findings.filter(
      ({ severity, concern }) =>
        severity === 'error' && concern !== 'data-loss' && concern !== 're-runnable',
    );
    return errors.length === 0
      ? open('no error')
      : closed(
          errors.map(({ file, line, rule }) => `${basename(file)}:${line} ${rule}`).join('; '),
          'drydock check shows each with its safe form; drydock check --fix writes many of them',
        );
  },
};
