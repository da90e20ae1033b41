// Time as a value that is handed in, so that a test decides what time it is.

/** Where a step reads the time and waits. */
export interface Clock {
  now(): Date;
  /** The time on a server, which `ask` reads there: changes are judged by it and not by a machine's clock. */
  ofServer(ask: () => Promise<Date>): Promise<Date>;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => new Date(),
  ofServer: (ask) => ask(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const stop = (): void => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', stop);
        resolve();
      }, ms);
      signal?.addEventListener('abort', stop, { once: true });
    }),
};

/** `20251015_120000`, on the clock that the people in front of this machine read. */
export function localTimestamp(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  return `${day}_${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
}

/**
 * The moment of `02:30` (the next one on this machine's clock), `2026-11-27T02:30` (on this machine's
 * clock) or `2026-11-27T02:30+01:00`; undefined when the text is none of these.
 */
export function parseTime(text: string, now: Date): Date | undefined {
  const [, hours, minutes] = /^(\d{1,2}):(\d{2})$/.exec(text.trim()) ?? [];
  if (hours === undefined) {
    const at = new Date(/^\d{4}-\d{2}-\d{2}T/.test(text.trim()) ? text.trim() : Number.NaN);
    return Number.isNaN(at.getTime()) ? undefined : at;
  }
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined;
  const at = new Date(now);
  at.setHours(Number(hours), Number(minutes), 0, 0);
  if (at <= now) at.setDate(at.getDate() + 1);
  return at;
}
