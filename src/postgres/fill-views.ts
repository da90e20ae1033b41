// Fills materialised views that a restore has made and left empty. One that cannot be filled now, because
// another server does not answer, a privilege is gone or its query fails, is no reason to lose the rest.

import { Failure, messageOf } from '../core/failure.ts';
import type { Database } from './connect.ts';

/** A view that stays empty, and why. */
export interface UnfilledView {
  readonly name: string;
  readonly reason: string;
}

/** Fills views, so many side by side; returns those that cannot be filled now. */
export async function fillViews(
  { open, jobs }: { readonly open: () => Promise<Database>; readonly jobs: number },
  views: readonly { readonly name: string }[],
): Promise<UnfilledView[]> {
  let left = views.map(({ name }): UnfilledView => ({ name, reason: '' }));
  // One that reads another one waits for it: as long as each round fills some, there is another round.
  for (let before = Infinity; left.length > 0 && left.length < before; ) {
    before = left.length;
    const waiting = left.map(({ name }, place) => ({ name, place }));
    const failed: (UnfilledView & { place: number })[] = [];
    const work = async (): Promise<void> => {
      await using session = await open();
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        try {
          await session.execute(`REFRESH MATERIALIZED VIEW ${next.name}`);
        } catch (failure) {
          if (failure instanceof Failure && failure.code === 'interrupted') throw failure;
          failed.push({ ...next, reason: messageOf(failure) });
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(jobs, left.length) }, work));
    left = failed.sort((a, b) => a.place - b.place).map(({ name, reason }) => ({ name, reason }));
  }
  return left;
}

/** The statement that fills a view later. */
export function fillingStatement({ name }: Pick<UnfilledView, 'name'>): string {
  return `REFRESH MATERIALIZED VIEW ${name};`;
}
