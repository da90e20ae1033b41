// How long an environment has soaked what is to be promoted: the time since the apply in which it was
// looked at often enough, was healthy at every look, and nobody changed its schema by hand. What stops
// the clock starts it again at the next look that is green.

import type { EnvironmentState, Looks } from './evidence.ts';

/** What stops or starts the clock again: a red sample, a change by hand, or that nobody looked. */
export type SoakBreak = 'unhealthy' | 'changed' | 'unseen';

/** How long an environment has soaked. */
export interface Soak {
  /** The environment. */
  readonly environment: string;
  readonly wantedMs: number;
  readonly soakedMs: number;
  readonly leftMs: number;
  /** Since when the clock runs, by the server of the environment; null: it stands. */
  readonly since: Date | null;
  /** The last thing that stopped it since the apply; null: it has run since then. */
  readonly brokenBy: SoakBreak | null;
  /** The last look since the apply; null: there was none. */
  readonly lastLookAt: Date | null;
}

/** What a soak is measured by. */
export interface SoakRule {
  readonly soakMs: number;
  readonly soakGapMs: number;
}

/**
 * Measures the soak of an environment since an apply.
 *
 * @param options with `aheadMs`, how far ahead of the present the soak is measured, as before a wait: what
 *   will be seen until then nobody knows, so only the time itself counts
 */
export function soakOf(
  state: Looks & Pick<EnvironmentState, 'name' | 'isSignedFile'>,
  options: { readonly since: Date; readonly rule: SoakRule; readonly aheadMs: number },
): Soak {
  const { since, rule, aheadMs } = options;
  const looks = looksOf(state, since);
  const clock = run(looks, { since, until: state.seenAt, gapMs: rule.soakGapMs });
  const until = state.seenAt.getTime() + (state.isSignedFile === true ? 0 : aheadMs);
  const soakedMs = clock.since === null ? 0 : Math.max(0, until - clock.since.getTime());
  return {
    environment: state.name,
    wantedMs: rule.soakMs,
    soakedMs,
    leftMs: Math.max(0, rule.soakMs - soakedMs),
    ...clock,
    lastLookAt: looks.at(-1)?.at ?? null,
  };
}

interface Look {
  readonly at: Date;
  readonly red: 'unhealthy' | 'changed' | null;
}

// A look from the future, by a machine whose clock was wrong, says nothing of the past.
function looksOf({ samples, changesByHand, seenAt }: Looks, since: Date): readonly Look[] {
  return [
    ...samples.map(({ at, healthy }): Look => ({ at, red: healthy ? null : 'unhealthy' })),
    ...changesByHand.map(({ at }): Look => ({ at, red: 'changed' })),
  ]
    .filter(({ at }) => at >= since && at <= seenAt)
    .sort((a, b) => a.at.getTime() - b.at.getTime());
}

function run(
  looks: readonly Look[],
  { since, until, gapMs }: { readonly since: Date; readonly until: Date; readonly gapMs: number },
): Pick<Soak, 'since' | 'brokenBy'> {
  let running: Date | null = since;
  let brokenBy: SoakBreak | null = null;
  let seenAt = since;
  const stop = (by: SoakBreak): void => {
    running = null;
    brokenBy = by;
  };
  for (const { at, red } of looks) {
    if (at.getTime() - seenAt.getTime() > gapMs) stop('unseen');
    if (red !== null) stop(red);
    else running ??= at;
    seenAt = at;
  }
  if (looks.length === 0 || until.getTime() - seenAt.getTime() > gapMs) stop('unseen');
  return { since: running, brokenBy };
}
