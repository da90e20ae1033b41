// A row as the server writes it in one text (manual, 8.16.6, "Composite Type Input and Output Syntax").

/**
 * The values of a row's text, each as the server prints it; null is NULL. Columns that were dropped are not in
 * it.
 *
 * @example fieldsOf('(1,"a, ""b""",,"")') // ['1', 'a, "b"', null, '']
 */
export function fieldsOf(row: string): (string | null)[] {
  const fields: (string | null)[] = [];
  for (let at = 1; at < row.length; at += 1) {
    const isQuoted = row[at] === '"';
    const end = isQuoted ? closingQuote(row, at) + 1 : endOfPlain(row, at);
    const text = row.slice(at, end);
    if (isQuoted) fields.push(unquoted(text));
    else fields.push(text === '' ? null : text);
    at = end;
  }
  return fields;
}

// A quote inside is written twice, and never behind a backslash.
function closingQuote(row: string, from: number): number {
  for (let at = row.indexOf('"', from + 1); ; at = row.indexOf('"', at + 2)) {
    if (at < 0) throw new Error(`no row: ${row.slice(0, 100)}`);
    if (row[at + 1] !== '"') return at;
  }
}

// Commas and parentheses of a value stand in quotes.
function endOfPlain(row: string, from: number): number {
  const comma = row.indexOf(',', from);
  return comma < 0 ? row.length - 1 : comma;
}

function unquoted(text: string): string {
  return text.slice(1, -1).replaceAll('""', '"').replaceAll('\\\\', '\\');
}
