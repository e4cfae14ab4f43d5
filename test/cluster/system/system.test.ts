import { badImage } from './bad-image.ts';
import { byKafka } from './by-kafka.ts';
import { cancelled } from './cancel.ts';
import { deadline } from './deadline.ts';
import { diskFull } from './disk.ts';
import { firstTask } from './first-task.ts';
import { helmTest } from './helm-test.ts';
import { shareOneDeployment } from './in-system.ts';
import { neighbourIsolation } from './isolation-neighbours.ts';
import { networkIsolation } from './isolation-network.ts';
import { secretIsolation } from './isolation-secrets.ts';
import { keptSetup } from './kept-set-up.ts';
import { outOfMemory } from './memory.ts';
import { refusals } from './refusals.ts';
import { resume } from './resume.ts';
import { badSetup } from './set-up.ts';
import { workerDeleted } from './worker-deleted.ts';

shareOneDeployment();

describe('the first task', firstTask);
describe('kafka', byKafka);
describe('helm test', helmTest);
describe('resume', resume);
describe('worker', workerDeleted);
describe('cancel', cancelled);
describe('isolation', () => {
  networkIsolation();
  secretIsolation();
  neighbourIsolation();
});
describe('memory', outOfMemory);
describe('disk', diskFull);
describe('image', badImage);
describe('set-up', () => {
  badSetup();
  keptSetup();
});
describe('deadline', deadline);
describe('refusals', refusals);
