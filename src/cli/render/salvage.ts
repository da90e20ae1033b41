// What was saved from a broken database, for people.

import { relative } from 'node:path';
import type { SalvageReport } from '../../restore/salvage.ts';
import { table, wrapLines } from './text.ts';

/** The files with what is in them, and what could not be compared. */
export function renderSalvage(report: SalvageReport, cwd: string): string {
  const { broken, folder, tables, skipped } = report;
  const rows = tables.map((each) => [
    String(each.missing),
    String(each.changed),
    each.files.join(' '),
  ]);
  return [
    tables.length === 0
      ? wrapLines([`No row of ${broken} is missing or otherwise now.`])
      : wrapLines([
          `Rows of ${broken} that are missing or otherwise now, in ${relative(cwd, folder) || '.'}:`,
        ]),
    ...(tables.length === 0
      ? []
      : [
          table(
            [
              { title: 'missing', align: 'right' },
              { title: 'changed', align: 'right' },
              { title: 'files, in the order to apply them' },
            ],
            rows,
          ),
        ]),
    wrapLines([
      ...tables
        .filter(({ lostColumns }) => lostColumns.length > 0)
        .map(
          (each) =>
            `Not in the files, because ${each.table} has no such columns now: ${each.lostColumns.join(', ')}.`,
        ),
      ...skipped.map(({ table: name, reason }) => `Not compared: ${name}, ${reason}.`),
    ]),
  ]
    .filter((part) => part !== '')
    .join('\n');
}
