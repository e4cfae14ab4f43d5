import { badImage } from './bad-image.ts';
import { cancelled } from './cancel.ts';
import { deadline } from './deadline.ts';
import { diskFull } from './disk.ts';
import { firstTask } from './first-task.ts';
import { shareOneDeployment } from './in-system.ts';
import { outOfMemory } from './memory.ts';
import { refusals } from './refusals.ts';
import { resume } from './resume.ts';
import { badSetup } from './set-up.ts';
import { workerDeleted } from './worker-deleted.ts';

shareOneDeployment();

describe('the first task', firstTask);
describe('resume', resume);
describe('worker', workerDeleted);
describe('cancel', cancelled);
describe('memory', outOfMemory);
describe('disk', diskFull);
describe('image', badImage);
describe('set-up', badSetup);
describe('deadline', deadline);
describe('refusals', refusals);
