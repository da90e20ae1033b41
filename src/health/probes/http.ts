// Asks the application's own health address: 200 in time is healthy, anything else is not.

import { messageOf } from '../../core/failure.ts';
import type { ProbeResult } from '../../history/health-samples.ts';

const timeoutMs = 5_000;

/** Asks the address once. An answer of any kind is a result, never an error. */
export async function probeHttp(address: string, signal?: AbortSignal): Promise<ProbeResult> {
  const startedAt = performance.now();
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(address, {
      headers: { accept: 'application/json' },
      redirect: 'error',
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    });
    const body = await response.text();
    const ms = Math.round(performance.now() - startedAt);
    return {
      probe: 'application',
      healthy: response.ok,
      answered: true,
      figure: `${response.status} in ${ms} ms${response.ok ? '' : reasonIn(body)}`,
    };
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    const figure = `no answer: ${messageOf(cause)}`;
    return { probe: 'application', healthy: false, answered: false, figure };
  }
}

// The report of `pg-drydock/health` names what is wrong; other bodies are not repeated.
function reasonIn(body: string): string {
  try {
    const { checks } = JSON.parse(body) as { checks?: Record<string, { ok?: boolean }> };
    const red = Object.entries(checks ?? {}).filter(([, check]) => check.ok === false);
    return red.length === 0 ? '' : `: ${red.map(([name]) => name).join(', ')}`;
  } catch {
    return '';
  }
}
