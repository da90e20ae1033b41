import { isDirective } from '../../directives.ts';
import type { Rule } from '../../rule.ts';

export const undocumentedMigration: Rule = {
  id: 'undocumented-migration',
  hazard: null,
  severity: 'info',
  concern: 'documentation',
  title: 'A migration without a leading comment',
  why: 'Nobody will know later what the change was for, and how it is taken back.',
  safeForm: 'Begin the file with a comment: why the change is needed, and the way back.',
  *checkFile(file) {
    const [first] = file.statements;
    if (first === undefined) return;
    const leading = file.comments.filter(
      (comment) => comment.start < first.start && !isDirective(comment),
    );
    const says = leading.some((comment) => /\p{L}{3}/u.test(comment.text));
    if (says) return;
    yield {
      start: 0,
      end: 0,
      objects: [],
      lock: null,
      message: 'No comment at the beginning says what this migration is for.',
    };
  },
};
