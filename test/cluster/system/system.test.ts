import { cancelled } from './cancel.ts';
import { firstTask } from './first-task.ts';
import { shareOneDeployment } from './in-system.ts';
import { neighbourIsolation } from './isolation-neighbours.ts';
import { networkIsolation } from './isolation-network.ts';
import { secretIsolation } from './isolation-secrets.ts';
import { resume } from './resume.ts';
import { workerDeleted } from './worker-deleted.ts';

shareOneDeployment();

describe('the first task', firstTask);
describe('resume', resume);
describe('worker', workerDeleted);
describe('cancel', cancelled);
describe('isolation', () => {
  networkIsolation();
  secretIsolation();
  neighbourIsolation();
});
