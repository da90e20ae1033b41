// All features. Adding one is adding a file and a line here.

import type { Feature } from './feature.ts';
import { homework } from './homework.ts';
import { sessions } from './sessions.ts';
import { teachers } from './teachers.ts';
import { users } from './users.ts';

export const features: readonly Feature[] = [users, sessions, homework, teachers];
