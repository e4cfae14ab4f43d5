import { createCommandPolicy } from '../../../agent/tools/command-policy.ts';
import { simpleCommands } from '../../../agent/tools/simple-commands.ts';

test.each<[string, string[][]]>([
  ['ls -la', [['ls', '-la']]],
  [`git commit -m 'a && b; c'`, [['git', 'commit', '-m', 'a && b; c']]],
  ['a "b \\"c\\" $HOME" d\\ e', [['a', 'b "c" $HOME', 'd e']]],
  ['a&&b||c;d|e|&f&g\nh', [['a'], ['b'], ['c'], ['d'], ['e'], ['f'], ['g'], ['h']]],
  [
    'a >out 2>&1 && b &>log',
    [
      ['a', '>out', '2>&1'],
      ['b', '&>log'],
    ],
  ],
  ['a \\\n  b', [['a', 'b']]],
  ['"ls"', [['ls']]],
  ['a#b', [['a#b']]],
  [' ; ', []],
])('%j consists of %j', (text, commands) => {
  expect(simpleCommands(text)).toEqual(commands);
});

test.each([
  ...['ls `rm x`', 'ls $(rm x)', 'ls "$(rm x)"', 'ls "`rm x`"', 'cat <(rm x)', '(rm x)', `ls \${x:-$(rm x)}`, "ls $'\\'' rm x"],
  ...["ls # it's\nrm x # '", "cat <<E\n'\nE\nrm x\ncat <<E\n'\nE", "ls 'open", 'ls "open', 'f() { rm x; }'],
])('what %j executes only a shell can tell', (text) => {
  expect(simpleCommands(text)).toBeNull();
});

describe('a policy of git, ls and npm test', () => {
  const policy = createCommandPolicy(['git', 'ls', 'npm test']);
  test.each(['git status', 'ls | git hash-object --stdin', 'npm  test -- --watch', 'git log && npm test > out 2>&1', "'git' diff"])(
    'allows %s',
    (command) => {
      expect(policy(command)).toBeNull();
    },
  );
  test.each([
    ...['rm -rf .', 'ls; rm x', 'ls && rm x', 'ls | sh', 'ls & rm x', 'ls\nrm x', 'npm install', 'npm', '/usr/bin/git status', 'gitx'],
    ...['A=1 git status', 'env git status', '$X', '>x git', 'if ls; then rm x; fi', '{ rm x; }', '! rm x', '{rm,x}', 'l{s,}', 'ls $(rm x)'],
  ])('refuses %s with a code and says what is allowed', (command) => {
    expect(policy(command)).toMatch(/^COMMAND_REFUSED: .* begin with: git, ls, npm test\.$/);
  });
});
