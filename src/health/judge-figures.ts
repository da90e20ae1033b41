// Is what was seen of a database red? By its limits, and by what was so already before the change: an old
// invalid index is not the change's doing, and a red that everybody knows makes people deaf to the next one.

import type { MonitorLimits } from '../config/monitor.ts';
import type { ProbeResult } from '../history/health-samples.ts';
import { databaseProbes, type Figures } from './figures.ts';
import type { DatabaseProbe } from './probes/database-probe.ts';

/** Beside what the figures are judged. */
export interface Measure {
  readonly limits: MonitorLimits;
  /** What was seen before the change; undefined where nobody looked. */
  readonly baseline: Figures | undefined;
}

/** Judges what was seen, probe by probe. */
export function judgeFigures(figures: Figures, measure: Measure): readonly ProbeResult[] {
  return databaseProbes.map((probe) => judgeOne(probe, figures[probe.name], measure));
}

function judgeOne(probe: DatabaseProbe, seen: unknown, { limits, baseline }: Measure): ProbeResult {
  // A baseline of another version of Drydock may lack what this one asks.
  const before = baseline?.[probe.name] ?? undefined;
  const known = new Set(
    before === undefined ? [] : probe.over(before, limits).map(({ what }) => what),
  );
  const troubles = probe.over(seen, limits, before);
  const fresh = troubles.filter(({ what }) => !known.has(what));
  const old = troubles.filter(({ what }) => known.has(what)).map(({ text }) => text);
  const told = fresh.length > 0 ? sentences(fresh.map(({ text }) => text)) : probe.describe(seen);
  return {
    probe: probe.name,
    healthy: fresh.length === 0,
    answered: true,
    figure: old.length === 0 ? told : `${told}; as before the change: ${sentences(old)}`,
  };
}

function sentences(texts: readonly string[]): string {
  const shown = texts.slice(0, 3).join('; ');
  return texts.length <= 3 ? shown : `${shown}; and ${texts.length - 3} more`;
}
