// Ends every run of the tests with one plain line that people and scripts can read: `42 passed, 0 failed`.

import type { Reporter, TestModule } from 'vitest/node';

/** The reporter. A file that cannot be loaded and an error outside of a test count as failed. */
export const closingLine: Reporter = {
  onTestRunEnd(modules, unhandledErrors): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string): number =>
      tests.filter((test) => test.result().state === state).length;
    const failed = count('failed') + brokenFiles(modules) + unhandledErrors.length;
    const skipped = count('skipped');
    const rest = skipped === 0 ? '' : `, ${skipped} skipped`;
    process.stdout.write(`\n${count('passed')} passed, ${failed} failed${rest}\n`);
  },
};

function brokenFiles(modules: readonly TestModule[]): number {
  return modules.filter((module) => module.errors().length > 0).length;
}
