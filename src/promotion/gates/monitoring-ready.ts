// "Monitoring ready": the health address that will be watched answers, and answers well, now.

import { closed, type Gate, open } from '../gate.ts';

export const monitoringReady: Gate = {
  id: 'monitoring-ready',
  title: 'Monitoring ready',
  judge: ({ environment, health }) => {
    if (environment.health === undefined) {
      return closed(
        `${environment.name} has no health address`,
        `give environments.${environment.name}.health in the configuration`,
      );
    }
    if (health === null) {
      return closed('the health address was not asked', `drydock health ${environment.name}`);
    }
    const red = health.probes.filter((probe) => !probe.healthy);
    return red.length === 0
      ? open(health.probes.map((probe) => `${probe.probe}: ${probe.figure}`).join(', '))
      : closed(
          red.map((probe) => `${probe.probe}: ${probe.figure}`).join(', '),
          `drydock health ${environment.name}, and mend what is red before changing anything`,
        );
  },
};
