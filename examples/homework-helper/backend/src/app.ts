// The application as one function from request to response: the features and the two health addresses.

import type { RequestListener } from 'node:http';
import { healthHandler } from 'pg-drydock/health';
import type { Database } from './database.ts';
import { features } from './features/index.ts';
import { answerBy, type Routes, send } from './http.ts';

export function application(database: Database): RequestListener {
  const routes: Routes = Object.assign({}, ...features.map((feature) => feature.routes));
  const answer = answerBy(routes, database);
  const detailedHealth = healthHandler({
    pool: database.pool,
    requires: newest(features.map((feature) => feature.requires)),
    probes: Object.fromEntries(
      features
        .flatMap((feature) => Object.entries(feature.probes ?? {}))
        .map(([name, probe]) => [name, () => probe(database)]),
    ),
  });
  return (request, response) => {
    switch (request.url) {
      // "Is this process up, and which version is it?" For load balancers: asks nobody else.
      case '/api/health':
        return send(response, {
          status: 200,
          body: { status: 'up', release: process.env.DRYDOCK_RELEASE ?? null },
        });
      case '/api/health/detailed':
        return void detailedHealth(request, response);
      default:
        return void answer(request, response);
    }
  };
}

function newest(versions: readonly string[]): string {
  return versions.reduce((left, right) => (Number(left) < Number(right) ? right : left));
}
