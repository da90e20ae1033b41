// A deploy for people.

import type { DeployReport } from '../../release/deploy.ts';
import { renderHealth } from './health.ts';

/** Which release is where, and how it is. */
export function renderDeploy({ environment, release, health }: DeployReport): string {
  return [
    `${release.commit.slice(0, 7)} "${release.subject}" is deployed to ${environment}.`,
    renderHealth(environment, health),
    ...(health.healthy ? [] : [`Go back with: drydock rollback ${environment}`]),
  ].join('\n');
}
