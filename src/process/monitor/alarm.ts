// What the monitoring does about an incident: it tells people, freezes the environment and writes both into the
// journal. The way back is a person's decision, with `drydock recover`; see by-itself.ts for what may be taken
// without one.

import type { HealthSample } from '../../history/health-samples.ts';
import type { OpenIncident } from '../../history/watched.ts';
import { setFreeze } from '../freezing.ts';
import { doing, type Project, type Target } from '../project.ts';
import { tell } from '../team-notice.ts';

/** Why a sample is red, in words. */
export function reasonOf({ probes }: HealthSample): string {
  return probes
    .filter(({ healthy }) => !healthy)
    .map(({ probe, figure }) => `${probe}: ${figure}`)
    .join('; ');
}

/** Tells people that an environment is red; returns the hosts that took the message. */
export async function page(
  project: Project,
  target: Target,
  { since, reason }: Pick<OpenIncident, 'since' | 'reason'>,
): Promise<string> {
  const { name } = target.environment;
  const text = `${name} is red since ${moment(since)}. ${reason}. Nothing more is promoted to it until: drydock unfreeze ${name} --reason "why it may go on". Next: drydock recover ${name}`;
  return (await tell(project, target, 'monitor red', text)).join(', ');
}

/** Freezes the environment. */
export async function freezeFor(
  project: Project,
  { environment }: Target,
  { since, reason }: Pick<OpenIncident, 'since' | 'reason'>,
): Promise<void> {
  const text = `monitor: red since ${moment(since)}: ${reason}`;
  await setFreeze(project, { environment: environment.name, freeze: true, reason: text });
}

/** Tells people that an incident is over. The freeze stays: a person knows why it may go on. */
export async function allClear(
  project: Project,
  target: Target,
  { since }: OpenIncident,
): Promise<string> {
  const { name } = target.environment;
  const text = `${name} is green again; it was red since ${moment(since)}. It stays frozen until: drydock unfreeze ${name} --reason "why it may go on"`;
  return (await tell(project, target, 'monitor green', text)).join(', ');
}

/** Writes into the journal that an incident has begun, or is over. */
export function recordIncident(
  project: Project,
  target: Target,
  { state, ...incident }: OpenIncident & { readonly state: 'red' | 'green' },
): Promise<void> {
  const details = { state, ...incident, since: incident.since.toISOString() };
  return doing(project, target, { command: 'monitor', changes: false }, async () => ({
    result: undefined,
    details,
  }));
}

// Whoever is paged may sit in another time zone than this machine.
function moment(at: Date): string {
  return `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
