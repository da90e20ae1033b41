import type { Rule } from '../../rule.ts';
import { bodyOf, type Statement } from '../../statement.ts';

export const transactionInPieces: Rule = {
  id: 'transaction-in-pieces',
  hazard: 69,
  severity: 'error',
  concern: 'transaction',
  title: 'BEGIN and COMMIT that do not pair',
  why: "A second BEGIN is ignored, a COMMIT without BEGIN ends the runner's own transaction, a ROLLBACK undoes the migration that is then counted as done.",
  safeForm:
    'One BEGIN and one COMMIT around what belongs together, or neither: Drydock then makes the transaction.',
  *checkFile(file) {
    let begun: Statement | undefined;
    for (const statement of file.statements) {
      const kind = bodyOf(statement, 'TransactionStmt')?.kind;
      if (kind === undefined || statement.inside !== undefined) continue;
      if (kind === 'TRANS_STMT_BEGIN' || kind === 'TRANS_STMT_START') {
        if (begun !== undefined)
          yield {
            statement,
            objects: [],
            message: 'This is a second BEGIN before the COMMIT: the server ignores it.',
          };
        begun ??= statement;
      } else if (kind === 'TRANS_STMT_COMMIT') {
        if (begun === undefined)
          yield { statement, objects: [], message: 'There is no BEGIN for this COMMIT.' };
        begun = undefined;
      } else if (kind === 'TRANS_STMT_ROLLBACK' || /PREPARE/.test(kind)) {
        yield {
          statement,
          objects: [],
          message: 'This takes the migration out of the transaction that Drydock records it in.',
        };
        begun = undefined;
      }
    }
    if (begun !== undefined) {
      yield {
        statement: begun,
        objects: [],
        message: 'There is no COMMIT for this BEGIN: nothing of it would stay.',
        fix: {
          kind: 'edit',
          edits: [
            {
              start: file.sql.trimEnd().length,
              end: file.sql.trimEnd().length,
              text: '\n\nCOMMIT;',
            },
          ],
        },
      };
    }
  },
};
