import { expect, it } from 'vitest';
import { limitsWith } from '../../../test/probe.ts';
import { type Answers, judgeErrors } from './errors.ts';

/** `..!.`: three looks that were answered well, and one that failed. */
function answers(marks: string): Answers {
  return marks.split('').map((mark) => mark === '.');
}

const measure = { limits: limitsWith(), redInARow: 2, before: answers('.'.repeat(30)) };

it.each([
  ['one of thirty fails', `${'.'.repeat(29)}!`, '1 of 30 looks failed (3.3%)'],
  ['nothing fails', '.'.repeat(30), 'none of 30 looks failed'],
  ['there were too few looks', '.!.!.', '2 of 5 looks failed (40%); judged from 10 on'],
  [
    'all that failed was one outage',
    `${'.'.repeat(20)}!!!!!.....`,
    'none of 25 looks failed, beside 5 in outages',
  ],
  ['nobody has looked yet', '', 'none of 0 looks failed; judged from 10 on'],
])('the share of errors is green when %s', (_why, marks, figure) => {
  expect(judgeErrors(answers(marks), measure)).toEqual({
    probe: 'errors',
    healthy: true,
    answered: true,
    figure,
  });
});

it('the share of errors is red over its limit, and says how it was before the change', () => {
  const flapping = answers('....!'.repeat(6));
  expect(judgeErrors(flapping, measure)).toMatchObject({
    healthy: false,
    figure: '6 of 30 looks failed (20%), before the change none of 30 looks failed',
  });
  expect(judgeErrors(flapping, { ...measure, before: [] })).toMatchObject({
    healthy: false,
    figure: '6 of 30 looks failed (20%)',
  });
  const limits = limitsWith({ errors: 0.25 });
  expect(judgeErrors(flapping, { ...measure, limits })).toMatchObject({ healthy: true });
});

it('the share of errors that was over its limit before the change is not the doing of the change', () => {
  const before = answers('..!'.repeat(10));
  expect(judgeErrors(answers('....!'.repeat(6)), { ...measure, before })).toMatchObject({
    healthy: true,
    figure: '6 of 30 looks failed (20%), before the change 10 of 30 looks failed (33%)',
  });
});
