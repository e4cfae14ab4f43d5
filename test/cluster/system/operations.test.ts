import { apiServerAway } from './api-server-away.ts';
import { shareOneDeployment } from './in-system.ts';
import { orphanReaped } from './orphan.ts';
import { uninstalled } from './uninstall.ts';
import { upgraded } from './upgrade.ts';
import { watchStalled } from './watch-stalled.ts';

shareOneDeployment();

describe('orphan', orphanReaped);
describe('watch', watchStalled);
describe('API server', apiServerAway);
describe('upgrade', upgraded);
describe('uninstall', uninstalled);
