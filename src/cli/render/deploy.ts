// A deploy for people.

import type { DeployReport, RollbackReport } from '../../release/deploy.ts';
import { renderHealth } from './health.ts';

/** Which release is where, and how it is. */
export function renderDeploy({ environment, release, health }: DeployReport): string {
  return [
    `${release.commit.slice(0, 7)} "${release.subject}" is deployed to ${environment}.`,
    renderHealth(environment, health),
    ...(health.healthy ? [] : [`Go back with: drydock rollback ${environment}`]),
  ].join('\n');
}

/** A rollback: the same, and what takes the code back in git. */
export function renderRollback(report: RollbackReport): string {
  const { revert } = report;
  const offer = 'What it left is in the branch still. Take it back there too, when you decide so:';
  return [renderDeploy(report), ...(revert === null ? [] : [offer, `  ${revert}`])].join('\n');
}
