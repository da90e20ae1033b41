// Answers script/setup from Drydock's own search for PostgreSQL's programs.
//   missing    which of "server" and "client" this machine lacks
//   embedded   name and exact version of the embedded server's package that fits this machine

import { importSource } from './import-source.mjs';

const { findInstallations } = await importSource('src/postgres/programs.ts');
const { serverFor } = await importSource('src/sandbox/server-programs.ts');
const { embeddedInstallCommand } = await importSource('src/sandbox/embedded.ts');

const clients = (await findInstallations()).find((each) => each.hasClients);
const server = await serverFor().catch(() => undefined);

if (process.argv[2] === 'embedded') {
  // pg_dump refuses a server that is newer than itself.
  console.log(embeddedInstallCommand(clients?.major).split(' ').at(-1));
} else {
  const missing = [...(server ? [] : ['server']), ...(clients ? [] : ['client'])];
  console.log(missing.join(' '));
}
