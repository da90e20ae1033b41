// The emergency page, for somebody who is tired and in a hurry: what is red first, then what changed, then
// what can be done, each way with its time, its loss and its command.

import { styleText } from 'node:util';
import { formatDuration } from '../../core/duration.ts';
import type { Change, Emergency } from '../../process/emergency.ts';
import type { RecoverReport } from '../../process/recover.ts';
import type { JudgedWay } from '../../process/ways-back/way.ts';
import { renderHealth } from './health.ts';
import { wrap } from './text.ts';

/** How things stand, and the ways back. */
export function renderEmergency(emergency: Emergency): string {
  const { environment, address, problem, changes, health, redSince, ways } = emergency;
  const now = health.at.getTime();
  const possible = ways.filter(({ judgement }) => judgement.possible);
  const others = ways.filter(({ judgement }) => !judgement.possible);
  return [
    `${styleText('bold', environment)}  ${address}`,
    '',
    renderHealth(environment, health),
    ...(redSince === null ? [] : [`Red for ${formatDuration(now - Date.parse(redSince))}.`]),
    ...(problem === null ? [] : indented(`The database cannot be read: ${problem}`, 0)),
    '',
    styleText('bold', 'What changed in the last week, newest first'),
    ...(changes.length === 0 ? ['  nothing that the journal knows'] : []),
    ...changes.flatMap((change) => changeLines(change, now)),
    '',
    styleText('bold', possible.length === 0 ? 'No way back exists now' : 'Ways back, best first'),
    ...possible.flatMap((way, index) => wayLines(way, index + 1)),
    ...(others.length === 0 ? [] : ['', styleText('bold', 'Not possible now')]),
    ...others.flatMap(otherLines),
  ].join('\n');
}

/** What was done, how it is now, and what is left. */
export function renderTaken(
  environment: string,
  { way, outcome, did, next, health, record }: NonNullable<RecoverReport['taken']>,
): string {
  if (outcome === 'declined') return `Nothing was changed: ${way} was not confirmed.`;
  return [
    ...did.flatMap((line) => indented(`${line}.`, 0)),
    '',
    ...(health === null ? [] : [renderHealth(environment, health)]),
    ...(health?.healthy === false
      ? indented(`It is red still. Look for the next way: drydock recover ${environment}`, 0)
      : []),
    '',
    ...next.flatMap((line) => indented(line, 0)),
    ...(record === null ? [] : [`What happened is written in ${record}`]),
  ].join('\n');
}

function changeLines({ at, who, command, outcome, about }: Change, now: number): string[] {
  const ago = `${formatDuration(now - Date.parse(at))} ago`;
  const ended = { begun: ', never told its end', failed: ' FAILED', refused: '', done: '' };
  const what = `${command}${ended[outcome]}${about === '' ? '' : ` ${about}`}, by ${who}`;
  const [first = '', ...rest] = wrap(what, 61);
  return [`  ${ago.padEnd(15)} ${first}`, ...rest.map((line) => `${' '.repeat(18)}${line}`)];
}

function wayLines({ name, byHand, judgement }: JudgedWay, number: number): string[] {
  if (!judgement.possible) return [];
  const { ms, measured, loss, does, doubt, command } = judgement;
  const time = ms === null ? `time ${measured}` : `about ${formatDuration(ms)}`;
  const source = ms === null ? '' : ` (${measured})`;
  const head = `${name}  ${time}${source}, ${loss.sentence}${byHand ? '; by hand' : ''}`;
  const [first = '', ...rest] = wrap(head, 74);
  return [
    `  ${number}  ${styleText('bold', name)}${first.slice(name.length)}`,
    ...[...rest, ...wrap(`${does}.`, 74)].map((line) => `     ${line}`),
    ...(doubt === null ? [] : wrap(`! ${doubt}`, 74).map((line) => `     ${line}`)),
    `     → ${command}`,
  ];
}

function otherLines({ name, judgement }: JudgedWay): string[] {
  if (judgement.possible) return [];
  const { whyNot, prepare } = judgement;
  return [
    ...indented(`–  ${name}: ${whyNot}`, 2),
    ...(prepare === null ? [] : indented(`the next time: ${prepare}`, 5)),
  ];
}

function indented(text: string, margin: number): string[] {
  const lines = wrap(text, 77 - margin);
  return lines.map((line, index) => `${' '.repeat(index === 0 ? margin : margin + 3)}${line}`);
}
