import type { Answer, ChatMessage, ModelScript } from '../test/support/scripted-model.ts';

const PATCH = `*** Begin Patch
*** Update File: src/duration.js
@@
-  const parts = [...text.matchAll(/(-?\\d+)\\s*([dhm])/g)];
+  const parts = [...text.matchAll(/(\\d+)\\s*([dhm])/g)];
   if (parts.length === 0) throw new RangeError(\`not a duration: \${text}\`);
-  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * MINUTES[unit], 0);
+  const minutes = parts.reduce((sum, [, count, unit]) => sum + Number(count) * MINUTES[unit], 0);
+  return text.trim().startsWith('-') ? -minutes : minutes;
*** End Patch`;

/** What the test runner really printed: the values that differed and the counts. */
const quote = (message: ChatMessage | undefined): string => {
  const printed = [...new Set((message?.content ?? '').split('\n').map((line) => line.trim()))];
  const telling = printed.filter((line) => /!==|^[#ℹ] (pass|fail) \d+/.test(line));
  return (telling.length > 0 ? telling : printed.slice(-3)).map((line) => `> ${line}`).join('\n');
};

const runTests = (text: string, testCommand: string): Answer => ({
  text,
  calls: [{ name: 'shell', arguments: { command: testCommand } }],
});

/**
 * The answers of the demo's stand-in for a model. They depend on how many tools have been run, so a repeated request gets the same answer,
 * and quote what the tools printed: the test, the patch and its effect are real.
 */
export const scriptedAnswers =
  (testCommand: string): ModelScript =>
  ({ body }) => {
    const observations = body.messages.filter((message) => message.role === 'tool');
    switch (observations.length) {
      case 0:
        return runTests('I run the tests first, to see what fails.', testCommand);
      case 1:
        return {
          text: `The tests print:\n${quote(observations[0])}\nThe minus is read as part of the first number only, so the minutes are added back. It belongs to the whole duration.`,
          calls: [{ name: 'apply_patch', arguments: { patch: PATCH } }],
        };
      case 2:
        return runTests('The patch is in. I run the tests again.', testCommand);
      default:
        return {
          text:
            `The minus of a duration such as \`-1h 05m\` was read as part of its first number only, so it came out as -55 minutes instead of -65, and \`-0h 05m\` lost it altogether. ` +
            `\`parseDuration\` now reads the numbers without a sign and applies the minus to their sum.\n\nBefore, \`${testCommand}\` printed:\n${quote(observations[0])}\n\nNow it prints:\n${quote(observations.at(-1))}`,
        };
    }
  };
