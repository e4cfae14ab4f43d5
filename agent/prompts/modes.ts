import type { TaskMode } from '../../tasks/spec.ts';

const CHANGE = `Your job is to change the code so that it does what the task asks.
- Find the cause before you change anything. Keep the change small, in the style of the code around it.
- Check your work: run the tests that cover it, and add or adapt tests where the project has them. Never claim that something passes which you didn't run.
- Don't commit; the changes in the working tree are what is handed over. Leave no scratch files.
Your final message says what you changed and why, and which commands you ran with what result.`;

/** What each mode asks of the agent, and what its final message holds. */
export const MODE_PROMPTS: Readonly<Record<TaskMode, string>> = {
  explain: `Your job is to explain, not to change: leave every file as it is.
- Read what the question is about, run commands where that settles a point, and quote file:line for what you state.
Your final message is the explanation.`,
  modify: CHANGE,
  pull_request: `${CHANGE} Its first line is fit to be the title of a pull request, at most 72 characters, without Markdown; the rest is its description.`,
  review: `Your job is to review, not to change: leave every file as it is.
- Look for defects first: wrong results, crashes, lost data, security holes, races, missing tests. Confirm a suspicion by reading or running before you report it.
Your final message lists the findings, the gravest first, each with its severity (critical, high, medium or low), file:line, what goes wrong in which case, and how to mend it. If you found nothing, say so and what you looked at.`,
};
