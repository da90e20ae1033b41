// The way back of a plan, for people.

import { formatDuration } from '../../core/duration.ts';
import type { WayBack } from '../../rehearsal/way-back/report.ts';
import { plural, wrapLines } from './text.ts';

/** The label first, then what is lost or why there is none. */
export function wayBackLines(wayBack: WayBack, notKept: readonly string[] = []): readonly string[] {
  const { label, by, ms, losses, reasons, discards, compared } = wayBack;
  const whose = by === 'author' ? ", by the author's .down.sql" : '';
  const took = ms === null || label === 'irreversible' ? '' : `, in ${formatDuration(ms)}`;
  const looked =
    compared === null
      ? ''
      : `; compared: the schema and ${plural(compared.rows, 'row')} of ${plural(compared.tables, 'table')}`;
  const shallow = compared === null ? 0 : compared.tables - compared.hashedTables;
  return [
    wrapLines([`Way back: ${label}${whose}${took}${looked}`]),
    ...reasons.map((reason) => wrapLines([`✗ ${reason}`], 4)),
    ...losses.map(({ sentence }) => wrapLines([`! ${sentence}`], 4)),
    ...(discards.length === 0 || label === 'irreversible'
      ? []
      : [wrapLines([`- ${discards.join(', ')} would go, with what is written there by then`], 4)]),
    ...(shallow === 0
      ? []
      : [`? Of ${plural(shallow, 'large table')} the rows were counted and not compared.`]),
    ...notKeptLines(notKept),
  ];
}

/** Why undo cannot take a plan back that it was meant for. */
export function notKeptLines(notKept: readonly string[]): readonly string[] {
  return notKept.length === 0
    ? []
    : [
        '! drydock undo cannot take this back: it is applied as it is written',
        ...notKept.map((reason) => wrapLines([`- ${reason}`], 4)),
      ];
}
