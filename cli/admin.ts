import type { Command } from 'commander';
import { positive } from './arguments.ts';
import { run } from './run-command.ts';

/** `codebay admin …`: what operators do to a station, its stores and its servers. */
export const addAdmin = (program: Command): void => {
  const admin = program.command('admin').description('administer the station of these settings');
  admin
    .command('migrate')
    .description("bring the store's tables up to date, and say from which schema to which")
    .action(() => run(import('./commands/admin-migrate.ts').then(({ migrate }) => migrate())));
  admin
    .command('cos')
    .description("set the lifecycle rules of COS's buckets, and print the least policy of each service's key as JSON")
    .option('--dry-run', 'only say which rules would be set')
    .addHelpText(
      'after',
      `
  Reads CODEBAY_COS_* and CODEBAY_RETENTION_DAYS. The rules are a backstop for what a station could not remove; rules of others
  are left as they are. Done again it changes nothing. Remarks go to stderr, the policies to stdout:
    api, worker   what the services' keys need
    admin         what the key of this command needs`,
    )
    .action((options) => run(import('./commands/admin-cos.ts').then(({ adminCos }) => adminCos(options))));
  admin
    .command('preflight')
    .description('say whether every server that the settings name can be used; nothing is changed')
    .action(() => run(import('./commands/admin-preflight.ts').then(({ preflight }) => preflight())));
  admin
    .command('secrets')
    .description("make an installation's Secrets in the cluster where they are absent; for the hooks of the Helm chart")
    .requiredOption('--plan <json>', 'what to make')
    .action(({ plan }) => run(import('./commands/admin-secrets.ts').then(({ makeSecrets }) => makeSecrets(plan))));
  admin
    .command('first-key')
    .description('make an API key and keep it in a Secret, if that is absent; for the hooks of the Helm chart')
    .requiredOption('--secret <name>', 'the Secret')
    .requiredOption('--owner <name>', 'whose tasks it sees')
    .action((options) => run(import('./commands/admin-secrets.ts').then(({ firstKey }) => firstKey(options))));
  admin
    .command('remove')
    .description('remove what has these names in the cluster; for the hooks of the Helm chart')
    .argument('<kind/name...>', 'secret/NAME, pod/NAME, job/NAME')
    .action((names) => run(import('./commands/admin-remove.ts').then(({ remove }) => remove(names))));

  const keys = admin.command('keys').description('API keys');
  keys
    .command('create')
    .description('make an API key and print it, once')
    .requiredOption('--owner <name>', 'whose tasks it sees')
    .option('--label <text>', 'what it is for, shown by list')
    .action(({ owner, label }) => run(import('./commands/admin-keys.ts').then(({ createKey }) => createKey(owner, label))));
  keys
    .command('list')
    .description('the API keys: their ids, owners and labels')
    .action(() => run(import('./commands/admin-keys.ts').then(({ listKeys }) => listKeys())));
  keys
    .command('revoke')
    .description('refuse a key from now on')
    .argument('<id>', 'as list shows it')
    .action((id) => run(import('./commands/admin-keys.ts').then(({ revokeKey }) => revokeKey(id))));

  admin
    .command('kafka')
    .description("make Kafka's topics where they are missing")
    .option('--partitions <count>', 'of each topic: as many processes can share it', positive, 6)
    .option('--replication-factor <count>', 'how many brokers keep each message', positive, 1)
    .action((size) => run(import('./commands/admin-kafka.ts').then(({ createKafkaTopics }) => createKafkaTopics(size))));
};
