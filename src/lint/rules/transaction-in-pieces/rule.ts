import { skipTrivia } from '../../../postgres/sql-text.ts';
import type { Fix } from '../../finding.ts';
import { editOf } from '../../fix/edit.ts';
import type { FileContext, Rule } from '../../rule.ts';
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
        fix: commitAtEnd(file),
      };
    }
  },
};

function commitAtEnd({ sql, statements, problems }: FileContext): Fix | undefined {
  const last = statements.at(-1);
  // After what cannot be read nothing can be added.
  if (last === undefined || problems.length > 0) return undefined;
  const end = Math.max(last.end, sql.trimEnd().length);
  const isOpen = sql[skipTrivia(sql, last.end)] !== ';';
  return editOf(...(isOpen ? [{ start: last.end, end: last.end, text: ';' }] : []), {
    start: end,
    end,
    text: '\n\nCOMMIT;',
  });
}
