import { isDirective, isKnownDirective } from '../../directives.ts';
import type { Rule } from '../../rule.ts';

export const unknownDirective: Rule = {
  id: 'unknown-directive',
  hazard: null,
  severity: 'warning',
  concern: 'documentation',
  title: 'A comment to Drydock that it does not understand',
  why: 'It does nothing, though whoever wrote it relies on it.',
  safeForm:
    'Write one of: allow, allow-file, no-transaction, batch, verify, deletes; after allow, the names of rules: -- drydock: allow drop-table because …',
  *checkFile(file) {
    for (const comment of file.comments) {
      if (!isDirective(comment) || isKnownDirective(comment)) continue;
      const { start, end, text } = comment;
      yield {
        start,
        end,
        objects: [],
        lock: null,
        message: `Drydock does not understand "${text.replace(/\s+/g, ' ').slice(0, 60)}".`,
      };
    }
  },
};
