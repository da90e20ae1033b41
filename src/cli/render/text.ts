// Text for a terminal of 80 columns: wrapped sentences and plain tables.

import { thousands } from '../../core/thousands.ts';

/** Breaks a text into lines of at most `width` characters, at blanks; long words stay whole. */
export function wrap(text: string, width: number): string[] {
  return text.split('\n').flatMap((paragraph) => {
    const lines: string[] = [];
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > width) {
        lines.push(line);
        line = word;
      } else {
        line = line === '' ? word : `${line} ${word}`;
      }
    }
    return [...lines, line];
  });
}

/** A text of several lines, each wrapped to 80 columns, later parts of a line indented by `indent`. */
export function wrapLines(lines: readonly string[], indent = 2): string {
  const margin = ' '.repeat(indent);
  return lines
    .flatMap((line) => {
      const [first = '', ...rest] = wrap(line, 79);
      return [
        first,
        ...wrap(rest.join(' '), 79 - indent)
          .filter(Boolean)
          .map((part) => margin + part),
      ];
    })
    .join('\n');
}

/** `1 statement`, `3 statements`. */
export function plural(count: number, word: string): string {
  return `${thousands(count)} ${word}${count === 1 ? '' : 's'}`;
}

/** A column of a table. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

const gap = '  ';

/**
 * A table with a rule below its head. The last column is wrapped so that the whole fits the width.
 *
 * @example table([{ title: 'step' }, { title: 'time', align: 'right' }], [['backup', '1.2 s']])
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width = 80,
): string {
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...rows.map((row) => (row[index] ?? '').length)),
  );
  const last = columns.length - 1;
  const others = widths.slice(0, last).reduce((sum, each) => sum + each + gap.length, 0);
  widths[last] = Math.min(widths[last] ?? 0, Math.max(20, width - others));
  const line = (cells: readonly string[]): string => {
    const wrapped = wrap(cells[last] ?? '', widths[last] ?? 0);
    return wrapped
      .map((part, index) =>
        columns
          .map((column, at) =>
            pad(at === last ? part : index === 0 ? (cells[at] ?? '') : '', widths[at] ?? 0, column),
          )
          .join(gap)
          .trimEnd(),
      )
      .join('\n');
  };
  const head = line(columns.map((column) => column.title));
  const rule = widths.map((each) => '─'.repeat(each)).join(gap);
  return [head, rule, ...rows.map(line)].join('\n');
}

function pad(text: string, width: number, column: Column): string {
  return column.align === 'right' ? text.padStart(width) : text.padEnd(width);
}
