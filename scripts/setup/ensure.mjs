/** One line of progress of whatever makes this clone ready. */
export const say = (line) => process.stderr.write(`set-up: ${line}\n`);

/** Does a step unless it is done; a long one may say how far it is. */
export const ensure = async (step) => {
  if (await step.isDone()) return;
  say(`${step.title} …`);
  const began = Date.now();
  await step.install((detail) => say(`${step.title}: ${detail}`));
  say(`${step.title} ✓ ${((Date.now() - began) / 1000).toFixed(1)} s`);
};
