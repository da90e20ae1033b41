// The status of every environment, for people.

import { styleText } from 'node:util';
import type { EnvironmentStatus } from '../../outlook.ts';
import { wrap } from './text.ts';

/** A paragraph for each environment, in the order of promotion. */
export function renderStatus(statuses: readonly EnvironmentStatus[]): string {
  return statuses.map(paragraph).join('\n\n');
}

function paragraph(status: EnvironmentStatus): string {
  const head = `${styleText('bold', status.name)}  ${status.database ?? 'no address'}`;
  if (status.problem !== null) return `${head}\n${indent(`✗ ${status.problem}`)}`;
  const lines = [
    status.last === null
      ? 'nothing is in force yet'
      : `${status.last} since ${moment(status.lastAt)}`,
    status.pending.length === 0 ? 'nothing is pending' : `pending: ${status.pending.join(', ')}`,
    ...status.partial.map(
      (name) => `✗ only some steps of ${name} are in force: drydock apply ${status.name}`,
    ),
    ...status.edited.map((name) => `✗ ${name} was edited after it was applied`),
    ...(status.withoutFile.length === 0
      ? []
      : [`in force without a file here: ${status.withoutFile.join(', ')}`]),
    ...(status.drifted ? ['✗ the schema was changed by hand since the last apply'] : []),
    ...status.unfinished.map(
      ({ command, at, who }) => `✗ ${command} of ${who} began at ${at} and never told its end`,
    ),
    ...(status.health === null
      ? []
      : [
          `${status.health.healthy ? '✓ healthy' : '✗ NOT healthy'} at ${moment(status.health.at)}`,
        ]),
  ];
  return [head, ...lines.map(indent)].join('\n');
}

function indent(text: string): string {
  return wrap(text, 76)
    .map((line, index) => `${index === 0 ? '  ' : '    '}${line}`)
    .join('\n');
}

/** A moment on the clock of this machine: `2026-03-01 02:14:09`. */
export function moment(at: Date | null): string {
  if (at === null) return 'an unknown time';
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${date} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
