import { apiServerAway } from './api-server-away.ts';
import { byKafka } from './by-kafka.ts';
import { cancelled } from './cancel.ts';
import { firstTask } from './first-task.ts';
import { helmTest } from './helm-test.ts';
import { shareOneDeployment } from './in-system.ts';
import { orphanReaped } from './orphan.ts';
import { resume } from './resume.ts';
import { uninstalled } from './uninstall.ts';
import { upgraded } from './upgrade.ts';
import { watchStalled } from './watch-stalled.ts';
import { workerDeleted } from './worker-deleted.ts';

shareOneDeployment();

describe('the first task', firstTask);
describe('kafka', byKafka);
describe('helm test', helmTest);
describe('resume', resume);
describe('worker', workerDeleted);
describe('cancel', cancelled);
describe('orphan', orphanReaped);
describe('watch', watchStalled);
describe('API server', apiServerAway);
describe('upgrade', upgraded);
describe('uninstall', uninstalled);
