import type { Rule } from '../../rule.ts';

export const syntaxError: Rule = {
  id: 'syntax-error',
  hazard: null,
  severity: 'error',
  concern: 'cannot-run',
  title: 'Text that PostgreSQL does not understand',
  why: 'The server refuses the whole file at this place.',
  safeForm:
    'Correct the text. What only psql understands (\\i, \\set, data after COPY … FROM stdin) has to become plain SQL.',
  *checkFile(file) {
    for (const problem of file.problems) {
      yield {
        start: problem.offset,
        end: problem.end,
        objects: [],
        lock: null,
        message: sentence(problem.message),
      };
    }
  },
};

function sentence(message: string): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}
