// The journal for people: a line for each command, newest first.

import { formatDuration } from '../../core/duration.ts';
import type { JournalEntry, JournalRow } from '../../history/journal.ts';
import { moment } from './moment.ts';
import { table } from './text.ts';

/** The journal as a table, and whether its chain is whole. */
export function renderHistory(
  environment: string,
  {
    entries,
    brokenAt,
  }: { readonly entries: readonly JournalRow[]; readonly brokenAt: number | null },
): string {
  if (entries.length === 0) return `The journal of ${environment} is empty.`;
  const ended = new Set(
    entries.filter(({ entry }) => entry.phase !== 'begun').map(({ entry }) => entry.run),
  );
  const commands = entries.filter(({ entry }) => entry.phase !== 'begun' || !ended.has(entry.run));
  return [
    table(
      [
        { title: 'when' },
        { title: 'who' },
        { title: 'command' },
        { title: 'time', align: 'right' },
        { title: 'outcome' },
      ],
      commands.map(({ entry }) => [
        moment(new Date(entry.at)),
        entry.who,
        entry.command,
        entry.durationMs === undefined ? '' : formatDuration(entry.durationMs),
        outcome(entry),
      ]),
    ),
    '',
    brokenAt === null
      ? 'The hash chain of the whole journal is intact.'
      : `✗ Entry ${brokenAt} is not what was once written: the journal was tampered with.`,
  ].join('\n');
}

function outcome(entry: JournalEntry): string {
  switch (entry.phase) {
    case 'begun':
      return 'never told its end';
    case 'failed':
      return `failed: ${entry.failure?.message ?? ''}`;
    default:
      return [entry.phase, ...facts(entry)].join(', ');
  }
}

function facts({ details = {}, backup }: JournalEntry): string[] {
  const { migrations, release, by } = details;
  return [
    ...(Array.isArray(migrations) ? [migrations.join(', ')] : []),
    ...(typeof release === 'string' ? [release.slice(0, 7)] : []),
    ...(typeof by === 'string' ? [`by ${by}`] : []),
    ...(backup === undefined ? [] : [backup]),
  ];
}
