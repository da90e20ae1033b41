// The checklist for people: a line for each gate, and below a closed one how to open it.

import { styleText } from 'node:util';
import { planNames } from '../../migration/plan.ts';
import type { EnvironmentStatus } from '../../process/outlook.ts';
import type { Preflight } from '../../process/preflight.ts';
import type { JudgedGate } from '../../promotion/gate.ts';
import { closedGates } from '../../promotion/judge.ts';
import { renderHealth } from './health.ts';
import { renderStatus } from './status.ts';
import { wrap, wrapLines } from './text.ts';

const nameWidth = 27;
const reasonWidth = 79 - nameWidth - 2;

/** The gates as lines of at most 80 columns. */
export function renderGates(gates: readonly JudgedGate[]): string {
  return gates
    .map((gate) => {
      const reason = wrap(gate.reason, reasonWidth);
      const lines = [
        `${mark(gate)} ${gate.id.padEnd(nameWidth)}${reason[0] ?? ''}`,
        ...reason.slice(1).map((line) => `  ${' '.repeat(nameWidth)}${line}`),
      ];
      if (gate.howToOpen !== null) {
        const how = gate.openedByApply ? '`drydock apply` does this itself' : gate.howToOpen;
        lines.push(
          ...wrap(how, reasonWidth - 2).map(
            (line, index) => `  ${' '.repeat(nameWidth)}${index === 0 ? '→' : ' '} ${line}`,
          ),
        );
      }
      return lines.join('\n');
    })
    .join('\n');
}

/** The answer of `drydock preflight`: where it stands, how it is, and the checklist. */
export function renderPreflight(
  environment: string,
  found: Preflight & { readonly status: readonly EnvironmentStatus[] },
): string {
  return [
    renderStatus(found.status),
    ...(found.gates.length === 0 && found.health !== null
      ? ['', renderHealth(environment, found.health)]
      : []),
    ...(found.gates.length === 0 ? [] : ['', renderGatesOf(environment, found)]),
  ].join('\n');
}

/** The checklist of the pending migrations, and what is next. */
export function renderGatesOf(environment: string, { plan, gates }: Preflight): string {
  const names = planNames(plan);
  if (names.length === 0) return `Nothing is pending in ${environment}.`;
  const closed = closedGates(gates, 'before');
  const verdict =
    closed.length === 0
      ? `Every gate that people open is open: drydock apply ${environment}`
      : `${closed.length} of ${gates.length} gates ${closed.length === 1 ? 'is' : 'are'} closed. Nothing was changed.`;
  return [
    wrapLines([`Checklist for ${environment}: ${names.join(', ')}`]),
    '',
    renderGates(gates),
    '',
    verdict,
  ].join('\n');
}

function mark(gate: JudgedGate): string {
  if (gate.state === 'open') return styleText('green', '✓');
  if (gate.state === 'waived') return styleText('yellow', '!');
  return gate.openedByApply ? '·' : styleText('red', '✗');
}
