import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { MODES } from '../tasks/spec.ts';
import { STATUSES } from '../tasks/status.ts';
import { addAdmin } from './admin.ts';
import { number, pair } from './arguments.ts';
import { EXIT } from './cli-error.ts';
import { reportError } from './report-error.ts';
import { run } from './run-command.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

const program = new Command('codebay')
  .description('A self-hosted AI code workstation: hand over a repository and a prompt, get an explanation, a patch or a review.')
  .version(version)
  .exitOverride()
  .showHelpAfterError('(codebay --help shows the commands)')
  .addHelpText(
    'after',
    `
Examples:
  codebay up                                              start a station here
  codebay run --dir . "Make the failing test pass" --verify "npm test"
  codebay run --repo https://github.com/you/app "Explain how logins work" --mode explain
  codebay apply ID                                        apply a task's diff to this folder

The station is found by CODEBAY_URL and CODEBAY_API_KEY, else in CODEBAY_DATA (./.codebay).
Exit codes: 0 done, 1 failed or refused, 2 wrong usage, 3 station unreachable or key refused, 4 task cancelled.`,
  );

program
  .command('up')
  .description('start the station and keep it running until Ctrl-C')
  .action(() => run(import('./commands/up.ts').then(({ up }) => up())));

program
  .command('run')
  .description('submit a task and follow it to its end')
  .argument('<prompt>', 'what to do')
  .option('--repo <url>', 'a git repository (https)')
  .option('--dir <folder>', 'a folder of this machine, uncommitted work included, ignored files left out (default: .)')
  .option('--ref <ref>', 'branch, tag or full commit id of --repo')
  .option('--subfolder <path>', 'work in this folder of the code')
  .addOption(new Option('--mode <mode>', 'what kind of task').choices(MODES).default('modify'))
  .option('--verify <command>', 'a shell command that must succeed on the changed code')
  .option('--label <name=value>', 'may be repeated', pair, {})
  .option('--model <name>', "one of the station's models")
  .option('--time <seconds>', 'wall time', number)
  .option('--steps <count>', 'model turns', number)
  .option('--tokens <count>', 'input and output tokens together', number)
  .option('--cost <dollars>', 'money', number)
  .option('--detach', 'print the id and return at once')
  .option('--json', 'print the finished (or, with --detach, the queued) task as JSON; progress goes to stderr')
  .action((prompt, options) => run(import('./commands/run.ts').then((module) => module.run(prompt, options))));

program
  .command('list')
  .description('the tasks, newest first')
  .addOption(new Option('--status <status>', 'only these').choices(STATUSES))
  .option('--repo <repo>', 'only of this repository (host/path)')
  .option('--limit <count>', 'how many', number, 20)
  .option('--json', 'as JSON')
  .action((options) => run(import('./commands/list.ts').then(({ list }) => list(options))));

program
  .command('show')
  .description('one task: status, phases with timings, usage, artifacts')
  .argument('<id>')
  .option('--json', 'as JSON')
  .action((id, options) => run(import('./commands/show.ts').then(({ show }) => show(id, options))));

program
  .command('logs')
  .description('what a task has printed')
  .argument('<id>')
  .option('-f, --follow', 'go on until the task has finished')
  .option('--tail <lines>', 'only the last lines', number)
  .action((id, options) => run(import('./commands/logs.ts').then(({ logs }) => logs(id, options))));

program
  .command('diff')
  .description("a task's patch, byte for byte as git made it")
  .argument('<id>')
  .option('--stat', 'only the files and their counts')
  .action((id, options) => run(import('./commands/diff.ts').then(({ diff }) => diff(id, options))));

program
  .command('apply')
  .description("apply a task's patch to the repository in this folder; refuses to touch files with uncommitted changes")
  .argument('<id>')
  .option('--check', 'only say whether it would apply')
  .action((id, options) => run(import('./commands/apply.ts').then(({ apply }) => apply(id, options))));

program
  .command('cancel')
  .description('stop a task; what it did so far is kept')
  .argument('<id>')
  .action((id) => run(import('./commands/cancel.ts').then(({ cancel }) => cancel(id))));

program
  .command('message')
  .description('steer a running task')
  .argument('<id>')
  .argument('<text>')
  .action((id, text) => run(import('./commands/message.ts').then(({ message }) => message(id, text))));

program
  .command('doctor')
  .description('check this machine and say how to mend what is wrong')
  .action(() => run(import('./commands/doctor.ts').then(({ doctor }) => doctor())));

addAdmin(program);

// Whoever reads the output may have seen enough, as `head` has, and a terminal may be closed (EIO); a station goes on unheard, to its ordered end.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
    if (process.argv[2] !== 'up') process.exit(EXIT.done);
  });
}

try {
  await program.parseAsync();
} catch (error) {
  // commander has said what it had to say, help and version included.
  process.exitCode = error instanceof CommanderError ? (error.exitCode === 0 ? EXIT.done : EXIT.usage) : reportError(error);
}
