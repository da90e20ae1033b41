import type { Rule } from '../../rule.ts';

export const identifierTooLong: Rule = {
  id: 'identifier-too-long',
  hazard: null,
  severity: 'warning',
  concern: 'compatibility',
  title: 'A name of more than 63 bytes',
  why: 'The server cuts it to 63 bytes without an error: two names may become one, and code that uses the whole name finds nothing.',
  safeForm: 'Choose a name of at most 63 bytes.',
  on: [
    'CreateStmt',
    'IndexStmt',
    'AlterTableStmt',
    'RenameStmt',
    'ViewStmt',
    'CreateSeqStmt',
    'CreateEnumStmt',
    'CreateFunctionStmt',
    'CreateTrigStmt',
  ],
  *check(statement) {
    for (const match of statement.text.matchAll(
      /'(?:[^']|'')*'|\$(\w*)\$[\s\S]*?\$\1\$|--[^\n]*|"((?:[^"]|"")+)"|[\p{L}_][\p{L}\p{N}_$]*/gu,
    )) {
      const name = match[2]?.replaceAll('""', '"') ?? match[0];
      if (/^['$-]/.test(match[0]) || Buffer.byteLength(name) <= 63) continue;
      yield {
        start: statement.start + match.index,
        end: statement.start + match.index + match[0].length,
        objects: [],
        lock: null,
        message: `This name has ${Buffer.byteLength(name)} bytes: the server cuts it to 63.`,
      };
    }
  },
};
