// Statements in a PostgreSQL log, in its three formats (manual, 20.8): what log_statement and
// log_min_duration_statement write.

/** The texts of the statements in a log, in its order, repeated ones too. */
export function statementsInLog(log: string, format: 'stderr' | 'csv' | 'json'): string[] {
  const messages =
    format === 'json'
      ? jsonMessages(log)
      : format === 'csv'
        ? csvMessages(log)
        : plainMessages(log);
  return messages.flatMap((message) => {
    const statement =
      /^(?:duration: [\d.]+ ms {2})?(?:statement|execute [^:]*|parse [^:]*|bind [^:]*): ([\s\S]+)$/.exec(
        message,
      )?.[1];
    return statement === undefined ? [] : [statement.trim()];
  });
}

function jsonMessages(log: string): string[] {
  return log.split('\n').flatMap((line) => {
    try {
      const { message } = JSON.parse(line) as { message?: unknown };
      return typeof message === 'string' ? [message] : [];
    } catch {
      // The last line of a log that is being written to, or one that another program wrote into it.
      return [];
    }
  });
}

// The message is the fourteenth field of each record; quoted fields may hold line ends.
const messageField = 13;

function csvMessages(log: string): string[] {
  const messages: string[] = [];
  let field = 0;
  for (const [, quoted, plain, end] of log.matchAll(/(?:"((?:[^"]|"")*)"|([^,\n]*))(,|\n|$)/g)) {
    if (field === messageField) messages.push((quoted ?? plain ?? '').replaceAll('""', '"'));
    field = end === ',' ? field + 1 : 0;
    if (end === '') break;
  }
  return messages;
}

// Whatever log_line_prefix is, the level and two blanks follow it; a statement's further lines begin
// with a tab.
function plainMessages(log: string): string[] {
  const messages: string[] = [];
  let open = false;
  for (const line of log.split('\n')) {
    const message = /(?:^|\s)LOG: {2}(.*)$/.exec(line)?.[1];
    if (message !== undefined) {
      messages.push(message);
      open = true;
    } else if (open && line.startsWith('\t')) {
      messages.push(`${messages.pop() ?? ''}\n${line.slice(1)}`);
    } else {
      open = false;
    }
  }
  return messages;
}
