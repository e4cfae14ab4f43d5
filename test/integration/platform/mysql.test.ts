import { openMysqlStore } from '../../../platform/mysql.ts';
import { type Mariadb, startMariadb } from '../../servers/mariadb.ts';
import { storeContract } from '../../support/store-contract.ts';

let server: Mariadb;
beforeAll(async () => {
  server = await startMariadb();
});
afterAll(() => server.stop());

storeContract('MySQL', async () => {
  const url = await server.freshDatabase();
  return {
    connect: (options = {}) => openMysqlStore(url, { connections: 10, ...options }),
    address: ['mysql', url],
    // The server goes with all its databases.
    dispose: async () => {},
  };
});
