import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aptInstall } from './apt.mjs';
import { lastLines, run, which } from './command.mjs';
import { pipFolder, pipPackage } from './pip.mjs';
import { SetupError } from './setup-error.mjs';
import { cacheFolder } from './temporal-cli.mjs';

/** What the production profile stands on, for tests and for `npm run stack`. Each command stands for the Debian package that brings it. */
const DEBIAN = {
  mariadbd: 'mariadb-server',
  'redis-server': 'redis-server',
  nginx: 'nginx',
  java: 'default-jre-headless',
  mvn: 'maven',
};
export const KAFKA_VERSION = '4.3.1';
const COS_PYTHON = 'cos-python-sdk-v5';
export const COS_PYTHON_VERSION = '1.9.44';

/** Where Kafka's jars are kept between clones. */
export const kafkaLibs = (env = process.env) => join(cacheFolder(env), `kafka-${KAFKA_VERSION}`, 'libs');

/** Where Tencent's Python SDK is kept between clones; tests check the COS server with it. */
export const cosPythonFolder = (env = process.env) => pipFolder(COS_PYTHON, COS_PYTHON_VERSION, env);

/** Servers stand in folders that an ordinary user's PATH often lacks. */
export const serverPath = (env = process.env) => `${env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;

/** nginx's own package lacks it; the runs' gateway is proxied as plain TCP. */
export const NGINX_STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';

const missing = () => [
  ...Object.keys(DEBIAN)
    .filter((name) => which(name, { PATH: serverPath() }) === null)
    .map((name) => DEBIAN[name]),
  ...(existsSync(NGINX_STREAM_MODULE) ? [] : ['libnginx-mod-stream']),
];

export const debianServers = () => ({
  title: 'MariaDB, Redis, nginx, Java',
  isDone: async () => missing().length === 0,
  install: async () => {
    const packages = missing();
    await aptInstall(packages, `install them with your package manager (e.g. \`sudo apt-get install ${packages.join(' ')}\`)`);
  },
});

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>codebay</groupId><artifactId>kafka</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>1.7.36</version></dependency>
</dependencies></project>
`;

/** Kafka's jars from Maven Central; `afterDebian` brings mvn. */
export const kafka = (afterDebian) => ({
  title: `Kafka ${KAFKA_VERSION}`,
  isDone: async () => existsSync(kafkaLibs()),
  install: async () => {
    const target = join(kafkaLibs(), '..');
    const draft = `${target}.${process.pid}.draft`;
    try {
      await afterDebian;
      mkdirSync(draft, { recursive: true });
      writeFileSync(join(draft, 'pom.xml'), pom);
      const copy = ['dependency:copy-dependencies', `-DoutputDirectory=${join(draft, 'libs')}`, '-DincludeScope=runtime'];
      const result = await run('mvn', ['-q', '-B', '-f', join(draft, 'pom.xml'), ...copy]);
      if (result.code !== 0) throw new SetupError(`Maven could not fetch Kafka ${KAFKA_VERSION}:\n${lastLines(result.output, 4)}`);
      try {
        renameSync(draft, target);
      } catch (error) {
        // Another clone's set-up put the same version there first.
        if (!existsSync(kafkaLibs())) throw error;
      }
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  },
});

/** Tencent's Python SDK for COS and what it needs, from PyPI. */
export const cosPython = () => pipPackage('COS Python SDK', COS_PYTHON, COS_PYTHON_VERSION);
