import type { Rule } from '../../rule.ts';

export const numberCollision: Rule = {
  id: 'number-collision',
  hazard: 73,
  severity: 'error',
  concern: 'cannot-run',
  title: 'Two migrations with one number',
  why: 'Which of them comes first depends on the machine; a runner that remembers numbers skips the second one.',
  safeForm: 'Give the newer one the next free number: drydock new tells it.',
  *checkFile(file) {
    if (file.collidesWith === undefined) return;
    yield {
      start: 0,
      end: 0,
      objects: [],
      lock: null,
      message: `${file.collidesWith} has the same number.`,
    };
  },
};
