// Old code on the new schema: a command of the project, such as the tests of the release that runs in
// production now, with the copy's address.

import { type Context, step } from '../../core/context.ts';
import { run } from '../../core/process.ts';
import type { Address } from '../../postgres/address.ts';
import type { AroundPlan } from '../rehearse.ts';
import type { OldCodeResult } from './report.ts';

/** A command of the project and the folder in which it runs. */
export interface OldCode {
  readonly command: string;
  readonly folder: string;
}

/** Runs the command when the plan is in force: what it writes stays on the copy, so it comes last. */
export function oldCodeAround(context: Context, oldCode: OldCode): AroundPlan {
  return {
    before: async () => {},
    after: (copy) =>
      step(context, `run ${oldCode.command}`, async (reporter) => {
        const result = await runOldCode(context, copy, oldCode);
        reporter.summary(`status ${result.exitCode}`);
        return { oldCode: result };
      }),
  };
}

/**
 * Runs the command in a shell with `DATABASE_URL` set to the copy. Other variables that lead to a
 * database are taken away, so that it cannot reach an environment by accident.
 */
async function runOldCode(
  { signal }: Context,
  copy: Address,
  { command, folder }: OldCode,
): Promise<OldCodeResult> {
  const startedAt = performance.now();
  const elsewhere =
    /^(PG(HOST|HOSTADDR|PORT|USER|PASSWORD|DATABASE|SERVICE|PASSFILE)|\w*DATABASE_URL)$/;
  const kept = Object.entries(process.env).filter(([name]) => !elsewhere.test(name));
  const env = { ...Object.fromEntries(kept), DATABASE_URL: copy.connectionString() };
  const { exitCode, stdout, stderr } = await run('sh', ['-c', command], {
    cwd: folder,
    env,
    signal,
  });
  const said = `${stdout}${stderr}`.trimEnd().split('\n').slice(-20).join('\n');
  return { command, exitCode, ms: performance.now() - startedAt, said };
}
