// Lets the batches of an environment rest for a while, from another terminal: the command that runs them
// waits between two of them, with nothing held.

import { type Pause, readPause, removePause, writePause } from '../history/batches.ts';
import { connect } from '../postgres/connect.ts';
import { doing, type Project, targetNamed } from './project.ts';

/** Lets no further batch begin in an environment, and says who had said so first. */
export async function pauseBatches(project: Project, name: string): Promise<Pause | undefined> {
  const target = targetNamed(project, name);
  const { who, host } = project.actor;
  return doing(project, target, { command: 'pause', changes: false }, async () => {
    await using database = await connect(target.address, { purpose: 'pause' });
    await writePause(database, `${who}@${host}`);
    return { result: await readPause(database) };
  });
}

/** Lets batches begin again; tells whose pause has ended, if there was one. */
export async function resumeBatches(project: Project, name: string): Promise<Pause | undefined> {
  const target = targetNamed(project, name);
  return doing(project, target, { command: 'resume', changes: false }, async () => {
    await using database = await connect(target.address, { purpose: 'resume' });
    const pause = await readPause(database);
    await removePause(database);
    return { result: pause };
  });
}
